"""Where to draw the line between one person and two: error rates over all pairs of faces of known people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.faces.classic import METHODS, ClassicScore
from detectors.faces.gallery import Features
from vidstream.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Error rates at every similarity that occurs, from the strictest on; each array is (T,).

    A pair is taken for one person's where its similarity is `thresholds` or more.
    """

    thresholds: npt.NDArray[np.float64]
    #: share of pairs of two people that are taken for one
    false_accepts: npt.NDArray[np.float64]
    #: share of pairs of one person that are taken for one
    true_accepts: npt.NDArray[np.float64]
    #: number of pairs of one person, and of two
    genuine: int
    impostor: int

    def equal_error(self) -> float:
        """The rate at which as many strangers are accepted as friends are refused."""
        refused = 1 - self.true_accepts
        gap = self.false_accepts - refused
        after = int(np.argmax(gap >= 0))
        if after == 0:
            return float(refused[0] + self.false_accepts[0]) / 2
        share = -gap[after - 1] / (gap[after] - gap[after - 1])
        return float(
            self.false_accepts[after - 1]
            + share * (self.false_accepts[after] - self.false_accepts[after - 1])
        )

    def area(self) -> float:
        """Area under the curve of true over false accepts: 1 where all pairs are told apart."""
        far = np.concatenate([[0.0], self.false_accepts, [1.0]])
        tar = np.concatenate([[0.0], self.true_accepts, [1.0]])
        return float(np.trapezoid(tar, far))

    def at(self, false_accepts: float) -> tuple[float, float]:
        """(threshold, share of true accepts) where at most so many false accepts are allowed.

        The threshold lies midway to the next more alike pair of two people, so that it is not that of a
        single pair.
        """
        allowed = np.flatnonzero(self.false_accepts <= false_accepts)
        if not len(allowed):
            return float(self.thresholds[0]) + 1e-6, 0.0
        last = int(allowed[-1])
        beyond = self.thresholds[last + 1] if last + 1 < len(self.thresholds) else self.thresholds[last]
        return float(self.thresholds[last] + beyond) / 2, float(self.true_accepts[last])


def roc(similarities: npt.NDArray[Any], same: npt.NDArray[np.bool_]) -> Roc:
    """The curve of pairs (N,) of which is known whether they are of one person.

    UsageError: there are no pairs of one person, or none of two.
    """
    genuine, impostor = int(same.sum()), int((~same).sum())
    if not genuine or not impostor:
        raise UsageError(
            f"{genuine} pairs of one person and {impostor} of two: cannot be calibrated on",
            fix="give folders of two or more people, two or more pictures each",
        )
    order = np.argsort(-similarities, kind="stable")
    ordered = similarities[order].astype(np.float64)
    # a threshold takes in all pairs of its similarity
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    accepted = np.cumsum(same[order])[last]
    return Roc(ordered[last], (last + 1 - accepted) / impostor, accepted / genuine, genuine, impostor)


def pairs(
    model: str, names: Sequence[str], rows: Features
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Similarities of pairs of faces (N, D) by this model, and whether both are of one person.

    All pairs; with a classic method, every other face of each person is what it is trained on, and pairs are
    of one of those and one of the others: it knows its own faces too well.
    """
    people = np.array(names)
    if model not in METHODS:
        i, j = np.triu_indices(len(names), 1)
        return np.asarray((rows @ rows.T)[i, j], np.float32), people[i] == people[j]
    trained = np.array([list(names[:i]).count(name) % 2 == 0 for i, name in enumerate(names)])
    table = ClassicScore(model, people[trained].tolist(), rows[trained])(rows[~trained])
    return table.ravel(), (people[~trained][:, None] == people[trained][None]).ravel()


def summary(curve: Roc, false_accepts: float) -> dict[str, float | int]:
    """What a gallery keeps of a calibration."""
    threshold, true_accepts = curve.at(false_accepts)
    return {
        "threshold": round(threshold, 4),
        "false_accepts": false_accepts,
        "true_accepts": round(true_accepts, 4),
        "equal_error": round(curve.equal_error(), 4),
        "area": round(curve.area(), 4),
        "genuine": curve.genuine,
        "impostor": curve.impostor,
    }
