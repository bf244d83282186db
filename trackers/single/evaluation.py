"""How well one object is followed: one-pass evaluation (Wu, Lim and Yang, "Online Object Tracking: A
Benchmark", CVPR 2013)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trackers.single.base import SingleTracker
from vidstream.geometry import Float64, centres, iou
from vidstream.types import Boxes, Pixels

#: the overlaps from 0 to 1 over which success is averaged
_OVERLAPS = np.linspace(0, 1, 21)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tracker's marks on one clip or, by `pooled`, on several; shares are in [0, 1]."""

    #: frames on which the object was to be seen, and on which it was not
    present: int
    absent: int
    #: area under the success plot: the share of frames with more overlap, averaged over 0 to 1
    auc: float
    #: share of the present frames whose centre is at most 20 pixels off
    precision: float
    #: share of the present frames on which it was called lost
    missed: float
    #: share of the absent frames on which it was said to be somewhere; NaN where there are none
    imagined: float
    #: seconds spent in `update` per frame
    seconds: float


def one_pass(tracker: SingleTracker, frames: Iterable[Pixels], truth: Mapping[int, npt.ArrayLike]) -> Outcome:
    """Show the tracker the first box of `truth` ({frame index: x1 y1 x2 y2}) and let it run to the end.

    Frames without a box in `truth` are those on which the object cannot be seen. The first is not
    counted.
    """
    first = min(truth)
    found, boxes = [], []
    spent = 0.0
    for index, image in enumerate(frames):
        if index == first:
            tracker.init(image, truth[first])
        if index <= first:
            continue
        start = time.perf_counter()
        box = tracker.update(image).box
        spent += time.perf_counter() - start
        found.append(np.full(4, np.nan) if box is None else box)
        boxes.append(truth.get(index, np.full(4, np.nan)))
    return judge(np.array(found), np.array(boxes), spent / max(1, len(found)))


def judge(found: Boxes, truth: Boxes, seconds: float = 0.0) -> Outcome:
    """Marks for (F, 4) boxes against the true ones; a row of NaN is a lost or absent object."""
    present = np.asarray(np.isfinite(truth).all(axis=1))
    reported = np.asarray(np.isfinite(found).all(axis=1))
    overlap, distance = np.zeros(len(truth)), np.full(len(truth), np.inf)
    both = present & reported
    overlap[both] = _overlaps(found[both], truth[both])
    distance[both] = np.linalg.norm(centres(found[both]) - centres(truth[both]), axis=1)
    return Outcome(
        present=int(present.sum()),
        absent=int((~present).sum()),
        auc=float((overlap[present][:, None] > _OVERLAPS).mean()),
        precision=float((distance[present] <= 20).mean()),
        missed=float((~reported[present]).mean()),
        imagined=float(reported[~present].mean()) if (~present).any() else float("nan"),
        seconds=seconds,
    )


def pooled(outcomes: Iterable[Outcome]) -> Outcome:
    """The marks of several clips as one: means over clips, what concerns absence over frames."""
    parts = list(outcomes)
    absent = sum(part.absent for part in parts)
    imagined = sum(part.imagined * part.absent for part in parts if part.absent)
    mean = {
        name: float(np.mean([getattr(part, name) for part in parts]))
        for name in ("auc", "precision", "missed", "seconds")
    }
    return Outcome(
        present=sum(part.present for part in parts),
        absent=absent,
        imagined=imagined / absent if absent else float("nan"),
        **mean,
    )


def _overlaps(a: Boxes, b: Boxes) -> Float64:
    """(N,) IoU row by row."""
    return np.array([iou(one[None], other[None])[0, 0] for one, other in zip(a, b, strict=True)])
