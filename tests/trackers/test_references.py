"""Our trackers against plain loops over objects (benchmarks/trackers/references): the same in every frame."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.trackers.references import BotSort, ByteTrack, DeepSort, OcSort, Sort
from benchmarks.trackers.references.common import iou
from trackers.catalogue import make
from vidstream.types import Detections

SEQUENCES = ["ETH-Sunnyday", "KITTI-13", "KITTI-17", "TUD-Campus", "TUD-Stadtmitte"]

#: ours, the plain loop, and our settings for it, given frames per second; tracks may go unseen for a second
CASES = {
    "sort": ("sort", lambda fps: Sort(max_age=fps), lambda fps: {"min_score": 0.0}),
    # The cascade asks tracks of `max_age` frames at most; ours are asked once more before they are given up.
    # Half a second: a track that shrinks for longer falls below a pixel, where ours keeps some noise.
    "deepsort": (
        "deepsort",
        lambda fps: DeepSort(max_age=fps),
        lambda fps: {"max_age": (fps - 1) / fps, "min_score": 0.0},
    ),
    "deepsort, motion has a say": (
        "deepsort",
        lambda fps: DeepSort(max_age=fps, weight=0.1),
        lambda fps: {"max_age": (fps - 1) / fps, "min_score": 0.0, "motion_weight": 0.1},
    ),
    "bytetrack": ("bytetrack", lambda fps: ByteTrack(buffer=fps, match=0.8), lambda fps: {}),
    "botsort": ("botsort", lambda fps: BotSort(buffer=fps), lambda fps: {}),
    "ocsort": ("ocsort", lambda fps: OcSort(max_age=fps), lambda fps: {"delta_t": 3 / fps}),
}
#: what a paper says nothing of, switched off
PLAIN = {"max_age": 1.0, "duplicate_iou": 1.0}


def frames_of(sequence):
    """(boxes, scores) of each frame; scores spread so that some are low."""
    rng = np.random.default_rng(5)
    for _, found in sequence.detections.by_frame(sequence.length):
        doubt = np.where(rng.random(len(found)) < 0.2, rng.uniform(0.3, 0.7, len(found)), 1.0)
        yield found.boxes.astype(float), (found.scores * doubt).astype(np.float32).astype(float)


def looks(boxes, truth, rng):
    """A feature per box: its object's own direction, disturbed; strangers get any direction."""
    own = np.random.default_rng(9).normal(size=(300, 24))
    rows = rng.normal(size=(len(boxes), 24))
    if len(truth) and len(boxes):
        overlap = iou(boxes, truth.boxes)
        owner, near = truth.track_ids[overlap.argmax(axis=1)] % 300, overlap.max(axis=1) > 0.4
        rows[near] = own[owner[near]] + 0.45 * rng.normal(size=(near.sum(), 24))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def both(case, sequence):
    """Frame by frame: what the plain loop reports and what ours does, as rows of box and id."""
    name, reference, settings = CASES[case]
    fps = round(sequence.fps)
    plain, tracker = reference(fps), make(name, frame_rate=float(fps), **{**PLAIN, **settings(fps)})
    truth = [t for _, t in sequence.truth.by_frame(sequence.length)]
    for k, (boxes, scores) in enumerate(frames_of(sequence)):
        rng = np.random.default_rng(k)
        features = (looks(boxes, truth[k], rng),) if name == "deepsort" else ()
        expected = np.array(plain.update(boxes, scores, *features)).reshape(-1, 6)
        given = Detections.of(boxes, scores, features=features[0] if features else None)
        tracks = tracker.update(given, pts=k / fps)
        yield expected[:, :5], np.column_stack([tracks.boxes, tracks.track_ids])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("place", SEQUENCES)
def test_the_same_tracks_in_every_frame(mot, case, place):
    names, reported = {}, 0
    for frame, (expected, found) in enumerate(both(case, mot(place)), 1):
        assert len(found) == len(expected), f"frame {frame}"
        if not len(found):
            continue
        apart = np.abs(expected[:, None, :4] - found[None, :, :4]).max(axis=2)
        partner = apart.argmin(axis=1)
        assert apart.min(axis=1).max() < 0.01, f"frame {frame}: another box"
        for theirs, ours in zip(expected[:, 4].tolist(), found[partner, 4].tolist(), strict=True):
            assert names.setdefault(ours, theirs) == theirs, f"frame {frame}: another identity"
        assert set(names) == set(range(1, len(names) + 1)), f"frame {frame}: a number was left out"
        reported += len(found)
    assert len(set(names.values())) == len(names)
    assert len(names) >= 4
    assert reported > 100
