"""Whose face it is: one against one, or against everybody in a gallery, strangers included."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.faces.classic import METHODS, ClassicScore
from detectors.faces.gallery import Features, Gallery
from vidstream.errors import ModelError

#: whoever is in no gallery
UNKNOWN = "unknown"
#: similarity from which on two faces count as one person's, where nothing was calibrated: SFace's as OpenCV
#: has it; dlib's 0.6 of distance, at its vectors' length of 1.4; ArcFace's usual one elsewhere
_THRESHOLDS = {
    "sface": 0.363,
    "sface-fp32": 0.363,
    "dlib-resnet": 0.91,
    "lbph": 0.5,
    "eigen": 0.5,
    "fisher": 0.5,
}
_ELSEWHERE = 0.35


class Match(NamedTuple):
    """Somebody it may be."""

    name: str
    #: of the face enrolled that is most like it: a cosine, or what `ClassicScore` gives
    similarity: float


class Matcher:
    """The faces of a gallery, loaded for comparing. The gallery may be closed afterwards.

    `threshold` is the similarity from which on somebody counts as known; None takes the calibrated one, or
    else what is usual for the model.
    """

    def __init__(self, gallery: Gallery, threshold: float | None = None) -> None:
        names, rows = gallery.rows()
        self.people = sorted(set(names))
        self._length = rows.shape[1]
        self._person = np.array([self.people.index(name) for name in names], np.int64)
        self._score: Callable[[Features], Features]
        model = gallery.identity.name
        if model in METHODS:
            self._score = ClassicScore(model, names, rows)
        else:
            self._score = lambda probes: probes @ rows.T
        self.threshold = _threshold(gallery) if threshold is None else threshold

    def similarities(self, probes: Features) -> npt.NDArray[np.float32]:
        """(N, people): of each probe to the most like face of each person. ModelError: another length."""
        scores = np.full((len(probes), len(self.people)), -1.0, np.float32)
        if len(probes) and self.people:
            if probes.shape[1] != self._length:
                raise ModelError(
                    f"vectors of {probes.shape[1]} numbers, the gallery holds such of {self._length}",
                    where="faces",
                    fix="describe faces with the gallery's model",
                )
            faces = self._score(probes)
            for column in range(len(self.people)):
                scores[:, column] = faces[:, self._person == column].max(axis=1)
        return scores

    def rank(self, probes: Features, top: int = 1) -> list[list[Match]]:
        """The `top` most likely people for each probe, best first, however unlikely."""
        scores = self.similarities(probes)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
        return [
            [Match(self.people[j], float(row[j])) for j in columns]
            for row, columns in zip(scores, order, strict=True)
        ]

    def name(self, scores: npt.NDArray[np.float32]) -> Match:
        """Who it is by similarities to all people (P,): the best one, or `UNKNOWN` below the threshold."""
        if not len(scores):
            return Match(UNKNOWN, 0.0)
        best = int(scores.argmax())
        known = scores[best] >= self.threshold
        return Match(self.people[best] if known else UNKNOWN, float(scores[best]))


def usual_threshold(model: str) -> float:
    """Where two faces count as one person's, for a model that was not calibrated."""
    return _THRESHOLDS.get(model, _ELSEWHERE)


def _threshold(gallery: Gallery) -> float:
    calibration = gallery.calibration
    return usual_threshold(gallery.identity.name) if calibration is None else float(calibration["threshold"])
