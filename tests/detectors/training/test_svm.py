"""The support vector machine against closed forms and a general optimiser, and probabilities from margins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from detectors.training.svm import fit, platt


def cloud(count: int = 400, width: int = 30, seed: int = 5):
    """Two overlapping clouds of points."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(count) < 0.3, 1, -1).astype(np.int8)
    rows = rng.normal(0, 1, (count, width)) + 0.25 * labels[:, None] + 0.4
    return rows.astype(np.float32), labels


def objective(plane, rows, labels, cost):
    """|w|^2 / 2 + C sum of squared hinges; the bias is free."""
    weights, bias = plane[:-1], plane[-1]
    hinge = np.maximum(1 - labels * (rows @ weights + bias), 0)
    return weights @ weights / 2 + cost * (hinge @ hinge)


@pytest.mark.parametrize("cost", [0.05, 0.5, 5.0])
def test_two_points_have_the_plane_that_calculus_gives(cost):
    # points at +1 and -1: least w^2 / 2 + 2 C (1 - w)^2 lies at w = 4 C / (1 + 4 C)
    svm = fit(np.array([[1.0], [-1.0]], np.float32), np.array([1, -1], np.int8), cost)
    assert svm.weights[0] == pytest.approx(4 * cost / (1 + 4 * cost), rel=0.1)
    assert svm.bias == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("cost", [0.001, 0.01, 0.1])
def test_no_general_optimiser_does_much_better(cost):
    rows, labels = cloud()
    svm = fit(rows, labels, cost)
    best = minimize(objective, np.zeros(31), (rows, labels, cost)).fun
    assert objective(np.append(svm.weights, svm.bias), rows, labels, cost) <= 1.03 * best


def test_it_tells_points_it_has_not_seen():
    rows, labels = cloud(800)
    svm = fit(rows[:600], labels[:600], 0.01)
    assert np.mean((svm.margins(rows[600:]) > 0) == (labels[600:] > 0)) > 0.85


def test_going_on_with_more_rows_ends_where_beginning_anew_does():
    rows, labels = cloud()
    first = fit(rows[:200], labels[:200], 0.01)
    further, anew = fit(rows, labels, 0.01, start=first), fit(rows, labels, 0.01)
    planes = [np.append(svm.weights, svm.bias) for svm in (further, anew)]
    scores = [objective(plane, rows, labels, 0.01) for plane in planes]
    assert scores[0] == pytest.approx(scores[1], rel=0.03)


def test_one_seed_gives_one_plane():
    rows, labels = cloud()
    one, same, other = (fit(rows, labels, 0.1, seed=seed) for seed in (1, 1, 2))
    assert one.weights.tobytes() == same.weights.tobytes()
    assert one.weights.tobytes() != other.weights.tobytes()


def test_probabilities_are_those_the_hits_were_drawn_with():
    rng = np.random.default_rng(2)
    margins = rng.normal(0, 1.5, 20_000)
    hits = rng.random(20_000) < 1 / (1 + np.exp(-(2.5 * margins - 0.8)))
    slope, offset = platt(margins, hits)
    assert slope == pytest.approx(2.5, abs=0.1)
    assert offset == pytest.approx(-0.8, abs=0.06)


@pytest.mark.parametrize(
    ("margins", "hits"),
    [
        pytest.param([0.2, 0.5, 1.0], [True, True, True], id="all right"),
        pytest.param([-1.0, -0.5, 0.5, 1.0], [False, False, True, True], id="parted without fault"),
        pytest.param([0.3], [True], id="a single one"),
    ],
)
def test_few_margins_give_careful_probabilities(margins, hits):
    slope, offset = platt(np.array(margins), np.array(hits))
    chances = 1 / (1 + np.exp(-(slope * np.array(margins) + offset)))
    assert ((chances > 0.05) & (chances < 0.95)).all()
