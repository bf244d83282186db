"""Small changes to the header of an ONNX file, without another library.

Many exports leave batch, height or width open. OpenCV 4.14 reads most of them once the sizes stand in the
file; the weights are carried over as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from detectors.dnn.onnx_header import (
    DIM_VALUE,
    GRAPH_INPUT,
    MODEL_GRAPH,
    SHAPE_DIM,
    TENSOR_SHAPE,
    TYPE_TENSOR,
    VALUE_TYPE,
    Field,
    fields,
    read_onnx_header,
    value_name,
)
from vidstream.errors import ModelError

_Edit: TypeAlias = Callable[[memoryview], bytes]


def with_input_shapes(data: bytes, shapes: Mapping[str, Sequence[int]], where: str) -> bytes:
    """The same network with its inputs' sizes written down: input name -> shape.

    ModelError: not ONNX, no such input, another number of axes, or another size where the file has one.
    """
    header = read_onnx_header(data, where)
    for name, shape in shapes.items():
        has = header.inputs.get(name, ())
        if len(has) != len(shape) or any(old not in (0, new) for old, new in zip(has, shape, strict=True)):
            raise ModelError(
                f"input '{name}' has the shape {has} (0 = free), not {tuple(shape)}",
                where=where,
                fix="check the input size on its card",
            )

    def edit_input(value: memoryview) -> bytes:
        name = value_name(value)
        return _with_shape(value, shapes[name]) if name in shapes else bytes(value)

    def edit_graph(graph: memoryview) -> bytes:
        return _rewritten(graph, GRAPH_INPUT, edit_input)

    return _rewritten(memoryview(data), MODEL_GRAPH, edit_graph)


def _with_shape(value: memoryview, shape: Sequence[int]) -> bytes:
    """A ValueInfoProto with these sizes."""
    sizes = b"".join(_message(SHAPE_DIM, _number(DIM_VALUE, size)) for size in shape)

    def edit_tensor(tensor: memoryview) -> bytes:
        return _rewritten(tensor, TENSOR_SHAPE, lambda _: sizes)

    def edit_type(kind: memoryview) -> bytes:
        return _rewritten(kind, TYPE_TENSOR, edit_tensor)

    return _rewritten(value, VALUE_TYPE, edit_type)


def _rewritten(message: memoryview, number: int, edit: _Edit) -> bytes:
    """The message with every field `number` passed through `edit`."""
    return b"".join(_edited(fields(message), number, edit))


def _edited(found: Iterator[Field], number: int, edit: _Edit) -> Iterator[bytes | memoryview]:
    for field in found:
        if field.number == number and isinstance(field.value, memoryview):
            yield _message(number, edit(field.value))
        else:
            yield field.raw


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """A number in base 128, lowest digits first.

    >>> _varint(300)
    b'\\xac\\x02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
