"""Whether pictures of an H.264 stream are missing, which no decoder tells: reference frames are counted.

ITU-T H.264 (08/2021): 7.3.2.1.1 sequence parameter set, 7.3.3 slice header, 7.4.3 `frame_num`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_START = re.compile(rb"\x00\x00\x01")
_SLICE, _IDR, _SPS = 1, 5, 7
#: profiles whose parameter sets tell of colour formats (7.3.2.1.1)
_HIGH = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
#: bytes of a slice in which its header's first fields lie
_HEAD = 24


class MissingFrames:
    """Looks at packets in the order of decoding (start codes before each unit, as over networks)."""

    def __init__(self) -> None:
        self._format: _Numbering | None = None
        #: number of the last reference frame
        self._last: int | None = None

    def precede(self, data: bytes) -> bool:
        """Whether reference frames are missing between the packet before and this one."""
        for match in _START.finditer(data):
            at = match.end()
            if at >= len(data):
                return False
            kind, is_reference = data[at] & 31, data[at] & 0x60 != 0
            if kind == _SPS:
                self._learn(data[at + 1 : at + 200])
            elif kind in (_SLICE, _IDR):
                return self._count(data[at + 1 : at + 1 + _HEAD], kind == _IDR, is_reference)
        return False

    def _learn(self, unit: bytes) -> None:
        try:
            self._format = _numbering(_Bits(unit))
        except IndexError:  # damaged: what was known before still holds
            return

    def _count(self, head: bytes, is_idr: bool, is_reference: bool) -> bool:
        numbering, last = self._format, self._last
        if numbering is None or numbering.may_skip:
            return False
        try:
            number = _frame_number(_Bits(head), numbering)
        except IndexError:
            return False
        if is_reference or is_idr:
            self._last = number
        if last is None or is_idr:
            return False
        return number not in (last, (last + 1) % (1 << numbering.bits))


@dataclass(frozen=True, slots=True)
class _Numbering:
    """How frames are numbered."""

    bits: int
    #: a slice says which colour plane it is of
    planes: bool
    #: numbers may be left out on purpose
    may_skip: bool


class _Bits:
    """Reads a unit bit by bit, without the bytes that only keep start codes from appearing (7.4.1)."""

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """An unsigned number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise IndexError("the unit ends here")
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """An unsigned number as in 9.1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """A signed number as in 9.1.1."""
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def _numbering(bits: _Bits) -> _Numbering:
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    planes = False
    if profile in _HIGH:
        planes = _skip_colours(bits)
    count = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.golomb()):
            bits.signed()
    bits.golomb()
    return _Numbering(count, planes, bool(bits.take(1)))


def _skip_colours(bits: _Bits) -> bool:
    """The part on colours; whether planes are coded each by itself."""
    chroma = bits.golomb()
    planes = chroma == 3 and bool(bits.take(1))
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for size in [16] * 6 + [64] * (6 if chroma == 3 else 2):
            if bits.take(1):
                _skip_scaling(bits, size)
    return planes


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _frame_number(bits: _Bits, numbering: _Numbering) -> int:
    for _ in range(3):  # first macroblock, type, parameter set
        bits.golomb()
    if numbering.planes:
        bits.take(2)
    return bits.take(numbering.bits)
