"""Small networks in ONNX, written by hand: their right answer is known by construction."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = Sequence[int | str]

_FLOAT, _INT64 = 1, 7


def _varint(number: int) -> bytes:
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def _field(number: int, value: Any) -> bytes:
    """A whole number, a real one, or a length and bytes."""
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        return _field(1, name) + _field(2, value) + _field(20, 1)
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, 2)
    if isinstance(value, str):
        return _field(1, name) + _field(4, value) + _field(20, 3)
    return _field(1, name) + b"".join(_field(8, v) for v in value) + _field(20, 7)


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> bytes:
    """One operation; attributes are numbers, texts or lists of whole numbers."""
    text = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)
    return _field(1, text + b"".join(_field(5, _attribute(k, v)) for k, v in attributes.items()))


def conv(inputs: Sequence[str], output: str, side: int = 1, stride: int = 1) -> bytes:
    """A convolution without padding."""
    sizes = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": [0, 0, 0, 0]}
    return node("Conv", inputs, output, **sizes)


def _tensor(name: str, array: npt.NDArray[Any]) -> bytes:
    kind = {np.dtype(np.float32): _FLOAT, np.dtype(np.int64): _INT64}[array.dtype]
    dims = b"".join(_field(1, d) for d in array.shape)
    return _field(5, dims + _field(2, kind) + _field(8, name) + _field(9, array.tobytes()))


def _value(number: int, name: str, shape: Shape, kind: int) -> bytes:
    dims = b"".join(_field(1, _field(1, d) if isinstance(d, int) else _field(2, d)) for d in shape)
    return _field(number, _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, dims))))


def network(
    nodes: Sequence[bytes],
    taken: Shape,
    given: Shape,
    weights: Mapping[str, npt.NDArray[Any]] | None = None,
    *,
    whole: bool = False,
    notes: Mapping[str, str] | None = None,
) -> bytes:
    """An ONNX file: `nodes` lead from "in" to "out"; a size given as a text is free.

    `whole`: the output holds whole numbers. `notes` are what exporters write into files.
    """
    graph = [
        *nodes,
        _field(2, "small"),
        *(_tensor(name, array) for name, array in (weights or {}).items()),
        _value(11, "in", taken, _FLOAT),
        _value(12, "out", given, _INT64 if whole else _FLOAT),
    ]
    entries = b"".join(_field(14, _field(1, k) + _field(2, v)) for k, v in (notes or {}).items())
    return _field(1, 8) + _field(8, _field(2, 13)) + _field(7, b"".join(graph)) + entries
