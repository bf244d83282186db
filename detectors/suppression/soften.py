"""Scores that sink with the overlap, in place of boxes that go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from detectors.suppression.neighbours import Neighbours, best_first
from vidstream.geometry import Float64
from vidstream.types import Scores

Decay: TypeAlias = Literal["linear", "gaussian"]


def soft_scores(near: Neighbours, scores: Scores, iou: float, decay: Decay, sigma: float) -> Float64:
    """Soft-NMS (Bodla et al. 2017, eq. 2 and 3): each box lowers those that overlap it and score less.

    linear: by 1 - overlap where that is above `iou`; gaussian: by exp(-overlap^2 / sigma).
    """
    softened = scores.astype(np.float64)
    waiting = np.ones(len(softened), bool)
    for _ in range(len(softened)):
        best = int(np.argmax(np.where(waiting, softened, -1.0)))
        waiting[best] = False
        overlap = near.of_row(best)
        factor = _gaussian(overlap, sigma) if decay == "gaussian" else 1 - overlap * (overlap > iou)
        softened = np.where(waiting, softened * factor, softened)
    return softened


def matrix_scores(near: Neighbours, scores: Scores, decay: Decay, sigma: float) -> Float64:
    """Matrix NMS (Wang et al. 2020, SOLOv2, eq. 5): all at once, less where those above sink themselves."""
    order = best_first(scores)
    table = np.zeros((len(order), len(order)))
    for place, row in enumerate(order.tolist()):
        table[place, place + 1 :] = near.of_row(row)[order[place + 1 :]]
    falloff: Callable[[Float64], Float64] = (
        (lambda overlap: _gaussian(overlap, sigma)) if decay == "gaussian" else lambda overlap: 1 - overlap
    )
    worst = table.max(axis=0, initial=0.0)  # how far each is lowered by the one nearest to it
    ratio = falloff(table) / np.maximum(falloff(worst), 1e-12)[:, None]
    ratio[np.tril_indices(len(order))] = 1.0
    softened = np.empty(len(order))
    softened[order] = scores[order] * ratio.min(axis=0, initial=1.0)
    return softened


def _gaussian(overlap: Float64, sigma: float) -> Float64:
    return np.exp(-(overlap**2) / sigma)
