"""Enrolment: which faces are good enough to know somebody by, and why others are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import cv2
import numpy as np

from detectors.faces.align import crops_by_landmarks
from detectors.faces.classic import METHODS
from detectors.faces.detect import FaceDetector
from detectors.faces.embed import FaceEmbedder
from detectors.faces.gallery import Features, Gallery
from detectors.faces.match import usual_threshold
from detectors.faces.points import five, turn
from vidstream.types import Detections, Pixels, View
from vidstream.types.values import Pixels as PixelCount
from vidstream.types.values import Range, Ratio

#: side of the crops that sharpness is measured on and that galleries keep
_SIDE = 112
#: a face tells nothing new that is so far on the way from the threshold to equality
_NEARLY = 0.9


@dataclass(frozen=True)
class Quality:
    """What a face must be to be enrolled."""

    min_eyes: PixelCount = 24  #: smallest distance between the eyes
    min_sharpness: Annotated[float, Range(0.0)] = 20.0  #: smallest variance of the Laplacian, 112 pixels wide
    max_turn: Ratio = 0.6  #: how far it may look aside: 0 = at the camera, 1 = nose above an eye
    min_score: Ratio = 0.7  #: smallest score of the detector


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A face that may be enrolled, its vector (D,) and its upright crop."""

    faces: Detections
    feature: Features
    crop: Pixels


class Examiner:
    """Finds the one face of a picture and judges it. `embedder` may be of any model.

    Faces need landmarks for this: take a detector that gives them.
    """

    def __init__(
        self, detector: FaceDetector, embedder: FaceEmbedder, quality: Quality | None = None
    ) -> None:
        self.quality = quality or Quality()
        self._detector, self._embedder = detector, embedder

    def examine(self, view: View) -> Candidate | str:
        """The face, ready to be enrolled, or the reason why there is none."""
        faces = self._detector.detect(view)
        faces = faces[faces.scores >= self.quality.min_score]
        if len(faces) != 1:
            return "no face" if not faces else f"{len(faces)} faces: which of them is meant?"
        return self.judge(view, faces)

    def judge(self, view: View, faces: Detections) -> Candidate | str:
        """The same for a face that has been found already."""
        (crop,) = crops_by_landmarks(view, faces, _SIDE)
        reason = flaw(faces, crop, self.quality)
        return reason or Candidate(faces, self._embedder.embed(view, faces)[0], crop)


def flaw(faces: Detections, crop: Pixels, quality: Quality) -> str:
    """Why one face, with its upright crop, is not good enough; an empty text where it is."""
    marks: Any = None if faces.keypoints is None else five(faces.keypoints)
    if marks is not None:
        eyes = float(np.linalg.norm(marks[0, 1] - marks[0, 0]))
        if eyes < quality.min_eyes:
            return f"too small: {eyes:.0f} pixels between the eyes, {quality.min_eyes} wanted"
        aside = abs(float(turn(marks)[0]))
        if aside > quality.max_turn:
            return f"looks aside: {aside:.2f}, at most {quality.max_turn:g} wanted"
    sharp = sharpness(crop)
    if sharp < quality.min_sharpness:
        return f"blurred: sharpness {sharp:.0f}, {quality.min_sharpness:g} wanted"
    return ""


def sharpness(crop: Pixels) -> float:
    """Variance of the Laplacian of a gray picture (J. Pech-Pacheco et al., 2000)."""
    gray = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(gray, cv2.CV_64F).var())


class Enroller:
    """Adds faces to a gallery, those that belong there. The gallery must be open for writing."""

    def __init__(self, gallery: Gallery, faces_each: int) -> None:
        self._gallery, self._faces_each = gallery, faces_each
        names, rows = gallery.rows()
        self._known: list[tuple[str, Features]] = list(zip(names, rows, strict=True))
        model = gallery.identity.name
        #: a face of somebody else is told from one's own by networks only
        self._same = None if model in METHODS else usual_threshold(model)

    def full(self, name: str) -> bool:
        """Whether there are as many faces of somebody as are wanted."""
        return sum(known == name for known, _ in self._known) >= self._faces_each

    def add(self, name: str, found: Candidate, origin: str) -> str:
        """Add a face of `name`; a reason where it was left out."""
        if self.full(name):
            return f"there are {self._faces_each} faces of {name} already"
        reason = "" if self._same is None else self._doubt(name, found.feature, self._same)
        if not reason:
            self._gallery.add(name, found.feature, crop=found.crop, origin=origin)
            self._known.append((name, found.feature))
        return reason

    def _doubt(self, name: str, feature: Features, same: float) -> str:
        own = [float(feature @ row) for known, row in self._known if known == name]
        if max(own, default=-1.0) > same + _NEARLY * (1 - same):
            return "nearly equal to one that is there"
        other, similarity = max(
            ((known, float(feature @ row)) for known, row in self._known if known != name),
            key=lambda pair: pair[1],
            default=("", -1.0),
        )
        if similarity >= same and similarity > max(own, default=-1.0):
            return f"looks like {other} ({similarity:.2f}), who is enrolled already"
        return ""
