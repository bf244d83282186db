"""A frame on its way through the graph, and what is known of its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vidstream.types.image import View


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a source knows when it opens.

    `fps` is the nominal rate (None where the source has none), `duration` seconds and `frames` an
    estimate for progress only: containers are often wrong about both.
    """

    source: str
    width: int
    height: int
    fps: float | None = None
    duration: float | None = None
    frames: int | None = None
    live: bool = False
    #: where it comes from, free of passwords
    uri: str = ""


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """A frame's identity and times.

    `segment` goes up at every reconnect, loop or seek; `seq` is the decode index, dropped frames
    included; `pts` are seconds since the segment's start from the container's time stamps; `wall` is
    UTC (or None), a label only; `mono` is the arrival on the monotonic clock.
    """

    source: str
    segment: int
    seq: int
    pts: float
    wall: float | None
    mono: float
    width: int
    height: int
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Time jumped: a source reconnected, looped or was sought. `stream` is what holds from now on."""

    reason: Literal["reconnect", "loop", "seek", "format"]
    stream: StreamInfo
    #: seconds lost, where known
    seconds: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """A finished frame: its identity, its picture, and one value per stage id (or ``id.port``)."""

    frame: FrameInfo
    image: View | None
    results: Mapping[str, Any]

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.frame.source

    @property
    def seq(self) -> int:
        """Decode index within the source."""
        return self.frame.seq

    @property
    def pts(self) -> float:
        """Seconds since the segment's start."""
        return self.frame.pts

    def __getitem__(self, key: str) -> Any:
        """The value of a stage (``packet["track"]``) or of one of its ports (``packet["cross.events"]``)."""
        return self.results[key]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A frame that went no further, and why: joins and reordering step over it, the ledger counts it."""

    source: str
    seq: int
    kind: Literal["dropped", "failed"]
    #: the place (stage id, or "source")
    place: str
    reason: str
