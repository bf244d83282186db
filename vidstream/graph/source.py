"""The source contract: where frames come from."""

from __future__ import annotations

import dataclasses
import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

from vidstream.graph.clock import Clock, SystemClock
from vidstream.graph.footage import Footage
from vidstream.graph.stage import NoParams, Notify
from vidstream.types import Pixels, SourceState, StreamInfo

#: takes a state and its cause
Announce: TypeAlias = Callable[[SourceState, str], None]
#: keys of a source's YAML entry that belong to the engine
SOURCE_KEYS = frozenset({"use", "set"})


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded picture: uint8 (H, W, 3) BGR, with `pts` in seconds since the segment's start.

    `segment` goes up at every reconnect, loop or seek; `wall` is UTC seconds or None; `skipped` counts
    pictures that the source left out since the last frame (by `fps`, damaged, too old): they have numbers.
    """

    pixels: Pixels
    pts: float
    segment: int = 0
    wall: float | None = None
    damaged: bool = False
    skipped: int = 0


class Source(ABC):
    """Base of all sources.

    `open` and `read` are called from one thread; `interrupt` may come from any, and must make a blocking
    call return soon. After `interrupt`, `read` gives None.
    """

    Params: ClassVar[type] = NoParams
    spec: ClassVar[SourceSpec]
    #: cameras and network streams: newest frame wins, and a lost one is opened again
    live: bool = False
    name: str = ""
    #: report a named event (kind, message); set by the engine
    notify: Notify = staticmethod(lambda kind, message: None)
    #: say that it has come into a state, and why; set by the engine
    announce: Announce = staticmethod(lambda state, cause: None)
    #: the time of day comes from here; set by the engine
    clock: Clock = SystemClock()

    def __init__(self, params: Any) -> None:
        self.params = params
        self.stopping = threading.Event()
        #: what arrives, before it is decoded, for stages that keep it; sources without any leave it empty
        self.footage = Footage()

    @classmethod
    def ends(cls, params: Any) -> bool:
        """Whether a source with these options comes to an end by itself."""
        return not cls.live

    @abstractmethod
    def open(self) -> StreamInfo:
        """Open it; SourceError says why not, free of passwords."""

    @abstractmethod
    def read(self) -> Frame | None:
        """The next frame, or None at the end. SourceError where the rest cannot be read."""

    @abstractmethod
    def close(self) -> None:
        """Free everything; called once, also after errors."""

    def interrupt(self) -> None:
        """Wake up whatever blocks."""
        self.stopping.set()


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source kind as the registry knows it. `accepts` tells whether an address is for it."""

    name: str
    cls: type[Source]
    params: type
    accepts: Callable[[str], bool]

    @property
    def doc(self) -> str:
        """The whole docstring."""
        return inspect.getdoc(self.cls) or ""

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return self.doc.partition("\n")[0]


T = TypeVar("T", bound=type[Source])


def source(name: str, accepts: Callable[[str], bool]) -> Callable[[T], T]:
    """Make a Source class the kind `name`, chosen for addresses that `accepts` says yes to."""

    def decorate(cls: T) -> T:
        clash = SOURCE_KEYS & {f.name for f in dataclasses.fields(cls.Params)}
        if clash:
            raise TypeError(f"source '{name}': a parameter cannot be called {', '.join(sorted(clash))}")
        cls.spec = SourceSpec(name, cls, cls.Params, accepts)
        return cls

    return decorate
