"""Network streams."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import av

from vidstream.errors import ParamError, SourceError, did_you_mean
from vidstream.graph.source import Frame, source
from vidstream.sources.address import accepts
from vidstream.sources.decoding import Video
from vidstream.sources.faults import BadDataError, OpenError, RefusedError
from vidstream.sources.hardware import Decode, accelerator
from vidstream.sources.limits import STREAM_FORMATS
from vidstream.sources.live import LiveSource
from vidstream.sources.opening import Opening
from vidstream.sources.pixels import Converter
from vidstream.sources.playback import Playback, Rules
from vidstream.sources.recorder import Recorder
from vidstream.sources.session import Session
from vidstream.sources.timeline import MaxFps
from vidstream.types import StreamInfo
from vidstream.types.values import Seconds, Uri

_WEB = "http,https,tcp,tls,crypto"
#: scheme -> the protocols FFmpeg may use for it, so that nothing a server says leads to files of this machine
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "http": _WEB,
    "https": _WEB,
    "tcp": "tcp",
    "udp": "udp",
    "srt": "srt",
}
#: containers without time stamps: FFmpeg makes them up, at 25 frames/s
_UNTIMED = frozenset({"mpjpeg", "mjpeg", "h264", "hevc"})
#: one thread decodes 1080p at 100 frames/s without delay; above, each further thread delays by one frame
_ONE_THREAD_PIXELS = 2_500_000
#: an abandoned read ends by itself so long after it should have been over
_LINGER_S = 1.0
#: what FFmpeg says where the other side says no, and where it sends something else than a known stream
_REFUSED = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
_UNKNOWN = (av.error.InvalidDataError, av.error.ArgumentError)


@source("stream", accepts=accepts("stream"))
class NetworkStream(LiveSource):
    """A network camera or stream (RTSP, RTMP, HTTP, HLS, MJPEG, SRT, MPEG-TS over TCP or UDP).

    It is waited for at the start and opened again whenever it is lost: after 0.25 s, then after pauses that
    double up to 5 s; every 30 s once it has been away for ten minutes, every minute where it refuses the
    password. What it is at: ``connecting``, ``live``, ``stalled`` (no picture for 2 s, or for three frame
    intervals), ``lost``, ``auth-failed``, ``bad-data``, ``format-changed`` (the pictures have another size;
    a new segment begins) and ``ended``, each with its cause. When this machine itself was suspended or too
    busy, no camera is blamed.

    Frames are as new as they say: pictures that lay in buffers while somebody was hung are left out. Those
    that show damage (lost packets, flipped bits) are marked, up to the next keyframe. `wall` is the camera's
    own time where the stream tells it (RTSP), else that of arrival.

    A recording behind an http address plays at its own pace and ends where it ends; download it to be
    faster. Write passwords as ${env:NAME}: they are shown nowhere.

    Example::

        source: {uri: "rtsp://viewer:${env:CAM_PW}@10.0.0.5/1", fps: 10}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Where, and how patient."""

        uri: Uri  #: the address
        fps: MaxFps | None = None  #: use at most so many frames per second, evenly chosen
        transport: Literal["tcp", "udp"] = "tcp"  #: what carries RTSP: tcp loses nothing, udp does not wait
        open_timeout: Seconds = 10.0  #: how long an answer may take
        read_timeout: Seconds = 4.0  #: how long pictures may stay away before the stream is opened again
        reconnect: bool = True  #: open it again when it is lost
        give_up: Seconds | None = None  #: end with an error after so long without pictures
        #: what becomes of frames that show damage: they are marked, or left out and counted as skipped
        damaged: Literal["keep", "drop"] = "keep"
        #: what decodes: the processor (it sees damage best), a graphics card, or auto: that if there is one
        decode: Decode = "cpu"
        #: time of day of a frame: by the camera's clock where the stream tells it, or by when it came
        wall: Literal["stream", "arrival"] = "stream"

        def __post_init__(self) -> None:
            scheme = _scheme(self.uri)
            if scheme not in _PROTOCOLS:
                fix = did_you_mean(scheme, list(_PROTOCOLS)) or f"known are {', '.join(_PROTOCOLS)}"
                raise ParamError(f"addresses with '{scheme}://' are not read", path=("uri",), fix=fix)

    params: Params

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        #: those of connections that have ended: to make one costs more than all the rest of a connection,
        #: and libavfilter's circles would keep its pictures until the next garbage collection
        self.converters: list[Converter] = []

    def connect(self, session: Session) -> StreamConnection:
        """Open the address once."""
        return StreamConnection(self, session)


class StreamConnection:
    """One connection to a network stream."""

    def __init__(self, source: NetworkStream, session: Session) -> None:
        params, clock = source.params, source.clock
        opening = Opening(
            params.uri.reveal(),
            _options(params),
            lambda pixels: 1 if pixels <= _ONE_THREAD_PIXELS else 2,
            # the reader decides how long pictures may stay away; this only lets an abandoned thread end
            (params.open_timeout, params.read_timeout + _LINGER_S),
            strict=True,
            accelerator=partial(accelerator, params.decode),
        )
        began = time.monotonic()
        try:
            self._video = Video(opening, partial(session.note, "stream-damaged"), lambda: session.wanted)
        except OpenError as error:
            late = time.monotonic() - began >= params.open_timeout
            raise _explained(error, _scheme(params.uri), late=late) from None
        self.info = self._describe(source.name, params)
        self._paced = self.info.duration is not None or self._video.format == "hls"
        self._spare = source.converters
        self._converter = self._spare.pop() if self._spare else Converter()
        rules = Rules(
            params.fps,
            drop_damaged=params.damaged == "drop",
            arrival=self._video.format in _UNTIMED,
            fresh=not self._paced,
            split=True,
        )
        self._playback = Playback(
            self._video,
            rules,
            Recorder(self._video, session.keep, lambda: source.footage.wanted),
            self._converter,
            lambda elapsed, utc: clock.time() if utc is None or params.wall == "arrival" else utc,
            session.note,
        )

    def frames(self) -> Iterator[Frame]:
        """Frames as they arrive."""
        frames = self._playback.frames(self._video.pictures())
        return _paced(frames) if self._paced else frames

    def close(self) -> None:
        """Hang up."""
        self._video.close()
        self._spare.append(self._converter)

    def _describe(self, name: str, params: NetworkStream.Params) -> StreamInfo:
        video = self._video
        width, height = video.size
        fps = min(video.fps, params.fps) if video.fps and params.fps else video.fps
        duration = video.duration if video.is_recording else None
        return StreamInfo(name, width, height, fps, duration, live=True, uri=str(params.uri))


def _paced(frames: Iterator[Frame]) -> Iterator[Frame]:
    """A recording or a playlist as if it were live: a quick server, or one that sends pieces of some seconds,
    must not make whoever keeps only the newest frame drop the others. A pause in it is cut to a second, for
    silence would count as a loss."""
    segment, began = -1, 0.0
    for frame in frames:
        wait = began + frame.pts - time.monotonic()
        if frame.segment != segment or wait > 1:
            segment, began = frame.segment, time.monotonic() - frame.pts + min(1.0, max(0.0, wait))
        time.sleep(max(0.0, began + frame.pts - time.monotonic()))
        yield frame
        del frame  # the next one may never come


def _explained(error: OpenError, scheme: str, *, late: bool) -> SourceError:
    """FFmpeg's RTSP calls it invalid data, too, where its time was up before anything came."""
    if issubclass(error.kind, _REFUSED):
        return RefusedError(error.what)
    if issubclass(error.kind, av.error.ProtocolNotFoundError):
        return SourceError(f"this build of PyAV knows no {scheme}", retry=False)
    if not issubclass(error.kind, _UNKNOWN):
        return error
    return SourceError("no answer in time") if late else BadDataError("sends nothing in a known format")


def _scheme(uri: Uri) -> str:
    return uri.reveal().partition("://")[0].lower()


def _options(params: NetworkStream.Params) -> dict[str, str]:
    return {
        "protocol_whitelist": _PROTOCOLS[_scheme(params.uri)],
        "format_whitelist": STREAM_FORMATS,
        "rtsp_transport": params.transport,
        # a playlist is followed from its last piece but one: near the present, with something in hand
        "live_start_index": "-2",
        # FFmpeg's own 5 s and 20 frames would delay every reconnect; the size comes with the first picture
        "analyzeduration": "1000000",
        "fpsprobesize": "5",
    }
