"""What stages gave in one pass over a recording, kept for the next: results, never pictures."""

from __future__ import annotations

import io
import pickle
import zlib
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vidstream.graph.ports import OutputPort
from vidstream.graph.stage import Recall
from vidstream.types import Counts, Detections, Events, FrameInfo, Labels, Texts

#: types that are small enough to be kept for every frame of hours
_SMALL = (Detections, Texts, Labels, Counts, Events)
#: frames that are packed together: what they have in common is kept once
_TOGETHER = 64


class Memory(Protocol):
    """What a later pass is given in place of a stage that has run in an earlier one."""

    #: what the stage gave at the end of the stream
    flushed: Any
    #: whether a stage of a later pass takes any of it
    wanted: bool

    def keeps(self, port: str) -> bool:
        """Whether this output can be given again."""

    def player(self) -> Recall:
        """Gives the values again, frame by frame in order."""


class Tape:
    """Records what one stage gives, frame by frame, and plays it back in the same order.

    Values are packed, 64 frames at a time: 8 bytes for a frame on which nothing was found, and 20 to 30 for
    each box, so that an hour of ten people at 30 frames/s takes about 30 MB. `features` add nearly their
    own size, as they cannot be packed any closer.
    """

    def __init__(self, outputs: Sequence[OutputPort]) -> None:
        self._kept = {o.name: issubclass(o.type, _SMALL) for o in outputs}
        self.flushed: Any = None
        self.wanted = False
        self._begun: list[tuple[int, Any]] = []
        #: number of the first frame, and the frames, of each bundle
        self._bundles: list[tuple[int, bytes]] = []

    def keeps(self, port: str) -> bool:
        """Whether this output can be given again: pictures, masks and flow cannot."""
        return self._kept[port]

    def write(self, seq: int, values: Sequence[Any]) -> None:
        """Keep one value per output; PicklingError or TypeError where one holds what cannot be kept."""
        value = self._smaller(values)
        if value is not None:
            self._begun.append((seq, value))
            if len(self._begun) == _TOGETHER:
                self._pack()

    def finish(self, values: Sequence[Any]) -> None:
        """The stream has ended; `values` are what was flushed."""
        self.flushed = self._smaller(values)
        if self._begun:
            self._pack()

    def player(self) -> Recall:
        """Gives the values again, frame by frame in order."""
        return _Player(self._bundles)

    def _smaller(self, values: Sequence[Any]) -> Any:
        kept = [v if keep else None for v, keep in zip(values, self._kept.values(), strict=True)]
        if all(value is None for value in kept):
            return None
        return kept[0] if len(kept) == 1 else tuple(kept)

    def _pack(self) -> None:
        into = io.BytesIO()
        _Pickler(into, protocol=5).dump(self._begun)
        self._bundles.append((self._begun[0][0], zlib.compress(into.getbuffer(), 1)))
        self._begun = []


class _Player:
    """Unpacks one bundle after another."""

    def __init__(self, bundles: Sequence[tuple[int, bytes]]) -> None:
        self._bundles = bundles
        self._next = 0
        self._values: dict[int, Any] = {}

    def __call__(self, frame: FrameInfo) -> Any:
        while self._next < len(self._bundles) and self._bundles[self._next][0] <= frame.seq:
            packed = zlib.decompress(self._bundles[self._next][1])
            self._values = dict(pickle.loads(packed))  # noqa: S301 - bytes that never left this process
            self._next += 1
        return self._values.get(frame.seq)


class Revision:
    """What a stage with hindsight says of a whole recording: a part from each of its instances."""

    flushed: Any = None
    wanted = False

    def __init__(self) -> None:
        self.parts: list[Recall] = []

    def keeps(self, port: str) -> bool:
        """All of them: the stage has them at hand."""
        return True

    def player(self) -> Recall:
        """Asks one part after another."""
        return lambda frame: next((v for part in self.parts if (v := part(frame)) is not None), None)


class _Pickler(pickle.Pickler):
    """Packs arrays without a header each, so that they come back read-only; and mappings behind glass."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is np.ndarray and not obj.dtype.hasobject:
            return _array, (obj.dtype.str, obj.shape, obj.tobytes())
        if type(obj) is MappingProxyType:
            return _mapping, (dict(obj),)
        return NotImplemented


def _array(dtype: str, shape: tuple[int, ...], data: bytes) -> npt.NDArray[Any]:
    return np.ndarray(shape, dtype, buffer=data)


def _mapping(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)
