"""Small ONNX networks whose answer is known by construction.

Needs the package `onnx`, which makes files and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the package onnx makes the networks of these tests")
helper, numpy_helper, TensorProto = onnx.helper, onnx.numpy_helper, onnx.TensorProto


def answering_network(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    *,
    size: tuple[int, int] = (64, 64),
    red: Mapping[str, np.ndarray] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Path:
    """A network that answers `outputs`, plus `red` times the mean of its first channel; `notes` go with it.

    `size` is width and height of its input, "image" (1, 3, height, width); 0 leaves them open.
    """
    width, height = (edge or name for edge, name in zip(size, ("width", "height"), strict=True))
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["colour"]),
    ]
    constants = {}
    for name, value in outputs.items():
        constants[f"{name}.at_black"] = value.reshape(-1).astype(np.float32)
        slope = np.zeros((3, value.size), np.float32)
        slope[0] = 0 if red is None or name not in red else red[name].reshape(-1)
        constants[f"{name}.slope"] = slope
        constants[f"{name}.shape"] = np.array(value.shape, np.int64)
        nodes.append(
            helper.make_node("Gemm", ["colour", f"{name}.slope", f"{name}.at_black"], [f"{name}.flat"])
        )
        nodes.append(helper.make_node("Reshape", [f"{name}.flat", f"{name}.shape"], [name]))
    graph = helper.make_graph(
        nodes,
        "answering",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    helper.set_model_props(model, dict(notes or {}))
    onnx.save(model, str(path))
    return path


def node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
    """One operation."""
    return helper.make_node(kind, inputs, [output], **attributes)


def conv(inputs: Sequence[str], output: str, side: int = 1, stride: int = 1) -> Any:
    """A convolution without padding."""
    sizes = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": [0, 0, 0, 0]}
    return node("Conv", inputs, output, **sizes)


def network(
    nodes: Sequence[Any],
    taken: Sequence[int | str],
    given: Sequence[int | str],
    weights: Mapping[str, np.ndarray] | None = None,
    *,
    whole: bool = False,
    notes: Mapping[str, str] | None = None,
) -> bytes:
    """An ONNX file: `nodes` lead from "in" to "out"; a size given as a text is free.

    `whole`: the output holds whole numbers. `notes` are what exporters write into files.
    """
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, list(taken))],
        [
            helper.make_tensor_value_info(
                "out", TensorProto.INT64 if whole else TensorProto.FLOAT, list(given)
            )
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, dict(notes or {}))
    return bytes(model.SerializeToString())
