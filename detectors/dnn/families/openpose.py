"""OpenPose: heat maps of body parts, and fields that say which parts belong to one body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, misfit, shapes
from detectors.dnn.onnx_header import OnnxHeader

Array = npt.NDArray[np.float32]


class Limb(NamedTuple):
    """Two parts that are joined, and the channel of their field's x; y is the next one."""

    a: int
    b: int
    field: int


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A body as a network knows it."""

    #: heat maps without the background's
    parts: int
    #: limbs in the order they are put together; the last ones only confirm
    limbs: Sequence[Limb]
    confirming: int
    #: its parts in the order of COCO's 17 key points
    body: Sequence[int]


def _limbs(pairs: Sequence[int], fields: Sequence[int]) -> tuple[Limb, ...]:
    return tuple(Limb(a, b, f) for a, b, f in zip(pairs[::2], pairs[1::2], fields, strict=True))


# fmt: off
#: Z. Cao et al., 2017, COCO: nose, neck, right and left arm, right and left leg, eyes, ears
COCO18 = Skeleton(
    18,
    _limbs(
        (1, 2, 1, 5, 2, 3, 3, 4, 5, 6, 6, 7, 1, 8, 8, 9, 9, 10, 1, 11, 11, 12, 12, 13, 1, 0, 0, 14, 14, 16,
         0, 15, 15, 17, 2, 16, 5, 17),
        (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26),
    ),
    confirming=2,
    body=(0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10),
)
#: OpenPose's BODY_25: the same with the middle of the hips, and feet
BODY25 = Skeleton(
    25,
    _limbs(
        (1, 8, 1, 2, 1, 5, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 10, 11, 8, 12, 12, 13, 13, 14, 1, 0, 0, 15,
         15, 17, 0, 16, 16, 18, 14, 19, 19, 20, 14, 21, 11, 22, 22, 23, 11, 24, 2, 17, 5, 18),
        (0, 14, 22, 16, 18, 24, 26, 6, 2, 4, 8, 10, 12, 30, 32, 36, 34, 38, 40, 42, 44, 46, 48, 50, 20, 28),
    ),
    confirming=2,
    body=(0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11),
)
# fmt: on
_SKELETONS = {skeleton.parts * 3 + 3: skeleton for skeleton in (COCO18, BODY25)}

#: heat maps are refined by this factor before peaks are looked for
_FINER = 4
_LEAST_PEAK = 0.1
#: samples along a limb, how strong the field must be there, and at what share of them
_SAMPLES, _LEAST_FIELD, _LEAST_SHARE = 10, 0.05, 0.8
#: a body has at least so many parts
_LEAST_PARTS = 4


class Peak(NamedTuple):
    """A part that was seen: place in cells of the fields, and how sure."""

    x: float
    y: float
    score: float


def find_peaks(heat: Array) -> list[Peak]:
    """Local maxima of one heat map (h, w), to a fraction of a cell."""
    fine = cv2.resize(heat, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_CUBIC)
    fine = cv2.GaussianBlur(fine, (0, 0), 3 * _FINER / 8)  # three input pixels, a cell being eight
    top = cv2.dilate(fine, np.ones((3, 3), np.uint8))
    ys, xs = np.nonzero((fine >= top) & (fine > _LEAST_PEAK))
    return [
        Peak(*_refined(fine, x, y), float(fine[y, x])) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)
    ]


def _refined(fine: npt.NDArray[np.generic], x: int, y: int) -> tuple[float, float]:
    """The top of the parabola through a maximum and its neighbours, in cells."""

    def shift(before: float, at: float, after: float) -> float:
        bend = before - 2 * at + after
        return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))

    rows, columns = fine.shape
    dx = shift(*map(float, fine[y, x - 1 : x + 2])) if 0 < x < columns - 1 else 0.0
    dy = shift(*map(float, fine[y - 1 : y + 2, x])) if 0 < y < rows - 1 else 0.0
    return (x + dx + 0.5) / _FINER, (y + dy + 0.5) / _FINER


def limb_score(a: Peak, b: Peak, field_x: Array, field_y: Array) -> float:
    """How well the field runs from a to b: its mean along the line; 0 where it does not at most places.

    Z. Cao et al.: Realtime Multi-Person 2D Pose Estimation, arXiv 1611.08050, equations 10 and 11.
    """
    way = np.array([b.x - a.x, b.y - a.y])
    length = float(np.hypot(way[0], way[1]))
    if length == 0.0:
        return 0.0
    steps = np.linspace(0.0, 1.0, _SAMPLES)
    rows, columns = field_x.shape
    xs = np.clip((a.x + steps * way[0]).astype(int), 0, columns - 1)
    ys = np.clip((a.y + steps * way[1]).astype(int), 0, rows - 1)
    along = (field_x[ys, xs] * way[0] + field_y[ys, xs] * way[1]) / length
    if (along > _LEAST_FIELD).mean() < _LEAST_SHARE:
        return 0.0
    # longer than half the picture's height: less likely
    return float(along.mean() + min(0.5 * rows / length - 1.0, 0.0))


def match_limbs(
    starts: Sequence[Peak], ends: Sequence[Peak], limb: Limb, fields: Array
) -> list[tuple[int, int]]:
    """The best pairs of the limb's ends, each end used once."""
    scored = [
        (limb_score(a, b, fields[limb.field], fields[limb.field + 1]), i, j)
        for i, a in enumerate(starts)
        for j, b in enumerate(ends)
    ]
    pairs: list[tuple[int, int]] = []
    for score, i, j in sorted(scored, reverse=True):
        if score > 0 and all(i != p and j != q for p, q in pairs):
            pairs.append((i, j))
    return pairs


def find_bodies(heat: Array, fields: Array, skeleton: Skeleton) -> Iterator[dict[int, Peak]]:
    """Bodies, each as its parts' number -> peak, of heat maps (parts, h, w) and fields (2 * limbs, h, w)."""
    peaks = [find_peaks(channel) for channel in heat]
    bodies: list[dict[int, int]] = []
    for number, limb in enumerate(skeleton.limbs):
        starting = number < len(skeleton.limbs) - skeleton.confirming
        for i, j in match_limbs(peaks[limb.a], peaks[limb.b], limb, fields):
            _join(bodies, {limb.a: i, limb.b: j}, starting=starting)
    for body in bodies:
        if len(body) >= _LEAST_PARTS:
            yield {part: peaks[part][number] for part, number in body.items()}


def _join(bodies: list[dict[int, int]], limb: dict[int, int], *, starting: bool) -> None:
    """Add a limb to the body that has one of its ends; two bodies that share one become one."""
    owners = [body for body in bodies if any(body.get(part) == peak for part, peak in limb.items())]
    if not owners:
        if starting:
            bodies.append(limb)
    elif len(owners) == 1:
        for part, peak in limb.items():
            owners[0].setdefault(part, peak)
    elif not owners[0].keys() & owners[1].keys():
        owners[0].update(owners[1])
        bodies.remove(owners[1])


def decode_openpose(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """(1, parts + 1 + 2 * limbs, h, w) of heat maps, the background's, and fields: COCO's 17 points each."""
    channels = outputs[0].shape[1] if len(outputs) == 1 and outputs[0].ndim == 4 else 0
    skeleton = _SKELETONS.get(channels)
    if skeleton is None:
        raise misfit("openpose", "one output (1, 57 or 78, rows, columns)", outputs)
    maps = np.asarray(outputs[0][0], np.float32)
    heat, fields = maps[: skeleton.parts], maps[skeleton.parts + 1 :]
    cell = np.array([width / maps.shape[2], height / maps.shape[1], 1.0])
    found = []
    for body in find_bodies(heat, fields, skeleton):
        peaks = [body.get(part, Peak(0.0, 0.0, 0.0)) for part in skeleton.body]
        found.append(np.array(peaks, np.float64) * cell)
    points = np.array(found, np.float32).reshape(-1, len(skeleton.body), 3)
    points[:, :, 2] = np.clip(points[:, :, 2], 0.0, 1.0)
    return _kept(points, confidence)


def _kept(points: Array, confidence: float) -> Candidates:
    """Bodies that are sure enough: the mean of the parts seen; each box goes around them."""
    seen = points[:, :, 2] > 0
    scores = points[:, :, 2].sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    kept = (scores >= confidence) & (seen.sum(axis=1) >= _LEAST_PARTS - 1)
    points, seen = points[kept], seen[kept][..., None]
    low = np.where(seen, points[..., :2], np.inf).min(axis=1, initial=np.inf)
    high = np.where(seen, points[..., :2], -np.inf).max(axis=1, initial=-np.inf)
    boxes = np.concatenate([low, high], axis=1).reshape(-1, 4).astype(np.float32)
    ids = np.zeros(len(points), np.int64)
    return Candidates(boxes, scores[kept].astype(np.float32), ids, keypoints=points)


def _decoder(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_openpose(outputs, width, height, confidence)


def _classes(header: OnnxHeader, _width: int, _height: int) -> int:
    found = shapes(header)
    return 1 if len(found) == 1 and len(found[0]) == 4 and found[0][1] in _SKELETONS else 0


_SCALE = (255.0, 255.0, 255.0)
OPENPOSE = Family("openpose", "pose", _decoder, _classes, "bgr", std=_SCALE, pad=0, suppress=False)
