"""Networks that end in a list of objects: torchvision's R-CNNs and others, Mask R-CNN through OpenCV."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import UNTOLD, Candidates, Decoder, Family, MaskMaker, Patch, misfit, shapes
from detectors.dnn.families.ssd import read_detection_output
from detectors.dnn.onnx_header import OnnxHeader
from vidstream import geometry
from vidstream.types import Boxes, Ids


def read_list(
    outputs: Outputs, family: str, first_class: int, confidence: float
) -> tuple[Candidates, npt.NDArray[np.int64]]:
    """Boxes (., 4) in input pixels, labels (whole numbers) and scores, in any order; and the rows kept."""
    boxes = [o.reshape(-1, 4) for o in outputs if o.ndim in (2, 3) and o.shape[-1] == 4]
    flat = [o.reshape(-1) for o in outputs if o.ndim in (1, 2) and (o.ndim == 1 or len(o) == 1)]
    labels = [o for o in flat if np.issubdtype(o.dtype, np.integer)]
    scores = [o for o in flat if np.issubdtype(o.dtype, np.floating)]
    if {len(boxes), len(labels), len(scores)} != {1} or {len(labels[0]), len(scores[0])} != {len(boxes[0])}:
        raise misfit(family, "boxes (N, 4), labels (N) of whole numbers and scores (N)", outputs)
    class_ids = labels[0].astype(np.int64) - first_class
    kept = np.flatnonzero((scores[0] >= confidence) & (class_ids >= 0))
    sure = np.clip(scores[0][kept], 0.0, 1.0).astype(np.float32)
    return Candidates(boxes[0][kept].astype(np.float32), sure, class_ids[kept]), kept


def box_masks(values: npt.NDArray[np.float32], boxes: Boxes) -> MaskMaker:
    """Masks that fill their boxes: (N, h, w) chances."""
    _, rows, columns = values.shape

    def patch(row: int) -> Patch:
        x1, y1, x2, y2 = boxes[row].astype(np.float64)
        return Patch(values[row], geometry.scaling((x2 - x1) / columns, (y2 - y1) / rows, x1, y1))

    def make(kept: Ids) -> list[Patch]:
        return [patch(int(row)) for row in kept]

    return make


def _boxes(name: str, first_class: int, card: Card) -> Decoder:
    first = int(card.options.get("first_class", first_class))
    return lambda outputs, confidence: read_list(outputs, name, first, confidence)[0]


def _masked(card: Card) -> Decoder:
    """torchvision's Mask R-CNN: masks (N, 1, H, W) over the whole input."""
    first = int(card.options.get("first_class", 1))

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        planes = [o for o in outputs if o.ndim == 4 and o.shape[1] == 1]
        if len(planes) != 1:
            raise misfit("mask-rcnn", "boxes, labels, scores and masks (N, 1, H, W)", outputs)
        found, kept = read_list([o for o in outputs if o.ndim != 4], "mask-rcnn", first, confidence)
        values = planes[0][kept, 0].astype(np.float32)
        whole = np.eye(3)
        return Candidates(
            found.boxes,
            found.scores,
            found.class_ids,
            masks=lambda rows: [Patch(values[row], whole) for row in rows],
        )

    return decode


def _masked_tf(card: Card) -> Decoder:
    """TensorFlow's Mask R-CNN through OpenCV: a box list (1, 1, N, 7), and masks (N, C, h, w) by class."""
    first = int(card.options.get("first_class", 1))

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        lists = [o for o in outputs if o.ndim == 4 and o.shape[:2] == (1, 1) and o.shape[3] == 7]
        planes = [o for o in outputs if o.ndim == 4 and not any(o is rows for rows in lists)]
        if len(outputs) != 2 or len(lists) != 1 or len(planes[0]) < lists[0].shape[2]:
            raise misfit("mask-rcnn-tf", "boxes (1, 1, N, 7) and masks (N, C, h, w)", outputs)
        found, kept = read_detection_output(lists[0], card, confidence)
        # masks are numbered from the network's first real class
        channel = found.class_ids + first - 1
        values = planes[0][kept, np.clip(channel, 0, planes[0].shape[1] - 1)].astype(np.float32)
        masks = box_masks(values, found.boxes)
        return Candidates(found.boxes, found.scores, found.class_ids, masks=masks)

    return decode


def _list_classes(header: OnnxHeader, masks: bool, batch: bool) -> int:
    """UNTOLD where outputs are boxes, labels and scores, with a batch axis or not, with masks or not."""
    found = shapes(header)
    flat = [s[1:] if batch and s[:1] == (1,) else s for s in found if len(s) != 4]
    kinds = sorted((len(s), s[-1] == 4) for s in flat if s)
    return UNTOLD if kinds == [(1, False), (1, False), (2, True)] and len(found) == 3 + masks else 0


TORCHVISION = Family(
    "torchvision",
    "detect",
    lambda card: _boxes("torchvision", 1, card),
    classes=lambda header, width, height: _list_classes(header, masks=False, batch=False),
    std=(255.0, 255.0, 255.0),
    fit="corner",
    pad=0,
    suppress=False,
)
#: RT-DETR, D-FINE and others with post-processing in the file
LISTED = Family(
    "listed",
    "detect",
    lambda card: _boxes("listed", 0, card),
    classes=lambda header, width, height: _list_classes(header, masks=False, batch=True),
    std=(255.0, 255.0, 255.0),
    fit="stretch",
    suppress=False,
)
MASK_RCNN = Family(
    "mask-rcnn",
    "segment",
    _masked,
    classes=lambda header, width, height: _list_classes(header, masks=True, batch=False),
    std=(255.0, 255.0, 255.0),
    fit="corner",
    pad=0,
    suppress=False,
)
MASK_RCNN_TF = Family(
    "mask-rcnn-tf",
    "segment",
    _masked_tf,
    classes=lambda header, width, height: 0,
    fit="stretch",
    suppress=False,
)
