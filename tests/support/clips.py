"""Small video files made for tests, frame by frame, with the time stamps asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from vidstream.graph.params import make_params
from vidstream.graph.source import Frame, Source

MS = Fraction(1, 1000)
BLUE = (210, 60, 40)


def numbered(number: int, size: tuple[int, int]) -> np.ndarray:
    """White at the top left, blue at the top right, noise, and its number (0 to 255) in stripes below."""
    picture = np.full((size[1], size[0], 3), 40, np.uint8)
    noise = np.random.default_rng(number).integers(20, 200, (size[1] // 8, size[0], 1), np.uint8)
    picture[size[1] // 4 : size[1] // 4 + size[1] // 8] = noise  # so that all frames take bytes
    picture[: size[1] // 4, : size[0] // 4] = 240
    picture[: size[1] // 4, -size[0] // 4 :] = BLUE
    stripe = size[0] // 8
    for bit in range(8):
        if number >> bit & 1:
            picture[size[1] // 2 :, bit * stripe : (bit + 1) * stripe] = 200
    return picture


def number_of(pixels: np.ndarray) -> int:
    """The number that a `numbered` picture shows."""
    height, width = pixels.shape[:2]
    stripes = pixels[height // 2 :, : width // 8 * 8].reshape(height - height // 2, 8, -1).mean(axis=(0, 2))
    return sum(1 << bit for bit, level in enumerate(stripes) if level > 120)


def make_clip(
    path: Path,
    stamps: Sequence[int] = range(30),
    *,
    time_base: Fraction = Fraction(1, 25),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (128, 96),
    options: Mapping[str, str] | None = None,
    muxing: Mapping[str, str] | None = None,
    rotation: int = 0,
    sound: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A clip whose frames have these time stamps, in units of the time base; its kind by its ending."""
    with av.open(str(path), "w", options=dict(muxing or {})) as container:
        container.metadata.update(metadata or {})
        video = container.add_stream(codec, rate=25, options=dict(options or {}))
        video.width, video.height = size
        video.pix_fmt = pix_fmt
        video.codec_context.time_base = time_base
        if rotation:
            video.set_display_rotation(rotation)
        audio: Any = (
            container.add_stream("aac" if path.suffix != ".avi" else "mp2", rate=48000) if sound else None
        )
        for number, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(numbered(number, size), "bgr24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = stamp, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            silence.sample_rate = 48000
            container.mux([packet for _ in range(50) for packet in audio.encode(silence)])
            container.mux(audio.encode(None))
    return path


def container_times(path: Path) -> list[float]:
    """What the container itself says: the packets' time stamps in order of showing, from the first on."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stamps = sorted(p.pts for p in container.demux(stream) if p.pts is not None)
        return [float((stamp - stamps[0]) * stream.time_base) for stamp in stamps]


class Watched:
    """A source being read, with all it reports: ``with Watched(VideoFile, uri=path) as clip``."""

    def __init__(self, kind: type[Source], **params: Any) -> None:
        self.source = kind(make_params(kind.Params, params, "source"))
        self.source.name = "clip"
        self.events: list[tuple[str, str]] = []
        self.source.notify = lambda kind, message: self.events.append((kind, message))

    def __enter__(self) -> Watched:
        try:
            self.info = self.source.open()
        except BaseException:
            self.source.close()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self.source.close()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.source.read()) is not None:
            yield frame

    def take(self, count: int) -> list[Frame]:
        """The next frames, at most so many."""
        return [frame for _, frame in zip(range(count), self, strict=False)]

    @property
    def kinds(self) -> set[str]:
        """The kinds of events so far."""
        return {kind for kind, _ in self.events}


def read_all(kind: type[Source], **params: Any) -> list[Frame]:
    """Every frame of a source."""
    with Watched(kind, **params) as source:
        return list(source)
