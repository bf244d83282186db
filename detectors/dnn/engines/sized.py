"""ONNX networks that leave their picture size open: it is written into the file before an engine reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from detectors.catalogue import Card
from detectors.catalogue.card import MAIN
from detectors.dnn.onnx_edit import with_input_shapes
from detectors.dnn.onnx_header import read_onnx_header


def sized(card: Card, data: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The model's files, with the size on its card where the network leaves width or height open.

    OpenCV 4.14 reads most of those only then. A network that leaves just its batch open stays as it is.
    """
    if PurePath(card.main.file).suffix.lower() != ".onnx":
        return data
    where, spec = f"model '{card.name}'", card.input
    inputs = read_onnx_header(data[MAIN], where).inputs
    pictures = {name: shape for name, shape in inputs.items() if len(shape) == 4 and 0 in shape[1:]}
    if len(pictures) != 1:
        return data
    channels = 1 if spec.colour == "gray" else 3
    planes, rows = (1, channels, spec.height, spec.width), (1, spec.height, spec.width, channels)
    shapes = dict.fromkeys(pictures, planes if spec.layout == "nchw" else rows)
    return {**data, MAIN: with_input_shapes(data[MAIN], shapes, where)}
