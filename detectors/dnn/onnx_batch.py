"""Exports with a batch of one built in, made to take more: their Reshape nodes keep the batch they are given.

Exporters write the batch into the shapes that a network reshapes to, or have it computed by nodes that OpenCV
works out once, for one picture. ONNX has a sign for "as it comes": 0 (operator Reshape, since version 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from detectors.dnn.onnx_edit import pack, pack_number, rewritten
from detectors.dnn.onnx_header import (
    ATTRIBUTE_NAME,
    GRAPH_INITIALIZER,
    GRAPH_NODE,
    MODEL_GRAPH,
    NODE_ATTRIBUTE,
    NODE_OP,
    TENSOR_DIM,
    TENSOR_NAME,
    TENSOR_RAW,
    TENSOR_TYPE,
    Field,
    fields,
    read_onnx_header,
    text_of,
)

# field numbers of onnx.proto3
_NODE_INPUT, _NODE_OUTPUT, _ATTRIBUTE_TENSOR = 1, 2, 5
_INT64 = 7


@dataclass
class _Graph:
    """What is known of shapes: lists of whole numbers, and the nodes that make others."""

    constants: dict[str, list[int]] = field(default_factory=dict)
    #: output -> operator and inputs
    made: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    #: new constants, by name
    new: dict[str, list[int]] = field(default_factory=dict)


def with_free_batch(data: bytes, where: str) -> bytes:
    """The same network, in which no Reshape node fixes the batch; what cannot be told stays as it is.

    Whether it then takes batches has to be tried: other operators may fix it as well. ModelError: not ONNX.
    """
    read_onnx_header(data, where)
    graph = _Graph()

    def edit_graph(content: memoryview) -> bytes:
        _learn(content, graph)
        edited = rewritten(content, GRAPH_NODE, lambda node: _edited(node, graph))
        added = (pack(GRAPH_INITIALIZER, _tensor(name, shape)) for name, shape in graph.new.items())
        return b"".join((edited, *added))

    return rewritten(memoryview(data), MODEL_GRAPH, edit_graph)


def _learn(content: memoryview, graph: _Graph) -> None:
    for part in fields(content):
        if not isinstance(part.value, memoryview):
            continue
        if part.number == GRAPH_INITIALIZER:
            graph.constants[text_of(part.value, TENSOR_NAME)] = _numbers(part.value)
        elif part.number == GRAPH_NODE:
            operator, (inputs, outputs) = text_of(part.value, NODE_OP), _ends(part.value)
            if operator == "Constant":
                graph.constants[outputs[0]] = _value(part.value)
            else:
                graph.made |= dict.fromkeys(outputs, (operator, inputs))


def _edited(node: memoryview, graph: _Graph) -> bytes:
    """A Reshape node that keeps its batch; any other as it is."""
    inputs, outputs = _ends(node)
    shape = _shape(inputs[1], graph) if text_of(node, NODE_OP) == "Reshape" and len(inputs) == 2 else []
    if not shape or shape[0] not in (0, 1):
        return bytes(node)
    name = f"{outputs[0]}/free-batch"
    graph.new[name] = [0, *shape[1:]]
    parts = list(fields(node))
    places = [i for i, part in enumerate(parts) if part.number == _NODE_INPUT]
    raw: list[bytes | memoryview] = [part.raw for part in parts]
    raw[places[1]] = pack(_NODE_INPUT, name.encode())
    return b"".join(raw)


def _shape(name: str, graph: _Graph) -> Sequence[int]:
    """What is reshaped to, with 0 for sizes that are taken from what comes; empty where that is unknown."""
    if name in graph.constants:
        return graph.constants[name]
    operator, inputs = graph.made.get(name, ("", []))
    if operator != "Concat":
        return []
    # of the first sizes only: 0 means "the size at this place"
    first, *others = inputs
    known = [graph.constants.get(other, []) for other in others]
    if not all(known):
        return []
    taken = graph.constants.get(first) or [0] * _taken(first, graph)
    return [*taken, *(size for sizes in known for size in sizes)] if taken else []


def _taken(name: str, graph: _Graph) -> int:
    """How many sizes, from the first on, a node takes out of a shape; 0 where that is unknown."""
    operator, inputs = graph.made.get(name, ("", []))
    if operator == "Unsqueeze":  # of one size
        return 1
    bounds = [graph.constants.get(bound, []) for bound in inputs[1:3]]
    return bounds[1][0] if operator == "Slice" and len(bounds) == 2 and bounds[0] == [0] and bounds[1] else 0


def _ends(node: memoryview) -> tuple[list[str], list[str]]:
    """Names of a node's inputs and outputs."""
    parts = list(fields(node))
    return _texts(parts, _NODE_INPUT), _texts(parts, _NODE_OUTPUT)


def _texts(parts: Sequence[Field], wanted: int) -> list[str]:
    return [bytes(p.value).decode() for p in parts if p.number == wanted and isinstance(p.value, memoryview)]


def _value(node: memoryview) -> list[int]:
    """The whole numbers of a Constant node; empty where it holds others."""
    attributes = [f.value for f in fields(node) if f.number == NODE_ATTRIBUTE]
    for attribute in attributes:
        if isinstance(attribute, memoryview) and text_of(attribute, ATTRIBUTE_NAME) == "value":
            tensor = next((f.value for f in fields(attribute) if f.number == _ATTRIBUTE_TENSOR), 0)
            return _numbers(tensor) if isinstance(tensor, memoryview) else []
    return []


def _numbers(tensor: memoryview) -> list[int]:
    """A tensor's 64-bit whole numbers, up to eight of them; empty for others."""
    parts: Mapping[int, int | memoryview] = {part.number: part.value for part in fields(tensor)}
    raw = parts.get(TENSOR_RAW)
    if parts.get(TENSOR_TYPE) != _INT64 or not isinstance(raw, memoryview) or len(raw) > 64:
        return []
    return [int(value) for value in np.frombuffer(raw, "<i8")]


def _tensor(name: str, values: Sequence[int]) -> bytes:
    head = pack_number(TENSOR_DIM, len(values)) + pack_number(TENSOR_TYPE, _INT64)
    raw = np.array(values, "<i8").tobytes()
    return head + pack(TENSOR_NAME, name.encode()) + pack(TENSOR_RAW, raw)
