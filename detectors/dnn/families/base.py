"""What every family of box networks gives, and what is known of a family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card, InputSpec, Task
from detectors.dnn.engines.base import Outputs
from detectors.dnn.onnx_header import OnnxHeader
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.types import Boxes, Ids, Scores


class Patch(NamedTuple):
    """How sure a network is, pixel by pixel, that an object is there."""

    #: float32 (h, w); the object is where it is above `threshold`
    values: npt.NDArray[np.float32]
    #: float64 (3, 3) from the patch's coordinates (pixel edges at whole numbers) to input pixels
    matrix: npt.NDArray[np.float64]
    #: one half for probabilities, 0 for logits
    threshold: float = 0.5


#: for the rows that are kept: their boxes' rows (K,) -> K patches
MaskMaker: TypeAlias = Callable[[Ids], list[Patch]]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a network proposes above the confidence threshold, before non-maximum suppression."""

    #: float32 (N, 4) x1 y1 x2 y2 in the network's input pixels
    boxes: Boxes
    #: float32 (N,)
    scores: Scores
    #: int64 (N,)
    class_ids: Ids
    #: float32 (N, K, 3) x y (input pixels) score
    keypoints: npt.NDArray[np.float32] | None = None
    #: makes masks; asked only for the objects that are kept
    masks: MaskMaker | None = None

    def __len__(self) -> int:
        return len(self.boxes)


#: raw outputs of one picture and the smallest score -> what is in it
Decoder: TypeAlias = Callable[[Outputs, float], Candidates]


#: `Family.classes` for a file that fits, but does not tell its number of classes
UNTOLD = -1


@dataclass(frozen=True, slots=True)
class Family:
    """Networks that share pre- and post-processing."""

    name: str
    task: Task
    #: makes the decoder of one network: its grids and anchors are laid out once
    decoder: Callable[[Card], Decoder]
    #: what an ONNX file says, input width and height -> number of classes, `UNTOLD` where it fits without
    #: telling; 0 where it is another family
    classes: Callable[[OnnxHeader, int, int], int]
    #: the way it is usually trained; width and height are the network's
    colour: Literal["bgr", "rgb"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: Literal["corner", "centre", "stretch", "crop"] = "centre"
    pad: int = 114
    align: Literal["edges", "pixels", "corners"] = "edges"
    #: False where the network itself gives one box per object
    suppress: bool = True

    def input(self, width: int, height: int) -> InputSpec:
        """The family's usual input at this size."""
        return InputSpec(
            width, height, self.colour, self.mean, self.std, self.fit, self.pad, align=self.align
        )


def pick(scores: npt.NDArray[Any], confidence: float) -> tuple[Ids, Scores, Ids]:
    """Rows of (N, C) scores whose best class is sure enough, how sure, and which class it is."""
    # one pass over all classes rules out nearly all rows
    rows = np.flatnonzero(scores.max(axis=1) >= confidence) if scores.size else np.zeros(0, np.int64)
    kept = scores[rows]
    class_ids = kept.argmax(axis=1) if len(rows) else rows
    best = np.take_along_axis(kept, class_ids[:, None], axis=1)[:, 0] if len(rows) else np.zeros(0)
    return rows.astype(np.int64), np.clip(best, 0.0, 1.0).astype(np.float32), class_ids.astype(np.int64)


def best_class(
    cxcywh: npt.NDArray[Any], scores: npt.NDArray[Any], confidence: float
) -> tuple[Boxes, Scores, Ids, Ids]:
    """One candidate per row of (N, 4) and (N, C): boxes, scores, class ids, and the rows they come from."""
    rows, best, class_ids = pick(scores, confidence)
    boxes = geometry.from_cxcywh(cxcywh[rows]).astype(np.float32)
    return boxes, best, class_ids, rows


def from_rows(boxes: npt.NDArray[Any], scores: npt.NDArray[Any], confidence: float) -> Candidates:
    """Candidates from (N, 4) x1 y1 x2 y2 and (N, C) scores: the best class of each row."""
    rows, best, class_ids = pick(scores, confidence)
    return Candidates(np.asarray(boxes[rows], np.float32), best, class_ids)


def sigmoid(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """1 / (1 + exp(-x)), of any size of x."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)), np.float32)


def softmax(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Over the last axis."""
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def shapes(header: OnnxHeader) -> list[tuple[int, ...]]:
    """Shapes of the outputs, in the file's order."""
    return list(header.outputs.values())


def misfit(family: str, expected: str, outputs: Outputs) -> ModelError:
    """The error of outputs that are not the family's."""
    got = ", ".join(str(output.shape) for output in outputs) or "nothing"
    return ModelError(
        f"family {family}: expected {expected}, the network gave {got}",
        fix="check the model's family and input size",
    )
