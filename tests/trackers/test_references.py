"""Our trackers against plain loops over objects (benchmarks/trackers/references): the same in every frame."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.trackers.references import BotSort, ByteTrack, DeepSort, OcSort, Sort
from benchmarks.trackers.references.common import iou
from trackers.catalogue import make
from vidstream.types import Detections

SEQUENCES = ["ETH-Sunnyday", "KITTI-13", "KITTI-17", "TUD-Campus", "TUD-Stadtmitte"]

#: the plain loop, and our settings for it, given frames per second; a track may go unseen for a second
CASES = {
    "sort": (lambda fps: Sort(max_age=fps), lambda fps: {"max_age": 1.0, "min_score": 0.0}),
    # the cascade asks tracks of `max_age` frames at most; ours are asked once more before they are given up
    "deepsort": (
        lambda fps: DeepSort(max_age=fps),
        lambda fps: {"max_age": (fps - 1) / fps, "min_score": 0.0},
    ),
    "bytetrack": (
        lambda fps: ByteTrack(buffer=fps, match=0.8),
        lambda fps: {"max_age": 1.0, "duplicate_iou": 1.0},
    ),
    "botsort": (lambda fps: BotSort(buffer=fps), lambda fps: {"max_age": 1.0, "duplicate_iou": 1.0}),
    "ocsort": (lambda fps: OcSort(max_age=fps), lambda fps: {"max_age": 1.0, "delta_t": 3 / fps}),
}


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


def both(name, sequence):
    """Frame by frame: what the plain loop reports and what ours does, as rows of box and id."""
    fps = round(sequence.fps)
    plain, settings = CASES[name][0](fps), CASES[name][1](fps)
    tracker = make(name, frame_rate=float(fps), **settings)
    truth = [t for _, t in sequence.truth.by_frame(sequence.length)]
    for k, (boxes, scores) in enumerate(frames_of(sequence)):
        rng = np.random.default_rng(k)
        features = (looks(boxes, truth[k], rng),) if name == "deepsort" else ()
        expected = np.array(plain.update(boxes, scores, *features)).reshape(-1, 6)
        given = Detections.of(boxes, scores, features=features[0] if features else None)
        tracks = tracker.update(given, pts=k / fps)
        yield expected[:, :5], np.column_stack([tracks.boxes, tracks.track_ids])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("place", SEQUENCES)
def test_the_same_tracks_in_every_frame(mot, name, place):
    ours_to_plain, reported = {}, 0
    for frame, (expected, found) in enumerate(both(name, mot(place)), 1):
        assert len(found) == len(expected), f"frame {frame}"
        if not len(found):
            continue
        apart = np.abs(expected[:, None, :4] - found[None, :, :4]).max(axis=2)
        partner = apart.argmin(axis=1)
        assert apart.min(axis=1).max() < 0.01, f"frame {frame}: another box"
        for theirs, mine in zip(expected[:, 4].tolist(), found[partner, 4].tolist(), strict=True):
            assert ours_to_plain.setdefault(mine, theirs) == theirs, f"frame {frame}: another identity"
        reported += len(found)
    assert len(set(ours_to_plain.values())) == len(ours_to_plain)
    assert len(ours_to_plain) >= 4
    assert reported > 100
