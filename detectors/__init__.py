"""Finds things in one picture or a batch; knows nothing of graphs, YAML or time.

In a notebook::

    from detectors.hog import HogDetector
    from vidstream.types import View
    people = HogDetector().detect(View(cv2.imread("street.jpg")))
"""
