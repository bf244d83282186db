"""DeepSORT against a plain loop written from the paper, and with real looks on real sequences."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from scipy.optimize import linear_sum_assignment

from trackers import DeepSortParams, DeepSortTracker, Detections
from trackers.appearance import NetworkEmbedder, describe
from trackers.metrics import evaluate
from trackers.motfile import MotRows


class PlainTrack:
    """Section 2.1: state, and the life of a track."""

    def __init__(self, z, feature):
        kf = self.kf = KalmanFilter(dim_x=8, dim_z=4)
        kf.F, kf.H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
        h = z[3]
        kf.P = np.diag(np.square([h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]))
        kf.x[:4, 0] = z
        self.id, self.hits, self.age, self.confirmed = None, 1, 0, False
        self.gallery = [feature]

    def predict(self):
        h = self.kf.x[3, 0]
        self.kf.Q = np.diag(np.square([h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160]))
        self.kf.predict()
        h = self.kf.x[3, 0]
        self.kf.R = np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
        self.age += 1

    def update(self, z, feature):
        self.kf.update(z[:, None])
        self.hits, self.age = self.hits + 1, 0
        self.confirmed |= self.hits >= 3
        self.gallery = [*self.gallery, feature][-100:]

    def distances(self, z, feature):
        innovation = z - self.kf.x[:4, 0]
        spread = self.kf.P[:4, :4] + self.kf.R
        motion = innovation @ np.linalg.solve(spread, innovation)
        return motion, 1 - max(g @ feature for g in self.gallery)

    @property
    def box(self):
        cx, cy, a, h = self.kf.x[:4, 0]
        return np.float32([cx - a * h / 2, cy - h / 2, cx + a * h / 2, cy + h / 2]).astype(float)


def overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def min_cost(cost, limit, tracks, free):
    """[(track, column)] of the least total, none above the limit."""
    if not tracks or not free:
        return []
    table = np.array([[cost(t, c) for c in free] for t in tracks])
    rows, cols = linear_sum_assignment(np.minimum(table, limit + 1e-5))
    return [(tracks[r], free[c]) for r, c in zip(rows, cols, strict=True) if table[r, c] <= limit]


def plain_deepsort(frames, weight, max_age, t1=9.4877, t2=0.2, iou_min=0.3):
    """Listing 1 and section 2.3, one track and one pair at a time. Yields {id: box} of tracks seen."""
    tracks, next_id = [], 1
    for boxes, features in frames:
        z = [
            np.array([(b[0] + b[2]) / 2, (b[1] + b[3]) / 2, (b[2] - b[0]) / (b[3] - b[1]), b[3] - b[1]])
            for b in boxes
        ]

        def cost(t, c, z=z, features=features):
            d1, d2 = t.distances(z[c], features[c])
            return weight * d1 + (1 - weight) * d2 if d1 <= t1 and d2 <= t2 else np.inf

        for track in tracks:
            track.predict()
        pairs, free = [], list(range(len(boxes)))
        for age in range(1, max_age + 2):
            chosen = [t for t in tracks if t.confirmed and t.age == age]
            pairs += min_cost(cost, weight * t1 + (1 - weight) * t2, chosen, free)
            free = [c for c in free if c not in {col for _, col in pairs}]
        matched = {id(t) for t, _ in pairs}
        late = [t for t in tracks if id(t) not in matched and t.age == 1]
        pairs += min_cost(lambda t, c, b=boxes: 1 - overlap(t.box, b[c]), 1 - iou_min, late, free)
        for track, col in pairs:
            track.update(z[col], features[col])
        tracks = [t for t in tracks if t.age == 0 or (t.confirmed and t.age <= max_age)]
        for col in sorted(set(range(len(boxes))) - {c for _, c in pairs}):
            tracks.append(PlainTrack(z[col], features[col]))
        for track in tracks:
            if track.confirmed and track.id is None:
                track.id, next_id = next_id, next_id + 1
        yield {t.id: t.box for t in tracks if t.confirmed and t.age == 0}


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def looks(found, truth, seed):
    """A feature per detection: its object's own direction, disturbed; strangers get any direction."""
    rng = np.random.default_rng(seed)
    own = unit(np.random.default_rng(9).normal(size=(200, 24)))
    rows = rng.normal(size=(len(found), 24))
    for row, box in enumerate(found.boxes.astype(float)):
        near = [
            (overlap(box, other), i)
            for other, i in zip(truth.boxes.astype(float), truth.track_ids, strict=True)
        ]
        best, owner = max(near, default=(0.0, 0))
        if best > 0.4:
            rows[row] = own[owner % 200] + 0.09 * rng.normal(size=24)
    return unit(rows)


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        pytest.param("TUD-Stadtmitte", 0.0, id="looks decide"),
        pytest.param("TUD-Campus", 0.0, id="looks decide, in a crowd"),
        pytest.param("TUD-Stadtmitte", 0.1, id="motion has a say"),
    ],
)
def test_equals_a_plain_loop_over_tracks(mot, name, weight):
    sequence = mot(name)
    both = zip(
        sequence.detections.by_frame(sequence.length), sequence.truth.by_frame(sequence.length), strict=True
    )
    frames = [(f.boxes.astype(float), looks(f, t, frame)) for (frame, f), (_, t) in both]
    tracker = DeepSortTracker(DeepSortParams(frame_rate=25, max_age=20 / 25, motion_weight=weight))
    most = 0
    for frame, expected in enumerate(plain_deepsort(frames, weight, max_age=20)):
        boxes, features = frames[frame]
        tracks = tracker.update(Detections.of(boxes, features=features), pts=frame / 25)
        assert tracks.track_ids.tolist() == sorted(expected), f"frame {frame + 1}"
        if expected:
            np.testing.assert_allclose(tracks.boxes, [expected[i] for i in sorted(expected)], atol=1e-3)
        most = max(most, len(expected))
    assert most >= 4


@pytest.mark.parametrize(
    ("name", "mota", "idf1", "switches"),
    [
        pytest.param("PETS09-S2L1", 0.58, 0.40, 95, id="PETS09-S2L1"),
        pytest.param("TUD-Stadtmitte", 0.66, 0.65, 18, id="TUD-Stadtmitte"),
    ],
)
def test_quality_without_looks_holds(mot, name, mota, idf1, switches):
    sequence = mot(name)
    scores = evaluate(sequence.truth, sequence.follow(DeepSortTracker()))
    assert scores.mota >= mota, scores
    assert scores.idf1 >= idf1, scores
    assert scores.switches <= switches, scores


def follow_with_pictures(sequence, frames, embedder):
    tracker, reported = DeepSortTracker(embedder=embedder), []
    for (frame, found), image in zip(sequence.detections.by_frame(sequence.length), frames, strict=True):
        reported.append(MotRows.of(frame, tracker.update(found, pts=frame / sequence.fps, image=image)))
    return evaluate(sequence.truth, MotRows.concat(reported))


def test_looks_that_need_no_network_hold_identities(mot, pictures):
    scores = follow_with_pictures(mot("TUD-Campus"), pictures("video/TUD-Campus.mp4"), describe)
    blind = evaluate(mot("TUD-Campus").truth, mot("TUD-Campus").follow(DeepSortTracker()))
    assert scores.idf1 >= 0.68, scores
    assert scores.switches <= 6, scores
    assert scores.idf1 > blind.idf1
    assert scores.switches <= blind.switches


@pytest.mark.slow
def test_a_network_holds_identities_better_than_motion(mot, pictures, assets):
    network = NetworkEmbedder(assets("weights/osnet_x0_25_msmt17.onnx"))
    scores = follow_with_pictures(mot("TUD-Stadtmitte"), pictures("video/TUD-Stadtmitte.mp4"), network)
    assert scores.idf1 >= 0.78, scores
    assert scores.switches <= 14, scores


def walk(lefts, colours=None):
    features = None if colours is None else np.eye(4, dtype=np.float32)[list(colours)]
    return Detections.of([[x, 100, x + 40, 180] for x in lefts], features=features)


def test_an_object_seen_again_after_hiding_gets_its_id_back():
    """It waits behind something for a second and comes out where no overlap would find it."""
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    for k in range(20):
        tracker.update(walk([100 + 3 * k], [0]), pts=k / 30)
    for k in range(20, 50):
        tracker.update(Detections.empty(), pts=k / 30)
    assert tracker.update(walk([205], [0]), pts=50 / 30).track_ids.tolist() == [1]


def test_another_object_in_its_place_gets_an_id_of_its_own():
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    for k in range(20):
        tracker.update(walk([100 + 3 * k], [0]), pts=k / 30)
    for k in range(20, 50):
        tracker.update(Detections.empty(), pts=k / 30)
    assert tracker.update(walk([205], [1]), pts=50 / 30).track_ids.tolist() == [2]


def test_looks_tell_two_apart_that_swap_places():
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    for k in range(10):
        tracker.update(walk([100, 112], [0, 1]), pts=k / 30)
    tracks = tracker.update(walk([112, 100], [0, 1]), pts=10 / 30)
    assert dict(zip(tracks.track_ids.tolist(), tracks.features.argmax(axis=1).tolist(), strict=True)) == {
        1: 0,
        2: 1,
    }


def test_features_given_are_used_and_the_embedder_is_not_asked():
    def never(pixels, boxes):
        raise AssertionError("asked")

    tracker = DeepSortTracker(embedder=never)
    tracker.update(walk([100], [0]), pts=0.0, image=np.zeros((200, 200, 3), np.uint8))


def test_a_picture_given_now_and_then_is_no_trouble():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (240, 400, 3), np.uint8)
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    ids = [
        tracker.update(walk([100 + k, 250]), pts=k / 30, image=image if k % 3 else None).track_ids.tolist()
        for k in range(12)
    ]
    assert ids == [[1, 2]] * 12
