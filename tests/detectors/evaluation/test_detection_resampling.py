"""Intervals of differences: scoring drawn pictures is scoring a set in which they occur that often."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.evaluation import Dataset, Found, Truth, evaluate
from detectors.evaluation.resampling import STRETCHES, compare, draw, drawn_precision


def copied(dataset: Dataset, found: Found, times: np.ndarray) -> tuple[Dataset, Found]:
    """The set in which each picture occurs so many times."""
    source = np.repeat(np.arange(len(times)), times)
    truth_rows = [np.flatnonzero(dataset.truth.pictures == p) for p in source]
    found_rows = [np.flatnonzero(found.pictures == p) for p in source]
    numbers = [
        np.repeat(np.arange(len(source)), [len(rows) for rows in each]) for each in (truth_rows, found_rows)
    ]
    truth, boxes = dataset.truth[np.concatenate(truth_rows)], found[np.concatenate(found_rows)]
    known = Truth.of(numbers[0], truth.xywh, truth.class_ids, truth.areas, truth.ignored, truth.crowds)
    pictures = tuple(dataset.pictures[p] for p in source)
    return replace(dataset, pictures=pictures, truth=known), replace(boxes, pictures=numbers[1])


@pytest.mark.parametrize("seed", [21, 22])
def test_a_draw_scores_as_the_set_of_copies_does(scene, seed):
    made = scene(seed, digits=9)
    weights = draw(made.dataset, 3, seed)
    assert (weights.sum(axis=1) == len(made.dataset.pictures)).all()
    scores = drawn_precision(evaluate(made.dataset, made.found), weights)
    for times, score in zip(weights.astype(int), scores, strict=True):
        again = evaluate(*copied(made.dataset, made.found, times)).precision[..., 0]
        np.testing.assert_allclose(score, [t[t > -1].mean() for t in again], atol=1e-12)


def test_every_picture_once_is_the_score_itself(scene):
    made = scene(23)
    evaluation = evaluate(made.dataset, made.found)
    once = np.ones((1, len(made.dataset.pictures)))
    assert drawn_precision(evaluation, once).mean() == pytest.approx(evaluation.summary()["AP"])


def test_a_run_does_not_differ_from_itself(scene):
    made = scene(24)
    evaluation = evaluate(made.dataset, made.found)
    assert compare(evaluation, evaluation, 20) == {"AP": (0, 0, 0), "AP50": (0, 0, 0)}


def test_what_is_clearly_better_is_seen_and_what_is_not_is_not(scene):
    made = scene(25, pictures=80, classes=2, crowds=0)
    truth, count = made.dataset.truth, len(made.dataset.truth)
    perfect = Found.of(truth.pictures, truth.xywh, truth.class_ids, np.ones(count))
    before = evaluate(made.dataset, made.found)
    better = compare(before, evaluate(made.dataset, perfect))["AP50"]
    assert 0.1 < better.low < better.value < better.high
    some = np.random.default_rng(0).random(len(made.found)) < 0.97  # without three of a hundred boxes
    alike = compare(before, evaluate(made.dataset, made.found[some]))["AP50"]
    assert alike.low <= alike.value <= alike.high
    assert alike.high - alike.low < 0.1


def test_frames_of_a_video_are_drawn_by_stretches(scene):
    made = scene(26, pictures=100)
    film = replace(made.dataset, video=Path("film.mp4"))
    weights = draw(film, 10, 0).reshape(10, STRETCHES, 5)
    assert (weights == weights[:, :, :1]).all()
    single = draw(made.dataset, 10, 0).reshape(10, STRETCHES, 5)
    assert not (single == single[:, :, :1]).all()
