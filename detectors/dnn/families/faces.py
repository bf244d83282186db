"""Networks that find faces in one pass: YuNet, SSD-face, BlazeFace, SCRFD and RetinaFace.

All but SSD-face give landmarks: right eye, left eye, nose tip, right and left corner of the mouth, right
and left being the person's own (BlazeFace: the mouth's centre and both ears in place of its corners). A
landmark's score is its face's: these networks do not tell how sure they are of single points.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, misfit
from detectors.dnn.onnx_header import OnnxHeader
from detectors.suppression import logistic

Array: TypeAlias = npt.NDArray[np.float32]
_Decode: TypeAlias = Callable[[Outputs, int, int, float], Candidates]

#: cells of the three grids of YuNet, SCRFD and RetinaFace, in input pixels
STRIDES = (8, 16, 32)
#: RetinaFace: sides of the anchors on each grid, and the variances its offsets are scaled with
_RETINA_SIDES = ((16, 32), (64, 128), (256, 512))
_VARIANCES = (0.1, 0.2)
#: BlazeFace: cells along a side of its grids over 128 x 128 pixels, and anchors per cell
_BLAZE_GRIDS = ((16, 2), (8, 6))
_BLAZE_POINTS = 6


def decode_yunet(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """YuNet (W. Wu et al.: YuNet: A Tiny Millisecond-level Face Detector, 2023): 12 outputs.

    Class, objectness, box and landmarks, each for three grids, as `cv2.FaceDetectorYN` reads them: score =
    sqrt(class * objectness), centre = (cell + offset) * stride, size = exp(log size) * stride.
    """
    cells, strides = grid(width, height, 1)
    rows = len(cells)
    if len(outputs) != 12 or sum(o.size for o in outputs[:3]) != rows:
        raise misfit("yunet", f"12 outputs for {rows} cells", outputs)
    classes, objects, boxes, points = (
        np.concatenate([o.reshape(-1, size) for o in outputs[i : i + 3]])
        for i, size in ((0, 1), (3, 1), (6, 4), (9, 10))
    )
    scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))[:, 0]
    kept = np.flatnonzero(scores >= confidence)
    cells, strides, boxes = cells[kept], strides[kept], boxes[kept]
    centres, half = (cells + boxes[:, :2]) * strides, np.exp(boxes[:, 2:]) * strides / 2
    marks = (points[kept].reshape(-1, 5, 2) + cells[:, None]) * strides[:, None]
    return _faces(np.concatenate([centres - half, centres + half], axis=1), scores[kept], marks)


def decode_ssd_face(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """OpenCV's SSD on a ResNet-10: (1, 1, N, 7) of picture, class, score, x1 y1 x2 y2 in shares."""
    if len(outputs) != 1 or outputs[0].ndim != 4 or outputs[0].shape[3] != 7:
        raise misfit("ssd-face", "one output (1, 1, N, 7)", outputs)
    rows = outputs[0][0, 0]
    rows = rows[(rows[:, 1] == 1) & (rows[:, 2] >= confidence)]
    return _faces(rows[:, 3:] * (width, height, width, height), rows[:, 2], None)


def decode_blazeface(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """BlazeFace (V. Bazarevsky et al., 2019, arXiv 1907.05047): scores (1, 896, 1) and boxes (1, 896, 16).

    Boxes are centre, size and six landmarks, as offsets from the anchors' centres in input pixels.
    """
    anchors = _blaze_anchors() * (width, height)
    if [o.shape[1:] for o in outputs] != [(len(anchors), 1), (len(anchors), 4 + 2 * _BLAZE_POINTS)]:
        raise misfit("blazeface", f"(1, {len(anchors)}, 1) and (1, {len(anchors)}, 16)", outputs)
    scores = logistic(outputs[0][0, :, 0])
    kept = np.flatnonzero(scores >= confidence)
    rows, anchors = outputs[1][0, kept], anchors[kept]
    centres, half = rows[:, :2] + anchors, rows[:, 2:4] / 2
    marks = rows[:, 4:].reshape(-1, _BLAZE_POINTS, 2) + anchors[:, None]
    return _faces(np.concatenate([centres - half, centres + half], axis=1), scores[kept], marks)


def decode_scrfd(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """SCRFD (J. Guo et al., ICLR 2022): per grid a score, the distances to four sides, five landmarks.

    Outputs of a kind come finest grid first, as scores, boxes, landmarks (or without landmarks); distances
    are in strides from the cell's top left corner; two anchors in a cell.
    """
    cells, strides = grid(width, height, 2)
    parts = {size: [o.reshape(-1, size) for o in outputs if o.shape[-1] == size] for size in (1, 4, 10)}
    counts = [sum(map(len, part)) for part in parts.values()]
    if counts[:2] != [len(cells)] * 2 or counts[2] not in (0, len(cells)):
        raise misfit("scrfd", f"scores (., 1), boxes (., 4), landmarks (., 10), {len(cells)} rows", outputs)
    scores = np.concatenate(parts[1])[:, 0]
    kept = np.flatnonzero(scores >= confidence)
    corners, strides = cells[kept] * strides[kept], strides[kept]
    sides = np.concatenate(parts[4])[kept] * strides
    boxes = np.concatenate([corners - sides[:, :2], corners + sides[:, 2:]], axis=1)
    if not parts[10]:
        return _faces(boxes, scores[kept], None)
    marks = np.concatenate(parts[10])[kept].reshape(-1, 5, 2) * strides[:, None] + corners[:, None]
    return _faces(boxes, scores[kept], marks)


def decode_retinaface(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """RetinaFace (J. Deng et al., 2019, arXiv 1905.00641): boxes, scores (1, N, 2), landmarks (1, N, 10).

    Told apart by their last axis. Offsets are relative to anchors of two sizes in each cell.
    """
    centres, sides = _retina_anchors(width, height)
    found = {o.shape[-1]: o.reshape(-1, o.shape[-1]) for o in outputs}
    if set(found) != {4, 2, 10} or {len(o) for o in found.values()} != {len(sides)}:
        raise misfit("retinaface", f"(1, {len(sides)}, 4), (., 2) and (., 10)", outputs)
    scores = found[2][:, 1]
    kept = np.flatnonzero(scores >= confidence)
    rows, centres, sides = found[4][kept], centres[kept], sides[kept]
    middle = centres + rows[:, :2] * _VARIANCES[0] * sides
    half = sides * np.exp(rows[:, 2:] * _VARIANCES[1]) / 2
    marks = centres[:, None] + found[10][kept].reshape(-1, 5, 2) * _VARIANCES[0] * sides[:, None]
    return _faces(np.concatenate([middle - half, middle + half], axis=1), scores[kept], marks)


@cache
def grid(width: int, height: int, anchors: int) -> tuple[Array, Array]:
    """Column and row of every anchor's cell (N, 2) and its stride (N, 1), finest grid first, row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        x, y = np.meshgrid(np.arange(-(-width // stride)), np.arange(-(-height // stride)))
        cells.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), anchors, axis=0))
        strides.append(np.full((len(cells[-1]), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


@cache
def _retina_anchors(width: int, height: int) -> tuple[Array, Array]:
    """Centres (N, 2) and sides (N, 1) of the anchors, in input pixels."""
    cells, strides = grid(width, height, 2)
    small, large = (np.select([strides == s for s in STRIDES], [w[i] for w in _RETINA_SIDES]) for i in (0, 1))
    first = np.arange(len(cells))[:, None] % 2 == 0
    return (cells + 0.5) * strides, np.where(first, small, large).astype(np.float32)


@cache
def _blaze_anchors() -> Array:
    """Centres of the 896 anchors (N, 2), in shares of the input."""
    centres = []
    for side, anchors in _BLAZE_GRIDS:
        x, y = np.meshgrid(np.arange(side), np.arange(side))
        cells = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) / side
        centres.append(np.repeat(cells, anchors, axis=0))
    return np.concatenate(centres).astype(np.float32)


def _faces(boxes: npt.NDArray[Any], scores: npt.NDArray[Any], marks: npt.NDArray[Any] | None) -> Candidates:
    """Candidates of the one class there is; `marks` are (N, K, 2)."""
    sure = np.clip(scores, 0.0, 1.0).astype(np.float32)
    points = None
    if marks is not None:
        column = np.broadcast_to(sure[:, None, None], (*marks.shape[:2], 1))
        points = np.concatenate([marks, column], axis=2).astype(np.float32)
    return Candidates(boxes.astype(np.float32), sure, np.zeros(len(boxes), np.int64), points)


def _decoder(decode: _Decode) -> Callable[[Card], Decoder]:
    def make(card: Card) -> Decoder:
        width, height = card.input.width, card.input.height
        return lambda outputs, confidence: decode(outputs, width, height, confidence)

    return make


def _yunet(header: OnnxHeader, width: int, height: int) -> int:
    return int(_axes(header) == ([1] * 6 + [4] * 3 + [10] * 3, len(grid(width, height, 1)[0]) * 4))


def _scrfd(header: OnnxHeader, width: int, height: int) -> int:
    kinds, rows = _axes(header)
    bare = [1] * 3 + [4] * 3
    return int(
        kinds in (bare, [*bare, 10, 10, 10]) and rows == len(grid(width, height, 2)[0]) * len(kinds) // 3
    )


def _retinaface(header: OnnxHeader, width: int, height: int) -> int:
    kinds, rows = _axes(header)
    return int(sorted(kinds) == [2, 4, 10] and rows == len(grid(width, height, 2)[0]) * 3)


def _never(*_: object) -> int:
    """Of formats that `describe` does not read."""
    return 0


def _axes(header: OnnxHeader) -> tuple[list[int], int]:
    """The last axis of every output, and the rows of all together."""
    shapes = [shape[-2:] for shape in header.outputs.values() if len(shape) >= 2]
    return [last for _, last in shapes], sum(rows for rows, _ in shapes)


_HALF = (127.5, 127.5, 127.5)
_MEAN = (104.0, 117.0, 123.0)
YUNET = Family("yunet", "face", _decoder(decode_yunet), _yunet, colour="bgr", fit="corner", pad=0)
SSD_FACE = Family(
    "ssd-face", "face", _decoder(decode_ssd_face), _never, colour="bgr", mean=_MEAN, fit="stretch"
)
BLAZEFACE = Family(
    "blazeface", "face", _decoder(decode_blazeface), _never, mean=_HALF, std=_HALF, fit="centre", pad=0
)
SCRFD = Family(
    "scrfd",
    "face",
    _decoder(decode_scrfd),
    _scrfd,
    mean=_HALF,
    std=(128.0, 128.0, 128.0),
    fit="corner",
    pad=0,
)
RETINAFACE = Family(
    "retinaface", "face", _decoder(decode_retinaface), _retinaface, colour="bgr", mean=_MEAN, fit="corner"
)
