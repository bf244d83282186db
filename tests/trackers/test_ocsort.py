"""OC-SORT: what was observed decides, after gaps above all; each part against numbers worked out plainly."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter as OneTrack

from trackers import Detections, OcSortParams, OcSortTracker, SortParams, SortTracker
from trackers.assignment import Pairs
from trackers.evaluation import evaluate

FPS = 30.0


def box(x: float, y: float = 100.0, width: float = 40.0, height: float = 80.0) -> list[float]:
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def seen(*boxes: list[float], scores: float | list[float] = 0.9) -> Detections:
    return Detections.of(boxes, scores=scores)


def coordinates(found: list[float]) -> np.ndarray:
    """Centre, area, ratio."""
    x1, y1, x2, y2 = found
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) * (y2 - y1), (x2 - x1) / (y2 - y1)])


def plain_filter(observed: list[tuple[float, np.ndarray]]) -> np.ndarray:
    """State and covariance after (frames since the last, coordinates) in turn: filterpy, seven states."""
    kf = OneTrack(dim_x=7, dim_z=4)
    kf.H, kf.R = np.eye(4, 7), np.diag([1.0, 1, 10, 10])
    kf.P = np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4])
    kf.Q = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])
    kf.F = np.eye(7) + np.eye(7, k=4)
    for k, (frames, z) in enumerate(observed):
        if k == 0:
            kf.x[:4, 0] = z
            continue
        for _ in range(round(frames)):
            kf.predict()
        kf.update(z[:, None])
    return np.concatenate([kf.x[:, 0], kf.P[:3, :3].diagonal(), kf.P[:3, 4:].diagonal()])


def state_of(tracker: OcSortTracker) -> np.ndarray:
    """The same numbers of the only track."""
    (where, rate, var, cov, _) = tracker._tracks.state[:, :, 0]
    return np.concatenate([where, rate[:3], var[:3], cov[:3]])


@pytest.mark.parametrize("gap", [1, 2, 5, 20])
def test_after_a_gap_the_filter_is_as_if_the_way_had_been_observed(gap):
    """Section 4.1; the object turns while it is hidden."""
    before = [box(100 + 3 * k) for k in range(10)]
    back = box(127 + 8, 100 + 12, 44, 84)
    tracker = OcSortTracker(OcSortParams(n_init=1))
    for k, found in enumerate([*before, *[None] * gap, back]):
        tracker.update(Detections.empty() if found is None else seen(found), pts=k / FPS)
    start, end = coordinates(before[-1]), coordinates(back)
    virtual = [(1, start + (end - start) * i / (gap + 1)) for i in range(1, gap + 2)]
    expected = plain_filter([(1, coordinates(b)) for b in before] + virtual)
    assert tracker._tracks.ids.tolist() == [1]
    np.testing.assert_allclose(state_of(tracker), expected, rtol=1e-5, atol=1e-4)


def test_virtual_observations_lie_where_the_detector_ran():
    """Pauses of several frames, and frames on which it did not run: times are real ones."""
    before = [box(100 + 3 * k) for k in range(10)]
    tracker = OcSortTracker(OcSortParams(n_init=1))
    for k, found in enumerate(before):
        tracker.update(seen(found), pts=k / FPS)
    tracker.update(Detections.empty(), pts=11 / FPS)
    tracker.update(None, pts=12 / FPS)
    tracker.update(Detections.empty(), pts=14 / FPS)
    back = box(140, 104)
    tracker.update(seen(back), pts=15 / FPS)
    start, end = coordinates(before[-1]), coordinates(back)
    way = [(frames, start + (end - start) * share) for frames, share in ((2, 2 / 6), (3, 5 / 6), (1, 1))]
    expected = plain_filter([*((1, coordinates(b)) for b in before), *way])
    np.testing.assert_allclose(state_of(tracker), expected, rtol=1e-5, atol=1e-4)


def test_several_gaps_that_end_together_are_filled_each_by_itself():
    """Whoever was hidden, and how long, has no say in another's state."""

    def end(hidden: list[int]) -> dict[int, np.ndarray]:
        tracker = OcSortTracker(OcSortParams(n_init=1))
        for k in range(31):
            found = [box(100 + 300 * i + 2 * k) for i, gap in enumerate(hidden) if not 30 - gap <= k < 30]
            tracker.update(seen(*found), pts=k / FPS)
        columns = tracker._tracks.state.transpose(2, 0, 1)
        return {int(c[0, 0] // 300): c[1:] for c in columns}

    together = end([0, 7, 2, 7, 1])
    for i, gap in enumerate([0, 7, 2, 7, 1]):
        alone = end([gap if j == i else 0 for j in range(5)])
        np.testing.assert_allclose(together[i], alone[i], rtol=1e-9, atol=1e-9)


def test_of_two_that_overlap_alike_the_one_ahead_is_taken():
    """Eq. 2 to 4: without momentum the other one, which overlaps a little more, would be."""
    for momentum, ahead in ((0.2, True), (0.0, False)):
        tracker = OcSortTracker(OcSortParams(n_init=1, momentum=momentum))
        for k in range(10):
            tracker.update(seen(box(100 + k)), pts=k / FPS)
        forward, backward = box(110 + 12), box(110 - 11)
        tracks = tracker.update(seen(forward, backward), pts=10 / FPS)
        (taken,) = tracks.boxes[tracks.track_ids == 1]
        assert (taken[[0, 2]].mean() > 110) == ahead


def test_momentum_costs_what_the_angles_say():
    """A right angle counts nothing, straight on a half, by weight and score."""
    tracker = OcSortTracker(OcSortParams(n_init=1, momentum=0.2))
    for k in range(10):
        tracker.update(seen(box(100 + 6 * k)), pts=k / FPS)
    tracker._predict(10 / FPS)
    tracker._earlier = tracker._places_before()
    assert tracker._earlier[:, 0] == pytest.approx((142, 100))  # 0.1 s before: frame 7
    around = seen(box(162), box(142, 120), box(122), box(162, 120), scores=0.5)
    pairs = Pairs(np.zeros(4, np.int64), np.arange(4), np.full(4, 0.4), (1, 4))
    gained = 0.4 - tracker._with_momentum(pairs, around).cost
    expected = [0.2 * 0.5 * (90 - angle) / 180 for angle in (0, 90, 180, 45)]
    assert gained == pytest.approx(expected, abs=1e-6)


def test_who_stops_while_hidden_is_found_where_last_seen():
    """Section 4.3: the filter has run on by more than a box; SORT loses the track."""

    def last_ids(tracker):
        for k in range(20):
            tracker.update(seen(box(100 + 8 * k)), pts=k / FPS)
        for k in range(20, 27):
            tracker.update(Detections.empty(), pts=k / FPS)
        return tracker.update(seen(box(252 + 6)), pts=27 / FPS).track_ids.tolist()

    assert last_ids(OcSortTracker(OcSortParams(n_init=1))) == [1]
    assert last_ids(SortTracker(SortParams(n_init=1))) == [2]


@pytest.mark.parametrize(
    ("min_score", "reported"),
    [pytest.param(0.6, [], id="by default"), pytest.param(0.1, [1], id="on request")],
)
def test_low_detections_keep_tracks(min_score, reported):
    tracker = OcSortTracker(OcSortParams(min_score=min_score))
    for k in range(5):
        tracker.update(seen(box(100)), pts=k / FPS)
    assert tracker.update(seen(box(101), scores=0.3), pts=5 / FPS).track_ids.tolist() == reported
    again = [tracker.update(seen(box(101), box(400), scores=0.3), pts=k / FPS) for k in range(6, 12)]
    assert all(tracks.track_ids.tolist() == reported for tracks in again), "none begins with them"


def test_gaps_are_filled_under_a_camera_that_moves():
    """The camera pans by 15 pixels a frame; all that is remembered goes with it."""
    pan = np.array([[1.0, 0, 15], [0, 1, 0]])
    held, panned = OcSortTracker(OcSortParams(n_init=1)), OcSortTracker(OcSortParams(n_init=1))
    for k in range(20):
        there = not 8 <= k < 13
        for tracker, shift, motion in ((held, 0, None), (panned, 15 * k, pan if k else None)):
            found = seen(box(100 + 3 * k + shift)) if there else Detections.empty()
            tracker.update(found, pts=k / FPS, motion=motion)
    a, b = state_of(held), state_of(panned)
    np.testing.assert_allclose(b - a, [15 * 19, *[0] * (len(a) - 1)], atol=0.02)
    np.testing.assert_allclose(panned._tracks.direction, held._tracks.direction, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "mota", "idf1", "switches"),
    [
        pytest.param("PETS09-S2L1", 0.61, 0.39, 115, id="PETS09-S2L1, 7 frames/s"),
        pytest.param("TUD-Stadtmitte", 0.70, 0.77, 13, id="TUD-Stadtmitte"),
        pytest.param("TUD-Campus", 0.60, 0.68, 6, id="TUD-Campus"),
        pytest.param("KITTI-17", 0.61, 0.70, 13, id="KITTI-17, a moving car"),
    ],
)
def test_quality_on_public_detections_holds(mot, name, mota, idf1, switches):
    sequence = mot(name)
    scores = evaluate(sequence.truth, sequence.follow(OcSortTracker()))
    assert scores.mota >= mota, scores
    assert scores.idf1 >= idf1, scores
    assert scores.switches <= switches, scores
