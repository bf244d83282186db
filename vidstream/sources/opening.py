"""Opening a container: what is let in, and how its pictures are decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from vidstream.errors import SourceError
from vidstream.sources.faults import OpenError
from vidstream.sources.limits import MAX_PIXELS, TOO_LARGE

#: libavcodec's name of streams of JPEGs
JPEG = "mjpeg"
#: how decoders are made to report flaws that they would pass over. "aggressive" minds what is left over at
#: the end of a slice: with flipped bytes (CAVLC) 97.6 % of the frames that show it are marked instead of
#: 93.1 %, and none of whole streams
_STRICT = {JPEG: "explode", "h264": "aggressive"}


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open an address, as often as it takes."""

    url: str
    options: Mapping[str, str]
    #: decoder threads for pictures of so many pixels
    threads: Callable[[int], int]
    #: seconds for opening and for each read
    timeouts: tuple[float, float] | None = None
    #: report flaws that are passed over otherwise
    strict: bool = False
    #: the device that decodes, or None for the CPU
    accelerator: Callable[[], HWAccel | None] = field(default=lambda: None)

    def __call__(self) -> tuple[InputContainer, VideoStream]:
        """The container and its main video stream; SourceError says why not, in plain words."""
        limit = {"max_pixels": str(MAX_PIXELS)}
        try:
            container = av.open(
                self.url,
                "r",
                options={**self.options, **limit},
                timeout=self.timeouts,
                metadata_errors="replace",
                hwaccel=self.accelerator(),
            )
        except av.FFmpegError as error:
            raise OpenError(error) from None
        try:
            stream = _main_stream(container)
        except SourceError:
            container.close()
            raise
        codec = stream.codec_context
        codec.options = limit  # holds also for pictures that grow on the way
        if self.strict and codec.name in _STRICT:
            codec.options = {**limit, "err_detect": _STRICT[codec.name]}
        codec.thread_count = self.threads(stream.width * stream.height)
        codec.thread_type = "FRAME" if codec.thread_count > 1 else "NONE"
        return container, stream


def _main_stream(container: InputContainer) -> VideoStream:
    """The main video stream, checked; the others are not read."""
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        raise SourceError("has no video in it")
    if stream.codec_context is None:
        raise SourceError("has video of a kind that cannot be decoded here")
    if stream.width * stream.height > MAX_PIXELS:
        raise SourceError(
            f"has pictures of {stream.width} x {stream.height} pixels",
            fix=TOO_LARGE,
            retry=False,
        )
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return stream
