"""Darknet's YOLOv2, v3 and v4, tiny ones too, as OpenCV's region layers give them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, best_class, misfit
from vidstream.errors import ModelError

_SECTION = re.compile(r"^\s*\[(\w+)\]")
_SETTING = re.compile(r"^\s*(\w+)\s*=\s*([^#\s]+)")


class DarknetConfig(NamedTuple):
    """What a cfg file says of input and output."""

    width: int
    height: int
    classes: int


def decode_darknet(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """Outputs (cells * anchors, 5 + C) of centre, size (of the input), objectness, class scores times it.

    J. Redmon, A. Farhadi: YOLOv3, arXiv 1804.02767, section 2.1; A. Bochkovskiy et al.: YOLOv4,
    arXiv 2004.10934.
    """
    if not outputs or any(
        o.ndim != 2 or o.shape[1] != outputs[0].shape[1] or o.shape[1] < 6 for o in outputs
    ):
        raise misfit("darknet", "outputs (., 5 + classes)", outputs)
    rows = np.concatenate(outputs)
    rows = rows[rows[:, 4] >= confidence]
    scale = np.array([width, height, width, height], np.float32)
    return Candidates(*best_class(rows[:, :4] * scale, rows[:, 5:], confidence)[:3])


def read_cfg(data: bytes, where: str) -> DarknetConfig:
    """Input size and classes of a Darknet cfg file. ModelError where it is no detector's."""
    section, settings = "", {}
    for line in data.decode("utf-8", "replace").splitlines():
        if found := _SECTION.match(line):
            section = found[1].lower()
        elif setting := _SETTING.match(line):
            settings[section, setting[1].lower()] = setting[2]
    try:
        width, height = int(settings["net", "width"]), int(settings["net", "height"])
        head = next(name for name in ("yolo", "region") if (name, "classes") in settings)
        return DarknetConfig(width, height, int(settings[head, "classes"]))
    except (KeyError, ValueError, StopIteration) as error:
        raise ModelError(
            "its cfg is no detector's: expected width and height in [net], classes in [yolo] or [region]",
            where=where,
            fix="give the cfg file that the weights were trained with",
        ) from error


def _decoder(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_darknet(outputs, width, height, confidence)


#: AlexeyAB's Darknet stretches the picture; the padding of the first one came later, as a choice
DARKNET = Family(
    "darknet",
    "detect",
    _decoder,
    classes=lambda header, width, height: 0,  # never an ONNX file
    std=(255.0, 255.0, 255.0),
    fit="stretch",
    align="corners",
)
