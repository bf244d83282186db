"""Cascades of boosted features: faces, eyes, bodies, licence plates, or a cascade of one's own.

P. Viola, M. Jones: Rapid Object Detection using a Boosted Cascade of Simple Features, CVPR 2001;
R. Lienhart, J. Maydt: An Extended Set of Haar-like Features, ICIP 2002.

    >>> detector = HaarDetector(HaarParams(cascade=FileOrName("eye")))
    >>> detector.names
    {0: 'eye'}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import cv2.data
import numpy as np

from detectors.suppression import in_fixed_order, logistic, nms
from vidstream import geometry
from vidstream.errors import ModelError, did_you_mean
from vidstream.types import Boxes, Detections, Scores, View
from vidstream.types.values import FileOrName, Range, Ratio
from vidstream.types.values import Pixels as PixelCount

#: the cascade used unless one is named
_DEFAULT = FileOrName("frontalface_alt2")
_PREFIX = "haarcascade_"
#: how alike windows of one object are: the constant of cv2.CascadeClassifier
_GROUP_EPS = 0.2
#: start of a cascade's name -> what it finds
_CLASSES = {
    "frontalcatface": "cat face",
    "frontalface": "face",
    "profileface": "face",
    "eye": "eye",
    "lefteye": "eye",
    "righteye": "eye",
    "fullbody": "person",
    "upperbody": "upper body",
    "lowerbody": "lower body",
    "smile": "smile",
    "license_plate": "licence plate",
    "russian_plate": "licence plate",
}


@dataclass(frozen=True, slots=True)
class HaarParams:
    """How to run a cascade.

    On nine photographs of about 500x400 with 43 faces (IoU 0.4, 3 neighbours, one core):

    ===================  ============  =========  ======  ==============
    cascade              scale_factor  precision  recall  ms per picture
    ===================  ============  =========  ======  ==============
    frontalface_alt2     1.1           0.95       0.93    140
    frontalface_alt2     1.2           1.00       0.88    80
    frontalface_default  1.1           0.89       0.93    140
    frontalface_default  1.2           1.00       0.86    80
    ===================  ============  =========  ======  ==============
    """

    cascade: FileOrName = _DEFAULT  #: a cascade of OpenCV by its short name, or a file (Haar or LBP)
    scale_factor: Annotated[float, Range(1.01, 4.0)] = 1.1  #: step between two sizes of window
    min_neighbours: Annotated[int, Range(0)] = 3  #: windows that must agree on it; 0 gives every window
    min_size: PixelCount = 0  #: width of the smallest object in the picture looked at
    max_size: PixelCount | None = None  #: width of the largest object (left out: the picture's)
    nms: Ratio = 0.4  #: drop a box that overlaps a better one by more (IoU); 1 keeps all


class Cascade(NamedTuple):
    """A loaded cascade and what is needed to score with it."""

    classifier: cv2.CascadeClassifier
    #: number of stages: the reject level of a window that passed them all
    stages: int
    #: sum the last stage demands
    threshold: float
    #: what it finds
    label: str


def cascades() -> tuple[str, ...]:
    """Short names of all cascades that come with OpenCV.

    >>> "frontalface_default" in cascades()
    True
    """
    files = Path(cv2.data.haarcascades).glob(f"{_PREFIX}*.xml")
    return tuple(sorted(f.stem.removeprefix(_PREFIX) for f in files))


class HaarDetector:
    """A cascade over an image pyramid; the same boxes as `cv2.CascadeClassifier.detectMultiScale`.

    The score of a box is ``logistic(m)``, m = the largest margin above the last stage's threshold among
    the windows grouped into it: 0.5 = just passed. ModelError: no such cascade, or not a cascade file.
    `detect` leaves Python's lock free, so several detectors run side by side in threads.
    """

    def __init__(self, params: HaarParams | None = None) -> None:
        self.params = params or HaarParams()
        self._cascade = load_cascade(self.params.cascade)
        self.names: Mapping[int, str] = {0: self._cascade.label}

    def detect(self, view: View) -> Detections:
        """Objects in `view`, boxes in source pixels, best score first."""
        windows, margins = self._windows(view)
        boxes, scores = _grouped(windows, margins, self.params.min_neighbours)
        rows = nms(boxes, scores, self.params.nms)
        return Detections.of(view.boxes_to_source(boxes[rows]), scores[rows], names=self.names)

    def _windows(self, view: View) -> tuple[Boxes, Scores]:
        """Windows that pass all stages, as x y width height (N, 4), and their margins (N,)."""
        classifier = self._cascade.classifier
        wide, high = classifier.getOriginalWindowSize()
        largest = self.params.max_size or 0
        windows, levels, sums = classifier.detectMultiScale3(
            view.gray(),
            scaleFactor=self.params.scale_factor,
            minNeighbors=0,
            minSize=(self.params.min_size, self.params.min_size * high // wide),
            maxSize=(largest, largest * high // wide),
            outputRejectLevels=True,
        )
        # asked for levels, OpenCV also gives windows that fell at one of the last stages
        passed = np.reshape(levels, -1) == self._cascade.stages
        margins = np.asarray(sums, np.float64).reshape(-1) - self._cascade.threshold
        found = np.asarray(windows, np.float32).reshape(-1, 4)[passed]
        return in_fixed_order(found, margins[passed].astype(np.float32))


def _grouped(windows: Boxes, margins: Scores, min_neighbours: int) -> tuple[Boxes, Scores]:
    """One box x1 y1 x2 y2 per group of at least so many like windows, and its score."""
    if min_neighbours == 0 or not len(windows):
        return geometry.from_xywh(windows), logistic(margins)
    found, _ = cv2.groupRectangles(windows.astype(int).tolist(), min_neighbours, _GROUP_EPS)
    groups = np.asarray(found, np.float32).reshape(-1, 4)
    boxes = geometry.from_xywh(groups)
    # OpenCV groups windows whose edges differ by less than eps times their mean size
    reach = _GROUP_EPS * (groups[:, 2] + groups[:, 3]) / 2
    apart = np.abs(boxes[:, None] - geometry.from_xywh(windows)[None]).max(axis=2)
    near = apart <= np.maximum(reach, apart.min(axis=1))[:, None]
    return boxes, logistic(np.where(near, margins, -np.inf).max(axis=1, initial=-np.inf))


def load_cascade(name: str) -> Cascade:
    """A cascade by its short name or file. ModelError where there is none."""
    path = _cascade_file(name)
    classifier = _classifier(path)
    stages, threshold = _last_stage(path)
    short = path.stem.removeprefix(_PREFIX).removeprefix("lbpcascade_")
    label = next((word for start, word in _CLASSES.items() if short.startswith(start)), short)
    return Cascade(classifier, stages, threshold, label)


def _classifier(path: Path) -> cv2.CascadeClassifier:
    classifier = cv2.CascadeClassifier()
    try:
        loaded = classifier.load(str(path))
    except cv2.error:
        loaded = False
    if loaded:
        return classifier
    raise ModelError(
        "does not hold a cascade",
        where=f"cascade '{path}'",
        fix="give an XML file as opencv_traincascade writes it",
    )


def _cascade_file(name: str) -> Path:
    known = cascades()
    if name in known:
        return Path(cv2.data.haarcascades) / f"{_PREFIX}{name}.xml"
    path = Path(name)
    if path.suffix != ".xml":
        hint = did_you_mean(name, known) or f"known are {', '.join(known)}; or give a file ending in .xml"
        raise ModelError("no such cascade in OpenCV", where=f"cascade '{name}'", fix=hint)
    if not path.is_file():
        raise ModelError("no such file", where=f"cascade '{name}'", fix="check the path")
    return path


def _last_stage(path: Path) -> tuple[int, float]:
    """Number of stages and the last one's threshold; two formats of file exist."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    try:
        stages = storage.getFirstTopLevelNode().getNode("stages")
        last = stages.at(stages.size() - 1)
        names = set(last.keys())
        node = last.getNode("stageThreshold" if "stageThreshold" in names else "stage_threshold")
        return int(stages.size()), float(node.real())
    finally:
        storage.release()
