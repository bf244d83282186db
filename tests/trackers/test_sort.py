"""SORT against a plain loop written from the paper, and on real sequences."""

from __future__ import annotations

import time

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from scipy.optimize import linear_sum_assignment

from trackers import Detections, SortParams, SortTracker
from trackers.metrics import evaluate


class PlainTrack:
    """One target of the paper: section 3.2, estimation model."""

    def __init__(self, box):
        kf = self.kf = KalmanFilter(dim_x=7, dim_z=4)
        kf.F = np.array(
            [
                [1, 0, 0, 0, 1, 0, 0],
                [0, 1, 0, 0, 0, 1, 0],
                [0, 0, 1, 0, 0, 0, 1],
                [0, 0, 0, 1, 0, 0, 0],
                [0, 0, 0, 0, 1, 0, 0],
                [0, 0, 0, 0, 0, 1, 0],
                [0, 0, 0, 0, 0, 0, 1],
            ]
        )
        kf.H = np.eye(4, 7)
        kf.R = np.diag([1.0, 1, 10, 10])
        kf.P = np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4])
        kf.Q = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])
        kf.x[:4, 0] = self.observation(box)
        self.id, self.hits, self.missed, self.confirmed = None, 1, 0, False

    @staticmethod
    def observation(box):
        x1, y1, x2, y2 = map(float, box)
        return [(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) * (y2 - y1), (x2 - x1) / (y2 - y1)]

    def predict(self):
        if self.kf.x[2] + self.kf.x[6] <= 0:
            self.kf.x[6] = 0
        self.kf.predict()

    def update(self, box):
        self.kf.update(np.array(self.observation(box))[:, None])
        self.hits, self.missed = self.hits + 1, 0
        self.confirmed |= self.hits >= 3

    @property
    def box(self):
        u, v, s, r = self.kf.x[:4, 0]
        w = np.sqrt(s * r)
        return [u - w / 2, v - s / w / 2, u + w / 2, v + s / w / 2]


def overlap(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def plain_sort(frames, iou_min=0.3, lost_frames=3):
    """Sections 3.2 to 3.4, one track and one pair at a time. Yields {id: box} of tracks seen."""
    tracks, next_id = [], 1
    for boxes in frames:
        for track in tracks:
            track.predict()
        # float32, as boxes travel: a cost that differs in the ninth digit is no different assignment
        expected = [np.float32(t.box).astype(float) for t in tracks]
        costs = np.array([[1 - overlap(e, b) for b in boxes] for e in expected])
        costs = costs.reshape(len(tracks), len(boxes))
        rows, cols = linear_sum_assignment(np.where(costs <= 1 - iou_min, costs, 1 - iou_min + 1e-5))
        pairs = {r: c for r, c in zip(rows, cols, strict=True) if costs[r, c] <= 1 - iou_min}
        for row, track in enumerate(tracks):
            if row in pairs:
                track.update(boxes[pairs[row]])
            else:
                track.missed += 1
        tracks = [t for t in tracks if not t.missed or (t.confirmed and t.missed <= lost_frames)]
        for col in sorted(set(range(len(boxes))) - set(pairs.values())):
            tracks.append(PlainTrack(boxes[col]))
        for track in tracks:
            if track.confirmed and track.id is None:
                track.id, next_id = next_id, next_id + 1
        yield {t.id: t.box for t in tracks if t.confirmed and not t.missed}


@pytest.mark.parametrize("name", ["TUD-Stadtmitte", "ETH-Sunnyday", "KITTI-17"])
def test_equals_a_plain_loop_over_tracks(mot, name):
    sequence = mot(name)
    frames = [found.boxes.astype(float) for _, found in sequence.detections.by_frame(sequence.length)]
    tracker = SortTracker(SortParams(frame_rate=25, max_age=3 / 25))
    seen = set()
    for frame, expected in enumerate(plain_sort(frames)):
        tracks = tracker.update(Detections.of(frames[frame]), pts=frame / 25)
        assert tracks.track_ids.tolist() == sorted(expected), f"frame {frame + 1}"
        if expected:
            np.testing.assert_allclose(tracks.boxes, [expected[i] for i in sorted(expected)], atol=1e-3)
        seen |= set(expected)
    assert len(seen) >= 10


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
    """Measured 60 times with 200 objects; far less is asked, since other work may share the machine."""
    frames = list(crowd(200, 8))
    start = time.process_time()
    for _ in plain_sort(frames):
        pass
    loop = time.process_time() - start
    tracker = SortTracker()
    start = time.process_time()
    for k, boxes in enumerate(frames):
        tracker.update(Detections.of(boxes), pts=k / 30)
    assert loop > 8 * (time.process_time() - start)
