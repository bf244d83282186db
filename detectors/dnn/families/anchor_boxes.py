"""Networks that correct anchors: SSD, RetinaNet and EfficientDet, given as scores and offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import (
    Candidates,
    Decoder,
    Family,
    misfit,
    pick,
    shapes,
    sigmoid,
    softmax,
)
from detectors.dnn.families.grid import cell_count, cells
from detectors.dnn.onnx_header import OnnxHeader

#: log of a size factor is cut here, so that a wild output stays finite
_LIMIT = float(np.log(1000 / 16))


class Level(NamedTuple):
    """One grid: its stride in input pixels, and width and height of the anchors in each cell."""

    stride: int
    sizes: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class AnchorHead:
    """How scores and offsets are meant."""

    levels: Sequence[Level]
    #: where an anchor's centre lies in its cell
    centre: float = 0.5
    #: what offsets are multiplied with: centres, sizes
    variances: tuple[float, float] = (1.0, 1.0)
    #: y comes before x
    rows_first: bool = False
    activation: Literal["softmax", "sigmoid", "none"] = "sigmoid"
    #: class scores to leave out at the front: the background
    background: int = 0

    def anchors(self, width: int, height: int) -> npt.NDArray[np.float32]:
        """(N, 4) centre and size in input pixels: grid by grid, row by row, a cell's anchors together."""
        parts = []
        for stride, sizes in self.levels:
            centres = (cells(width, height, (stride,))[0] + self.centre) * stride
            pairs = np.asarray(sizes, np.float32)
            repeated = np.repeat(centres, len(pairs), axis=0)
            parts.append(np.concatenate([repeated, np.tile(pairs, (len(centres), 1))], axis=1))
        return np.concatenate(parts).astype(np.float32)

    def decode(
        self,
        scores: npt.NDArray[np.float32],
        offsets: npt.NDArray[np.float32],
        anchors: npt.NDArray[np.float32],
        confidence: float,
    ) -> Candidates:
        """Scores (N, C) and offsets (N, 4) of anchors (N, 4).

        R. Girshick et al.: Rich feature hierarchies, arXiv 1311.2524, appendix C: centre = offset * anchor
        size + anchor centre, size = exp(offset) * anchor size.
        """
        if self.activation != "none":
            scores = softmax(scores) if self.activation == "softmax" else sigmoid(scores)
        rows, best, class_ids = pick(scores[:, self.background :], confidence)
        moved = offsets[rows][:, [1, 0, 3, 2]] if self.rows_first else offsets[rows]
        places, sizes = anchors[rows, :2], anchors[rows, 2:]
        centres = moved[:, :2] * self.variances[0] * sizes + places
        half = np.exp(np.minimum(moved[:, 2:] * self.variances[1], _LIMIT)) * sizes / 2
        boxes = np.concatenate([centres - half, centres + half], axis=1)
        return Candidates(boxes.astype(np.float32), best, class_ids)


def decoder_of(name: str, head: AnchorHead, card: Card) -> Decoder:
    """The decoder of outputs (., 4) and (., C), whichever comes first, in one piece or one per grid."""
    anchors = head.anchors(card.input.width, card.input.height)

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        parts = [np.asarray(o, np.float32).reshape(-1, o.shape[-1]) for o in outputs if o.ndim >= 2]
        offsets = [part for part in parts if part.shape[1] == 4]
        scores = [part for part in parts if part.shape[1] != 4]
        rows = [sum(map(len, kind)) for kind in (offsets, scores)]
        if rows != [len(anchors)] * 2:
            raise misfit(name, f"boxes (1, {len(anchors)}, 4) and as many scores", outputs)
        return head.decode(np.concatenate(scores), np.concatenate(offsets), anchors, confidence)

    return decode


def _levels(strides: Sequence[int], sizes: Sequence[Sequence[tuple[float, float]]]) -> tuple[Level, ...]:
    return tuple(Level(s, p) for s, p in zip(strides, sizes, strict=True))


def _retinanet_sizes(side: float) -> list[tuple[float, float]]:
    """T.-Y. Lin et al.: Focal Loss, arXiv 1708.02002, section 4; to whole pixels, as torchvision has them."""
    sides = [int(side * 2 ** (octave / 3)) for octave in range(3)]
    pairs = [(s * (1 / ratio) ** 0.5, s * ratio**0.5) for ratio in (0.5, 1.0, 2.0) for s in sides]
    return [(2.0 * round(w / 2), 2.0 * round(h / 2)) for w, h in pairs]


def _efficientdet_sizes(stride: int) -> list[tuple[float, float]]:
    """M. Tan et al.: EfficientDet, arXiv 1911.09070: four strides wide, three octaves, three shapes."""
    sides = [4.0 * stride * 2 ** (octave / 3) for octave in range(3)]
    return [(s * w, s * h) for s in sides for w, h in ((1.0, 1.0), (1.4, 0.7), (0.7, 1.4))]


_PYRAMID = (8, 16, 32, 64, 128)
_RETINANET = AnchorHead(
    _levels(_PYRAMID, [_retinanet_sizes(4 * s) for s in _PYRAMID]), centre=0.0, background=1
)
_EFFICIENTDET = AnchorHead(_levels(_PYRAMID, [_efficientdet_sizes(s) for s in _PYRAMID]), rows_first=True)


def _own_head(options: Mapping[str, Any]) -> AnchorHead:
    """SSD's head, of a card's options: `strides`, and for each of them `anchors` as pairs of pixels."""
    pairs = [[(w, h) for w, h in zip(a[::2], a[1::2], strict=True)] for a in options["anchors"]]
    return AnchorHead(
        _levels(options["strides"], pairs),
        variances=tuple(options.get("variances", (0.1, 0.2))),
        activation=options.get("activation", "softmax"),
        background=1,
    )


def _pyramid_classes(header: OnnxHeader, width: int, height: int) -> int:
    """Class scores of two outputs that fit nine anchors on each cell of five grids."""
    rows = 9 * cell_count(width, height, _PYRAMID)
    found = sorted(shapes(header), key=lambda s: s[-1] != 4 if s else True)
    fits = len(found) == 2 and [s[:2] for s in found if len(s) == 3] == [(1, rows)] * 2
    return found[1][2] if fits and found[0][2] == 4 else 0


_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
RETINANET = Family(
    "retinanet",
    "detect",
    lambda card: decoder_of("retinanet", _RETINANET, card),
    classes=lambda header, width, height: max(0, _pyramid_classes(header, width, height) - 1),
    mean=_MEAN,
    std=_STD,
    fit="corner",
)
EFFICIENTDET = Family(
    "efficientdet",
    "detect",
    lambda card: decoder_of("efficientdet", _EFFICIENTDET, card),
    classes=_pyramid_classes,
    mean=_MEAN,
    std=_STD,
    fit="corner",
)
#: SSD whose anchors are on its card: no file tells them
SSD_ANCHORS = Family(
    "ssd-anchors",
    "detect",
    lambda card: decoder_of("ssd-anchors", _own_head(card.options), card),
    classes=lambda header, width, height: 0,
    mean=_MEAN,
    std=_STD,
    fit="stretch",
)
