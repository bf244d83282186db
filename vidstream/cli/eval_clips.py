"""Short films of the worst errors: what is true, what was reported, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trackers.evaluation.errors import TrackingError
from trackers.evaluation.sequences import Sequence
from trackers.motfile import MotRows
from vidstream.errors import SourceError
from vidstream.sinks.base import write_error
from vidstream.sinks.mp4 import Mp4Writer
from vidstream.stages.draw.boxes import Rectangle, draw_box, draw_dashed
from vidstream.stages.draw.labels import Floor, Label, draw_labels
from vidstream.stages.draw.look import Look
from vidstream.stages.draw.palette import DIM, WHITE, Bgr, track_colour
from vidstream.types import Detections, Pixels

#: seconds shown before an error begins and after, and the longest that one takes
_BEFORE, _AFTER, _LONGEST = 1.5, 1.5, 4.0
#: a switch takes no time, but is marked for so many seconds
_NOTICE = 1.0
#: small pictures are shown larger, so that labels leave room for what they name
_HEIGHT = 720
#: what is true is white, what went wrong has a red frame around it
_WRONG: Bgr = (60, 60, 255)


@dataclass(frozen=True, slots=True)
class Clip:
    """One error and the frames that show it."""

    error: TrackingError
    path: Path
    first: int
    last: int


def plan_clips(sequence: Sequence, errors: list[TrackingError], folder: Path) -> list[Clip]:
    """Which frames go into which file."""
    clips = []
    for number, error in enumerate(errors, 1):
        first = max(1, error.first - round(_BEFORE * sequence.fps))
        end = min(error.last, error.first + round(_LONGEST * sequence.fps))
        last = min(sequence.length, end + round(_AFTER * sequence.fps))
        name = f"{sequence.name}-{number:02d}-{error.kind}-frame{error.first}.mp4"
        clips.append(Clip(error, folder / name, first, last))
    return clips


def write_clips(sequence: Sequence, reported: MotRows, clips: list[Clip]) -> None:
    """Decode the video once, and write all clips of it."""
    if not clips:
        return
    try:
        clips[0].path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, f"--clips '{clips[0].path.parent}'") from error
    last = max(clip.last for clip in clips)
    truth = dict(sequence.truth.by_frame(last))
    found = dict(reported.by_frame(last))
    writers: dict[Path, _Film] = {}
    try:
        for frame, pixels in _pictures(sequence):
            for clip in clips:
                if clip.first <= frame <= clip.last:
                    film = writers.setdefault(clip.path, _Film(clip, sequence))
                    film.add(frame, pixels, truth[frame], found[frame])
            if frame >= last:
                break
    finally:
        for film in writers.values():
            film.close()


def _pictures(sequence: Sequence) -> Iterator[tuple[int, Pixels]]:
    """The sequence's frames from 1, with their pictures."""
    from vidstream.sources.file import VideoFile
    from vidstream.sources.images import ImageFiles
    from vidstream.types.values import InputFile, InputPattern

    path = sequence.video
    if path is None:
        raise SourceError(
            f"{sequence.name} has no video",
            where="--clips",
            fix=f"name it: --video {sequence.name}=FILE",
            retry=False,
        )
    source: VideoFile | ImageFiles
    if path.is_dir():
        source = ImageFiles(ImageFiles.Params(InputPattern(path), fps=sequence.fps))
    else:
        source = VideoFile(VideoFile.Params(InputFile(path)))
    source.name = sequence.name
    try:
        info = source.open()
        if sequence.width and (info.width, info.height) != (sequence.width, sequence.height):
            what = (
                f"has pictures of {info.width}x{info.height}, the sequence {sequence.width}x{sequence.height}"
            )
            raise SourceError(what, where=str(path), fix="name the right video with --video", retry=False)
        number = 0
        while (frame := source.read()) is not None:
            number += 1 + frame.skipped
            yield number, frame.pixels
    finally:
        source.close()


class _Film:
    """One clip being written."""

    def __init__(self, clip: Clip, sequence: Sequence) -> None:
        self._clip, self._sequence = clip, sequence
        self._writer: Mp4Writer | None = None

    def add(self, frame: int, pixels: Pixels, truth: Detections, found: Detections) -> None:
        scale = max(1.0, _HEIGHT / pixels.shape[0])
        picture = _enlarged(pixels, scale)
        height, width = picture.shape[:2]
        if self._writer is None:
            self._look = Look.of(width, height, None, None, None)
            options = {"preset": "superfast", "quality": 23, "place": str(self._clip.path)}
            self._writer = Mp4Writer(
                self._clip.path,
                (width, height),
                rate=self._sequence.fps,
                **options,  # type: ignore[arg-type]
            )
        self._draw(picture, scale, frame, truth, found)
        self._writer.write(picture, (frame - self._clip.first) / self._sequence.fps)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _draw(self, picture: Pixels, scale: float, frame: int, truth: Detections, found: Detections) -> None:
        error, look = self._clip.error, self._look
        happening = error.first <= frame <= max(error.last, error.first + round(_NOTICE * self._sequence.fps))
        labels = []
        for box, _, _, name in truth.rows():
            place, concerned = _place(box, scale), name == error.true_id
            draw_dashed(picture, place, WHITE, look.thickness)
            if concerned:
                labels.append(Label(place, f"true {name}", WHITE, faint=True))
                self._mark(picture, place, happening)
        for box, _, _, name in found.rows():
            place, colour = _place(box, scale), track_colour(name)
            draw_box(picture, place, colour, look.thickness, "full")
            labels.append(Label(place, f"track {name}", colour))
            self._mark(picture, place, happening and error.kind == "false" and name in error.track_ids)
        floor = look.floor()
        self._write(picture, floor, frame, happening)
        draw_labels(picture, labels, look.pills, floor, look.gap)

    def _mark(self, picture: Pixels, place: Rectangle, wrong: bool) -> None:
        """Red corners around what went wrong."""
        if wrong:
            x1, y1, x2, y2 = place
            room = 3 * self._look.thickness
            outer = x1 - room, y1 - room, x2 + room, y2 + room
            draw_box(picture, outer, _WRONG, self._look.thickness, "corners")

    def _write(self, picture: Pixels, floor: Floor, frame: int, happening: bool) -> None:
        """What happens at the top, what the lines mean at the bottom."""
        look = self._look
        caption = look.cards.line(
            ((f"frame {frame}", DIM), (self._clip.error.text, _WRONG if happening else WHITE))
        )
        legend = look.cards.line((("white dashes: true", WHITE), ("colours: reported", DIM)))
        for patch, top in ((caption, look.gap), (legend, picture.shape[0] - legend.height - look.gap)):
            patch.over(picture, look.gap, top)
            floor.take(look.gap, top, patch.width, patch.height)


def _place(box: list[float], scale: float) -> Rectangle:
    x1, y1, x2, y2 = (round(value * scale) for value in box)
    return x1, y1, x2, y2


def _enlarged(pixels: Pixels, scale: float) -> Pixels:
    """A copy to draw on, `scale` times as large."""
    import cv2

    if scale == 1.0:
        return pixels.copy()
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)
