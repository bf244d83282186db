"""What a TensorFlow Lite file says of its input.

The file is a FlatBuffer (tensorflow/lite/schema/schema.fbs, field numbers below): tables that point at their
fields. A few dozen lines read what is needed of it.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from vidstream.errors import ModelError

_MAGIC = b"TFL3"
# field numbers of schema.fbs
_MODEL_SUBGRAPHS = 2
_GRAPH_TENSORS, _GRAPH_INPUTS = 0, 1
_TENSOR_SHAPE, _TENSOR_TYPE = 0, 1
_FLOAT32 = 0


class TfliteHeader(NamedTuple):
    """Shape of the one input, whether it is float32, and whether the file ends in a detection step."""

    shape: tuple[int, ...]
    floats: bool
    detects: bool


def read_tflite_header(data: bytes, where: str) -> TfliteHeader:
    """The header of a TFLite file. ModelError where the bytes are not one."""
    try:
        if data[4:8] != _MAGIC:
            raise ValueError("no TFLite file")
        graph = _item(data, _field(data, _offset(data, 0), _MODEL_SUBGRAPHS), 0)
        inputs = _numbers(data, _field(data, graph, _GRAPH_INPUTS))
        tensor = _item(data, _field(data, graph, _GRAPH_TENSORS), inputs[0])
        shape = _numbers(data, _field(data, tensor, _TENSOR_SHAPE))
        kind = _field(data, tensor, _TENSOR_TYPE)
    except (ValueError, IndexError, struct.error) as error:
        raise ModelError(
            "is not a TensorFlow Lite file", where=where, fix="export the network to .tflite or .onnx"
        ) from error
    floats = not kind or data[kind] == _FLOAT32
    return TfliteHeader(shape, floats, b"TFLite_Detection_PostProcess" in data)


def _offset(data: bytes, at: int) -> int:
    """Where the offset at this place leads."""
    return at + int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """Place of a table's field; 0 where it is left out, which means its default."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    inside: int = struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0]
    return table + inside if inside else 0


def _item(data: bytes, vector: int, number: int) -> int:
    """Place of a table in a vector of tables."""
    start = _vector(data, vector)
    if number >= struct.unpack_from("<I", data, start)[0]:
        raise ValueError("no such item")
    return _offset(data, start + 4 + 4 * number)


def _numbers(data: bytes, vector: int) -> tuple[int, ...]:
    start = _vector(data, vector)
    count = min(int(struct.unpack_from("<I", data, start)[0]), 1 << 10)
    return struct.unpack_from(f"<{count}i", data, start + 4)


def _vector(data: bytes, field: int) -> int:
    if not field:
        raise ValueError("left out")
    return _offset(data, field)
