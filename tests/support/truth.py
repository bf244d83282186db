"""Ground truth of the assets as detections, and how well boxes fit it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from vidstream.geometry import iou
from vidstream.types import Boxes, Detections


def mot_truth(path: Path) -> dict[int, Detections]:
    """Frame number (from 0) -> people with their ids, of a MOT ``gt.txt`` that holds people alone."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    return {
        int(frame) - 1: Detections.of(
            rows[rows[:, 0] == frame][:, 2:6] @ _FROM_XYWH,
            track_ids=rows[rows[:, 0] == frame][:, 1].astype(np.int64),
            names={0: "person"},
        )
        for frame in np.unique(rows[:, 0])
    }


#: x y w h -> x1 y1 x2 y2
_FROM_XYWH = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]])


def matched(found: Boxes, truth: Boxes, least: float = 0.5) -> int:
    """How many boxes can be paired one to one with an IoU of at least `least`."""
    overlap = iou(np.asarray(found, np.float32), np.asarray(truth, np.float32))
    rows, cols = linear_sum_assignment(-overlap)
    return int((overlap[rows, cols] >= least).sum())
