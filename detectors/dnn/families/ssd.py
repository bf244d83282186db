"""SSD and its kin: the box list of OpenCV's detection layer, or raw boxes and scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import UNTOLD, Candidates, Decoder, Family, misfit, shapes
from detectors.dnn.onnx_header import OnnxHeader


def read_detection_output(
    output: npt.NDArray[np.float32], card: Card, confidence: float
) -> tuple[Candidates, npt.NDArray[np.int64]]:
    """(1, 1, N, 7) of picture, class, score, x1 y1 x2 y2 (of the input's size), and the rows they come from.

    The card's option `first_class` is the number of its first class: 1 (and 0 the background) unless said.
    """
    rows = np.asarray(output, np.float32).reshape(-1, 7)
    class_ids = rows[:, 1].astype(np.int64) - int(card.options.get("first_class", 1))
    kept = np.flatnonzero((rows[:, 2] >= confidence) & (rows[:, 0] == 0) & (class_ids >= 0))
    size = np.array([card.input.width, card.input.height] * 2, np.float32)
    scores = np.clip(rows[kept, 2], 0.0, 1.0)
    return Candidates(rows[kept, 3:] * size, scores, class_ids[kept]), kept


def _detection_output(card: Card) -> Decoder:
    def decode(outputs: Outputs, confidence: float) -> Candidates:
        if len(outputs) != 1 or outputs[0].ndim != 4 or outputs[0].shape[-1] != 7:
            raise misfit("ssd", "one output (1, 1, N, 7)", outputs)
        return read_detection_output(outputs[0], card, confidence)[0]

    return decode


def _detection_output_classes(header: OnnxHeader, _width: int, _height: int) -> int:
    found = shapes(header)
    return UNTOLD if len(found) == 1 and len(found[0]) == 4 and found[0][3] == 7 else 0


#: boxes come one per object, of Caffe's and TensorFlow's SSD and TensorFlow's Faster R-CNN, through OpenCV
SSD = Family(
    "ssd",
    "detect",
    _detection_output,
    _detection_output_classes,
    "bgr",
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
    fit="stretch",
    suppress=False,
)
