"""What an ONNX file says of itself: input and output shapes, and the exporter's notes.

OpenCV does not tell a network's input size. ONNX is protocol buffers (onnx.proto3, field numbers below):
a few dozen lines read the header without another library, and step over the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vidstream.errors import ModelError

# field numbers of onnx.proto3
MODEL_GRAPH, _MODEL_METADATA = 7, 14
GRAPH_INITIALIZER, GRAPH_INPUT, _GRAPH_OUTPUT = 5, 11, 12
TENSOR_DIM, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
GRAPH_NODE, NODE_OP, NODE_ATTRIBUTE = 1, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_INT, ATTRIBUTE_TYPE = 1, 3, 20
_VALUE_NAME, VALUE_TYPE = 1, 2
TYPE_TENSOR, TENSOR_SHAPE, SHAPE_DIM, DIM_VALUE = 1, 2, 1, 1
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
# wire types: a number, a length and bytes, and those of fixed size
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}


class Field(NamedTuple):
    """One field of a message: its number, its value, and its bytes as they stand in the file."""

    number: int
    value: int | memoryview
    raw: memoryview


@dataclass(frozen=True, slots=True)
class OnnxHeader:
    """Names and shapes of a network's inputs (weights left out) and outputs; a free size is 0."""

    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    #: notes of the exporter, such as class names
    metadata: Mapping[str, str]


def read_onnx_header(data: bytes, where: str) -> OnnxHeader:
    """The header of an ONNX file. ModelError where the bytes are not one."""
    try:
        model = list(fields(memoryview(data)))
        graph = list(fields(next(_messages(model, MODEL_GRAPH))))
        weights = {text_of(tensor, TENSOR_NAME) for tensor in _messages(graph, GRAPH_INITIALIZER)}
        inputs = dict(map(_value, _messages(graph, GRAPH_INPUT)))
        outputs = dict(map(_value, _messages(graph, _GRAPH_OUTPUT)))
        notes = {text_of(m, _ENTRY_KEY): text_of(m, _ENTRY_VALUE) for m in _messages(model, _MODEL_METADATA)}
    except (ValueError, IndexError, StopIteration) as error:
        raise ModelError("is not an ONNX file", where=where, fix="export the network to ONNX") from error
    return OnnxHeader({name: inputs[name] for name in inputs if name not in weights}, outputs, notes)


def _value(message: memoryview) -> tuple[str, tuple[int, ...]]:
    """Name and shape of a ValueInfoProto."""
    shape = message
    for number in (VALUE_TYPE, TYPE_TENSOR, TENSOR_SHAPE):
        shape = next(_messages(fields(shape), number), memoryview(b""))
    sizes = (_number(dim, DIM_VALUE) for dim in _messages(fields(shape), SHAPE_DIM))
    return value_name(message), tuple(sizes)


def value_name(message: memoryview) -> str:
    """Name of a ValueInfoProto."""
    return text_of(message, _VALUE_NAME)


def fields(message: memoryview) -> Iterator[Field]:
    """Everything in a protocol buffer message; ValueError where it is cut short."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield Field(number, value, message[start:at])
            continue
        if wire == _BYTES:
            size, at = _varint(message, at)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(message):
            raise ValueError("cut short")
        yield Field(number, message[at : at + size], message[start : at + size])
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number in base 128, lowest digits first, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("number too long")


def _messages(found: Iterable[Field], number: int) -> Iterator[memoryview]:
    return (f.value for f in found if f.number == number and isinstance(f.value, memoryview))


def text_of(message: memoryview, number: int) -> str:
    """The text in a field of a message; empty where it is not given."""
    found = next(_messages(fields(message), number), memoryview(b""))
    return bytes(found).decode("utf-8")


def _number(message: memoryview, number: int) -> int:
    return next((f.value for f in fields(message) if f.number == number and isinstance(f.value, int)), 0)
