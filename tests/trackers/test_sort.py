"""SORT on real sequences; test_references.py holds it against a plain loop."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks.trackers.references import Sort
from trackers import Detections, SortParams, SortTracker
from trackers.evaluation import evaluate


@pytest.mark.parametrize(
    ("name", "mota", "idf1", "switches"),
    [
        pytest.param("PETS09-S2L1", 0.60, 0.38, 120, id="PETS09-S2L1, 7 frames/s"),
        pytest.param("TUD-Stadtmitte", 0.70, 0.70, 15, id="TUD-Stadtmitte"),
        pytest.param("TUD-Campus", 0.60, 0.65, 10, id="TUD-Campus"),
        pytest.param("KITTI-17", 0.58, 0.68, 15, id="KITTI-17, a moving car"),
    ],
)
def test_quality_on_public_detections_holds(mot, name, mota, idf1, switches):
    sequence = mot(name)
    scores = evaluate(sequence.truth, sequence.follow(SortTracker()))
    assert scores.mota >= mota, scores
    assert scores.idf1 >= idf1, scores
    assert scores.switches <= switches, scores


def test_detection_on_every_third_frame_keeps_identities(mot):
    sequence = mot("TUD-Stadtmitte")
    full = evaluate(sequence.truth, sequence.follow(SortTracker()))
    thinned = evaluate(sequence.truth, sequence.follow(SortTracker(), every=3))
    assert thinned.switches <= full.switches
    assert thinned.idf1 > full.idf1 - 0.1, (thinned, full)
    assert thinned.mota > full.mota - 0.12, (thinned, full)


def crowd(count, frames, seed=0):
    rng = np.random.default_rng(seed)
    centre, velocity = rng.uniform(0, (1920, 1080), (count, 2)), rng.normal(0, 3, (count, 2))
    size = rng.uniform(25, 60, (count, 1)) * (1, 2)
    for _ in range(frames):
        centre = centre + velocity
        box = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        yield box + rng.normal(0, 1, box.shape)


def test_is_many_times_as_fast_as_the_loop():
    """Measured 12 times with 200 objects; less is asked, since other work may share the machine."""
    frames, plain = list(crowd(200, 8)), Sort()
    start = time.process_time()
    for boxes in frames:
        plain.update(boxes, np.ones(len(boxes)))
    loop = time.process_time() - start
    tracker = SortTracker()
    start = time.process_time()
    for k, boxes in enumerate(frames):
        tracker.update(Detections.of(boxes), pts=k / 30)
    assert loop > 5 * (time.process_time() - start)


@pytest.mark.parametrize("agreement", ["giou", "diou", "ciou", "hmiou"])
def test_other_agreements_follow_people_as_well(mot, agreement):
    sequence = mot("TUD-Stadtmitte")
    plain = evaluate(sequence.truth, sequence.follow(SortTracker()))
    other = evaluate(sequence.truth, sequence.follow(SortTracker(SortParams(agreement=agreement))))
    assert other.mota > plain.mota - 0.03
    assert other.idf1 > plain.idf1 - 0.1


def test_what_moves_further_than_its_size_needs_reach():
    def ids(reach):
        tracker = SortTracker(SortParams(n_init=1, reach=reach, iou_threshold=0.1))
        places = [[30 * k, 0, 30 * k + 20, 40] for k in range(8)]
        return {
            i for k, b in enumerate(places) for i in tracker.update(Detections.of([b]), pts=k / 10).track_ids
        }

    assert (len(ids(0.0)), len(ids(0.5))) == (8, 1)
