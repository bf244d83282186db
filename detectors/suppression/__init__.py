"""Keep one box per object: non-maximum suppression and what improves on it.

>>> import numpy as np
>>> boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]], np.float32)
>>> scores, classes = np.array([0.9, 0.6, 0.5], np.float32), np.zeros(3, np.int64)
>>> suppress(boxes, scores, classes).rows.tolist()
[0, 2]
>>> suppress(boxes, scores, classes, Suppression("soft")).rows.tolist()
[0, 2, 1]
"""

from detectors.suppression.entry import Suppression, suppress
from detectors.suppression.greedy import in_fixed_order, logistic, nms, without_nested
from detectors.suppression.neighbours import Kept, Overlap

__all__ = [
    "Kept",
    "Overlap",
    "Suppression",
    "in_fixed_order",
    "logistic",
    "nms",
    "suppress",
    "without_nested",
]
