"""The growing table of described windows that an SVM is fitted to."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from detectors.training.samples import Rows

_Kind = TypeVar("_Kind", np.float32, np.int8)


class Part(NamedTuple):
    """Rows and what they are."""

    rows: Rows
    #: int8 (N,) +1 object, -1 background
    labels: npt.NDArray[np.int8]


class Table:
    """Rows in the order they came, each with its label and the fold it belongs to."""

    def __init__(self) -> None:
        self._rows: list[Rows] = []
        self._labels: list[npt.NDArray[np.int8]] = []
        self._folds: list[npt.NDArray[np.int8]] = []

    def add(self, rows: Rows, label: int, fold: int) -> None:
        """Rows of one label and fold."""
        self._rows.append(rows)
        self._labels.append(np.full(len(rows), label, np.int8))
        self._folds.append(np.full(len(rows), fold, np.int8))

    def all_but(self, fold: int | None = None) -> Part:
        """Every row, or those of all other folds."""
        rows, labels, folds = _joined(self._rows), _joined(self._labels), _joined(self._folds)
        return Part(rows, labels) if fold is None else Part(rows[folds != fold], labels[folds != fold])

    def both(self, fold: int) -> bool:
        """Whether the fold has objects and background."""
        labels = _joined(self._labels)[_joined(self._folds) == fold]
        return bool((labels > 0).any() and (labels < 0).any())


def _joined(parts: list[npt.NDArray[_Kind]]) -> npt.NDArray[_Kind]:
    """The parts as one, also kept as one: they are the most memory that training takes."""
    if len(parts) > 1:
        parts[:] = [np.concatenate(parts)]
    return parts[0]
