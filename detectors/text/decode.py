"""From the raw outputs of text networks to corners and strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from detectors.dnn.engines.base import Outputs
from detectors.text.quads import Quads, from_rotated, grown
from vidstream.errors import ModelError
from vidstream.types import Scores

#: sides below this many input pixels hold no letter
_LEAST_SIDE = 3.0
#: cells of EAST's maps, in input pixels
_EAST_STRIDE = 4
#: no more pieces of text than this in one picture
_MOST = 1000


class Found(NamedTuple):
    """Texts in a network's input pixels."""

    #: float32 (N, 4, 2), clockwise from the text's top left
    quads: Quads
    #: float32 (N,)
    scores: Scores

    @classmethod
    def of(cls, quads: Sequence[Quads], scores: Sequence[float]) -> Found:
        """From lists, which may be empty."""
        return cls(np.array(quads, np.float32).reshape(-1, 4, 2), np.array(scores, np.float32))


def decode_db(outputs: Outputs, confidence: float, threshold: float, unclip: float) -> Found:
    """Differentiable binarization: one map (1, 1, H, W) of how likely each pixel is the core of a text.

    M. Liao et al.: Real-time Scene Text Detection with Differentiable Binarization, AAAI 2020, section
    3.3: cores are the connected areas above `threshold`; each is grown by area x `unclip` / perimeter,
    which undoes the shrinking of the labels. The score is the map's mean over the core; texts below
    `confidence` are left out.
    """
    chance = _single_map(outputs)
    core = (chance > threshold).astype(np.uint8)
    contours, _ = cv2.findContours(core, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads, scores = [], []
    for contour in contours[:_MOST]:
        # contours run through pixel centres, corners are pixel edges: half a pixel further out
        centre, inner, angle = cv2.minAreaRect(contour.astype(np.float32) + 0.5)
        size = (inner[0] + 1, inner[1] + 1)
        if min(size) < _LEAST_SIDE:
            continue
        score = _mean_inside(chance, contour)
        if score >= confidence:
            quad = from_rotated(centre, size, angle)
            quads.append(grown(quad, size[0] * size[1] * unclip / (2 * (size[0] + size[1]))))
            scores.append(score)
    return Found.of(quads, scores)


def decode_east(outputs: Outputs, confidence: float, overlap: float) -> Found:
    """EAST: scores (1, 1, h, w) and per cell four distances and an angle (1, 5, h, w).

    X. Zhou et al.: EAST: An Efficient and Accurate Scene Text Detector, CVPR 2017, section 3.3: distances to
    the top, right, bottom and left side of a rectangle turned by the angle (radians, anticlockwise) about
    the cell; cells are 4 input pixels. Doubles above `overlap` (IoU) are left out.
    """
    if len(outputs) != 2 or {o.shape[1] for o in outputs if o.ndim == 4} != {1, 5}:
        raise _misfit("east", "maps (1, 1, h, w) and (1, 5, h, w)", outputs)
    score_map, geometry_map = sorted(outputs, key=lambda output: output.shape[1])
    rows, columns = np.nonzero(score_map[0, 0] >= confidence)
    scores = score_map[0, 0, rows, columns].astype(np.float32)
    top, right, bottom, left, angle = geometry_map[0][:, rows, columns].astype(np.float64)
    cos, sin = np.cos(angle), np.sin(angle)
    # the cell lies at its top left corner; the rectangle's axes are turned anticlockwise on the picture
    x = columns * _EAST_STRIDE + cos * (right - left) / 2 + sin * (bottom - top) / 2
    y = rows * _EAST_STRIDE - sin * (right - left) / 2 + cos * (bottom - top) / 2
    rectangles = [
        ((float(a), float(b)), (float(c), float(d)), float(-np.degrees(e)))
        for a, b, c, d, e in zip(x, y, left + right, top + bottom, angle, strict=True)
    ]
    if not rectangles:
        return Found.of([], [])
    kept = cv2.dnn.NMSBoxesRotated(rectangles, scores.tolist(), confidence, overlap, top_k=_MOST)
    rows_kept = np.asarray(kept, np.int64).reshape(-1).tolist()
    return Found.of([from_rotated(*rectangles[i]) for i in rows_kept], [float(scores[i]) for i in rows_kept])


def decode_ctc(outputs: Outputs, characters: Sequence[str], blank: int = 0) -> tuple[str, float]:
    """What a recogniser reads: the best class of every step, doubles and blanks left out, and its score.

    A. Graves et al.: Connectionist Temporal Classification, ICML 2006, "best path". `outputs`: one of
    (T, C), with axes of one anywhere, as logits or shares; class `blank` is no character, the others are
    `characters` in order. The score is the mean of the characters' own.
    """
    steps = np.squeeze(outputs[0]) if outputs else np.zeros(0)
    if steps.ndim != 2 or steps.shape[1] != len(characters) + 1:
        raise _misfit("ctc", f"steps of {len(characters) + 1} classes", outputs)
    best = steps.argmax(axis=1)
    shares = np.allclose(steps.sum(axis=1), 1.0, atol=1e-2) and steps.min() >= 0
    chances = steps if shares else _softmax(steps)
    fresh = np.flatnonzero((best != blank) & (best != np.concatenate([[-1], best[:-1]])))
    text = "".join(characters[i if i < blank else i - 1] for i in best[fresh].tolist())
    score = float(chances[fresh, best[fresh]].mean()) if len(fresh) else 0.0
    return text, min(max(score, 0.0), 1.0)


def _single_map(outputs: Outputs) -> npt.NDArray[np.float32]:
    if len(outputs) != 1 or np.squeeze(outputs[0]).ndim != 2:
        raise _misfit("db", "one map (1, 1, H, W)", outputs)
    return np.ascontiguousarray(np.squeeze(outputs[0]), np.float32)


def _mean_inside(values: npt.NDArray[np.float32], contour: npt.NDArray[Any]) -> float:
    """Mean of the values inside a contour (N, 1, 2)."""
    x, y, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [contour - (x, y)], 1)
    return float(cv2.mean(values[y : y + height, x : x + width], inside)[0])


def _softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _misfit(family: str, expected: str, outputs: Outputs) -> ModelError:
    got = ", ".join(str(output.shape) for output in outputs) or "nothing"
    return ModelError(
        f"family {family}: expected {expected}, the network gave {got}",
        fix="check the model's family, its class list and its input size",
    )
