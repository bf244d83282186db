"""Upright people (or whatever a linear SVM was trained on) by histograms of oriented gradients.

    >>> import numpy as np
    >>> from vidstream.types import View
    >>> detector = HogDetector(HogParams(scale=1.0))
    >>> len(detector.detect(View(np.zeros((480, 640, 3), np.uint8))))
    0

`detectors.training` makes models of one's own.
"""

from detectors.hog.detector import HogDetector, HogParams, Windows
from detectors.hog.model import HogModel, Usage

__all__ = ["HogDetector", "HogModel", "HogParams", "Usage", "Windows"]
