"""Small changes to an ONNX file, without another library; the weights are carried over as they are.

Many exports leave batch, height or width open: OpenCV 4.14 reads most of them once the sizes stand in the
file. Some list their weights among the inputs, some leave out an attribute that OpenCV takes for another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from detectors.dnn.onnx_header import (
    ATTRIBUTE_INT,
    ATTRIBUTE_NAME,
    ATTRIBUTE_TYPE,
    DIM_VALUE,
    GRAPH_INITIALIZER,
    GRAPH_INPUT,
    GRAPH_NODE,
    MODEL_GRAPH,
    NODE_ATTRIBUTE,
    NODE_OP,
    SHAPE_DIM,
    TENSOR_DIM,
    TENSOR_NAME,
    TENSOR_RAW,
    TENSOR_SHAPE,
    TENSOR_TYPE,
    TYPE_TENSOR,
    VALUE_TYPE,
    Field,
    fields,
    read_onnx_header,
    text_of,
    value_name,
)
from vidstream.errors import ModelError

_Edit: TypeAlias = Callable[[memoryview], bytes]

#: the types of an attribute that is a whole number, and of a tensor of float32
_INT, _FLOAT = 2, 1


def apply_steps(data: bytes, steps: Sequence[Mapping[str, Any]], where: str) -> bytes:
    """The file that a card's steps make of an ONNX file; the same bytes on every machine.

    ``keep_inputs: [data]``: only these inputs. ``input_shapes: {x: [1, 3, 48, 320]}``: sizes left open.
    ``give_input: {name: style, values: [0, 1, 0]}``: what an input always gets, and so is one no more.
    ``set_attribute: {op: Softmax, name: axis, value: 1}``: a whole number, at every node of the operator.
    ModelError: no such step, or the file does not fit it.
    """
    for step in steps:
        try:
            ((name, wanted),) = step.items()
            data = _STEPS[name](data, wanted, where)
        except ModelError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            fix = f"known are {', '.join(_STEPS)}"
            raise ModelError(f"the step {step!r} cannot be done: {error}", where=where, fix=fix) from error
    return data


def with_inputs(data: bytes, names: Sequence[str], where: str) -> bytes:
    """The same network with these inputs alone: others are weights, or wait for something nobody gives."""
    missing = set(names) - set(read_onnx_header(data, where).inputs)
    if missing:
        raise ModelError(f"has no input {', '.join(sorted(missing))}", where=where)

    def edit_graph(graph: memoryview) -> bytes:
        kept = (f for f in fields(graph) if f.number != GRAPH_INPUT or _named(f, names))
        return b"".join(f.raw for f in kept)

    return rewritten(memoryview(data), MODEL_GRAPH, edit_graph)


def with_given_input(data: bytes, name: str, values: Sequence[float], where: str) -> bytes:
    """The same network with the numbers that one of its inputs always gets (float32, in order of memory)."""
    inputs = read_onnx_header(data, where).inputs
    shape = inputs.get(name, ())
    if not shape or prod(shape) != len(values):
        raise ModelError(f"has no input '{name}' of {len(values)} numbers", where=where)
    numbers = np.asarray(values, "<f4").tobytes()
    tensor = b"".join(pack_number(TENSOR_DIM, size) for size in shape) + pack_number(TENSOR_TYPE, _FLOAT)
    tensor += pack(TENSOR_NAME, name.encode()) + pack(TENSOR_RAW, numbers)

    def edit_graph(graph: memoryview) -> bytes:
        return bytes(graph) + pack(GRAPH_INITIALIZER, tensor)

    given = rewritten(memoryview(data), MODEL_GRAPH, edit_graph)
    return with_inputs(given, [other for other in inputs if other != name], where)


def _named(field: Field, names: Sequence[str]) -> bool:
    return isinstance(field.value, memoryview) and value_name(field.value) in names


def with_attribute(data: bytes, op: str, name: str, value: int, where: str) -> bytes:
    """The same network with an attribute of every node of an operator set to a whole number of 0 or more."""
    read_onnx_header(data, where)
    number, kind = pack_number(ATTRIBUTE_INT, value), pack_number(ATTRIBUTE_TYPE, _INT)
    new = pack(NODE_ATTRIBUTE, pack(ATTRIBUTE_NAME, name.encode()) + number + kind)

    def edit_node(node: memoryview) -> bytes:
        if text_of(node, NODE_OP) != op:
            return bytes(node)
        kept = [f for f in fields(node) if f.number != NODE_ATTRIBUTE or not _attribute_is(f, name)]
        before = b"".join(f.raw for f in kept if f.number <= NODE_ATTRIBUTE)
        return before + new + b"".join(f.raw for f in kept if f.number > NODE_ATTRIBUTE)

    def edit_graph(graph: memoryview) -> bytes:
        return rewritten(graph, GRAPH_NODE, edit_node)

    return rewritten(memoryview(data), MODEL_GRAPH, edit_graph)


def _attribute_is(field: Field, name: str) -> bool:
    return isinstance(field.value, memoryview) and text_of(field.value, ATTRIBUTE_NAME) == name


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
        return rewritten(graph, GRAPH_INPUT, edit_input)

    return rewritten(memoryview(data), MODEL_GRAPH, edit_graph)


def _with_shape(value: memoryview, shape: Sequence[int]) -> bytes:
    """A ValueInfoProto with these sizes."""
    sizes = b"".join(pack(SHAPE_DIM, pack_number(DIM_VALUE, size)) for size in shape)

    def edit_tensor(tensor: memoryview) -> bytes:
        return rewritten(tensor, TENSOR_SHAPE, lambda _: sizes)

    def edit_type(kind: memoryview) -> bytes:
        return rewritten(kind, TYPE_TENSOR, edit_tensor)

    return rewritten(value, VALUE_TYPE, edit_type)


def rewritten(message: memoryview, number: int, edit: _Edit) -> bytes:
    """The message with every field `number` passed through `edit`."""
    return b"".join(_edited(fields(message), number, edit))


def _edited(found: Iterator[Field], number: int, edit: _Edit) -> Iterator[bytes | memoryview]:
    for field in found:
        if field.number == number and isinstance(field.value, memoryview):
            yield pack(number, edit(field.value))
        else:
            yield field.raw


def pack(number: int, content: bytes) -> bytes:
    """A field that is a message, a text or bytes."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def pack_number(number: int, value: int) -> bytes:
    """A field that is a whole number of 0 or more."""
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


_STEPS: Mapping[str, Callable[[bytes, Any, str], bytes]] = {
    "keep_inputs": with_inputs,
    "input_shapes": with_input_shapes,
    "give_input": lambda data, wanted, where: with_given_input(data, **wanted, where=where),
    "set_attribute": lambda data, wanted, where: with_attribute(data, **wanted, where=where),
}
