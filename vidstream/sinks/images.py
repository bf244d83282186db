"""sink.images and sink.poster: single pictures."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from vidstream.errors import ParamError, SinkError, did_you_mean
from vidstream.graph.stage import stage
from vidstream.sinks.base import Sink, output_path
from vidstream.types import Detections, Events, FrameInfo, Image, StreamInfo, Tracks
from vidstream.types.values import OutputFile, Positive, Range, Seconds

_FIELD = re.compile(r"\{([^{}]*)\}")
_FIELDS = ("source", "seq", "pts", "event")
_UNSAFE = re.compile(r"[^\w.-]+")


class PictureSink(Sink):
    """Base of the sinks that write single pictures."""

    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".png")

    def write_picture(self, image: Image, target: Path) -> None:
        """Encode and write, as the name's ending says; the file appears whole or not at all."""
        import cv2

        options = [] if target.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, self.params.quality]
        encoded, data = cv2.imencode(target.suffix, image.pixels, options)
        if not encoded:  # JPEG ends at 65500 pixels
            what = f"a picture of {image.width}x{image.height} cannot be encoded as {target.suffix}"
            raise SinkError(what, where=self.place(target), fix="resize it before (image.resize)")
        self.write_document(target, data.tobytes())


@stage("sink.images", sink=True)
class ImageSink(PictureSink):
    """Save single pictures: every so many seconds, or when something happens.

    Fields in the path: ``{source}``, ``{seq}`` (the frame's number), ``{pts}`` (its time in seconds) and
    ``{event}`` (the first event's kind). A path without any keeps the newest picture only, for others to
    look at: a file is replaced in one go.

    Example::

        graph:
          stills: {use: sink.images, path: "stills/{source}-{seq}.jpg", period: 2s}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: name of the files, .jpg or .png, with fields such as {source} and {seq}
        trigger: Literal["time", "event"] = "time"  #: a picture every `period`, or where events arrive
        period: Seconds | None = None  #: at most one picture in so much time (default: 1 s; for events, 0)
        limit: Positive | None = None  #: stop after so many pictures
        quality: Annotated[int, Range(1, 100)] = 90  #: of JPEG

    params: Params

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Are the fields in the name known?"""
        yield from super().check(params)
        for field in _FIELD.findall(str(params.path)):
            if field not in _FIELDS:
                hint = did_you_mean(field, _FIELDS) or f"known are {', '.join(_FIELDS)}"
                yield ParamError(f"unknown field '{{{field}}}'", path=("path",), fix=hint)

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """Events must come from somewhere."""
        if params.trigger == "event" and "events" not in wired:
            what = "waits for events, which no earlier stage gives"
            yield ParamError(what, path=("trigger",), fix="put a counter (count.line, count.zone) before it")

    def open(self, stream: StreamInfo) -> None:
        """Make the folder, as far as its name is known."""
        target = self.locate(stream)
        self.make_folder(next(p for p in target.parents if not _FIELD.search(str(p))))
        self._due: tuple[int, float] | None = None
        self._written = 0
        usual = 1.0 if self.params.trigger == "time" else 0.0
        self._period = usual if self.params.period is None else self.params.period

    def process(self, image: Image, frame: FrameInfo, events: tuple[Events, ...] = ()) -> None:
        """Save the picture if its time has come."""
        kinds = [event.kind for part in events for event in part]
        if not self._wanted(frame, kinds):
            return
        self._due = frame.segment, frame.pts + self._period
        target = output_path(self.out_root, self._name(frame, kinds))
        self.make_folder(target.parent)
        self.write_picture(image, target)
        self._written += 1
        if self._written == self.params.limit:
            self.notify("limit-reached", f"{self._written} pictures are written: no more will be")

    def _wanted(self, frame: FrameInfo, kinds: Sequence[str]) -> bool:
        if self._written == self.params.limit or (self.params.trigger == "event" and not kinds):
            return False
        if self._due is None or frame.segment != self._due[0]:
            return True
        # time stamps are rounded to the container's ticks: a picture due now must not wait for the next
        return frame.pts >= self._due[1] - self._period * 1e-2

    def _name(self, frame: FrameInfo, kinds: Sequence[str]) -> Path:
        fields = {
            "source": frame.source,
            "seq": f"{frame.seq:06d}",
            "pts": f"{frame.pts:09.3f}",
            "event": kinds[0] if kinds else "none",
        }
        safe = {name: _UNSAFE.sub("_", value).lstrip(".") or "_" for name, value in fields.items()}
        return Path(_FIELD.sub(lambda match: safe[match[1]], str(self.params.path)))


@stage("sink.poster", sink=True)
class PosterSink(PictureSink):
    """Save one picture of the whole run: the moment with the most objects in sight.

    Objects that a tracker only predicts do not count. Among equals the surest and then the earliest
    moment wins. The file is written when the stream ends.

    Example::

        graph:
          motion: {use: detect.motion}
          poster: {use: sink.poster, path: "${source}.jpg"}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: the file to write, .jpg or .png
        quality: Annotated[int, Range(1, 100)] = 90  #: of JPEG

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Make the folder."""
        self._best: tuple[int, float] | None = None
        self._image: Image | None = None
        self._target = self.prepare(stream)

    def process(self, image: Image, objects: Detections) -> None:
        """Keep the picture if it is the best so far; pictures never change, so it need not be copied."""
        seen = objects[objects.seen_now()] if isinstance(objects, Tracks) else objects
        merit = len(seen), round(float(seen.scores.sum()), 4)
        if self._best is None or merit > self._best:
            self._best, self._image = merit, image

    def flush(self) -> None:
        """Write it."""
        if self._image is not None:
            image, self._image = self._image, None
            self.write_picture(image, self._target)
