"""Knowing the future pays on real sequences."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from trackers.catalogue import make
from trackers.evaluation.follow import follow
from trackers.evaluation.reading import read_sequence
from trackers.evaluation.scores import Scores, score
from trackers.motfile import MotRows
from trackers.offline import History, refine
from vidstream.geometry import iou


class Outcome(NamedTuple):
    """One sequence, online and after the second pass."""

    refined: History
    detections: History
    before: Scores
    after: Scores


@pytest.fixture(scope="module")
def outcome(assets: Callable[[str], Path]) -> Callable[..., Outcome]:
    @cache
    def run(name: str, tracker: str, min_score: float) -> Outcome:
        sequence = read_sequence(assets(f"mot/{name}"))
        online = follow(make(tracker, frame_rate=sequence.fps), sequence, min_score=min_score)
        tracks = History.from_mot(online, sequence.fps)
        found = History.from_mot(sequence.detections, sequence.fps)
        times = np.arange(sequence.length + 1) / sequence.fps
        size = sequence.width, sequence.height
        refined = refine(tracks, detections=found, frame_times=times, size=size)
        rows: MotRows = refined.to_mot()
        return Outcome(refined, found, score(sequence, online), score(sequence, rows))

    return run


@pytest.mark.parametrize(
    ("name", "tracker", "min_score", "hota", "idf1"),
    [
        pytest.param("TUD-Campus", "sort", 0.0, 5.0, 2.0, id="a short street scene"),
        pytest.param("PETS09-S2L1", "sort", 0.0, 4.0, 5.0, id="a campus seen from above, 7 frames a second"),
        pytest.param("KITTI-17", "sort", 0.0, 2.0, 0.0, id="pedestrians from a standing car"),
        pytest.param("KITTI-T-0010", "bytetrack", 2.0, 2.0, 0.0, id="cars from a moving car"),
    ],
)
def test_the_second_pass_improves_tracks(
    outcome: Callable[..., Outcome], name: str, tracker: str, min_score: float, hota: float, idf1: float
) -> None:
    made = outcome(name, tracker, min_score)
    assert 100 * (made.after.hota - made.before.hota) > hota
    assert 100 * (made.after.idf1 - made.before.idf1) > idf1


def test_observed_boxes_lie_on_detections(outcome: Callable[..., Outcome]) -> None:
    made = outcome("TUD-Campus", "sort", 0.0)
    best = []
    for frame in np.unique(made.refined.frames).tolist():
        now = made.refined[(made.refined.frames == frame) & made.refined.observed]
        best.extend(iou(now.boxes, made.detections.boxes[made.detections.frames == frame]).max(axis=1))
    assert np.median(best) > 0.85
    assert np.quantile(best, 0.02) > 0.5
