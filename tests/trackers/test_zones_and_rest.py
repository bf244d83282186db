"""Where tracks begin and end, what their scores are, doubles, and what does not move."""

from __future__ import annotations

import numpy as np
import pytest

from trackers import Detections, SortParams, SortTracker, Tracks
from trackers.stillness import Stillness
from trackers.zones import Zones
from vidstream.errors import UsageError
from vidstream.types.values import Point, Polygon

LEFT_HALF = Polygon((Point(0.0, 0.0), Point(0.5, 0.0), Point(0.5, 1.0), Point(0.0, 1.0)))
LEFT_100_PX = Polygon(tuple(Point(x, y, px=True) for x, y in ((0, 0), (100, 0), (100, 200), (0, 200))))


def follow(tracker: SortTracker, frames, fps: float = 10.0) -> list[Tracks]:
    """One update per frame; a frame is a list of boxes, or of (box, score)."""
    reported = []
    for k, found in enumerate(frames):
        given = None if found is None else Detections.of([b for b, _ in found], scores=[s for _, s in found])
        reported.append(tracker.update(given, pts=k / fps))
    return reported


def walker(x: float, score: float = 1.0):
    return ([x, 50, x + 20, 100], score)


def ids(reported: list[Tracks]) -> list[list[int]]:
    return [t.track_ids.tolist() for t in reported]


def test_tracks_begin_in_their_zones_only_and_leave_them_freely():
    tracker = SortTracker(SortParams(n_init=1, birth_zones=(LEFT_HALF,)))
    tracker.resize(200, 200)
    frames = [[walker(60 + 6 * k), walker(150 + k)] for k in range(12)]
    reported = follow(tracker, frames)
    assert ids(reported) == [[1]] * 12
    assert reported[-1].boxes[0, 0] > 100


def test_a_track_missed_in_an_exit_is_given_up_at_once():
    frames = [[walker(60 + 4 * k)] for k in range(4)] + [[], [], [walker(84)]]
    kept = follow(SortTracker(SortParams(n_init=1, max_age=1.0)), frames)
    gone = follow(SortTracker(SortParams(n_init=1, max_age=1.0, death_zones=(LEFT_100_PX,))), frames)
    assert (kept[-1].track_ids.tolist(), gone[-1].track_ids.tolist()) == ([1], [2])


def test_zones_in_fractions_need_the_size_of_the_pictures():
    with pytest.raises(UsageError, match="resize"):
        follow(SortTracker(SortParams(birth_zones=(LEFT_HALF,))), [[walker(10)]])


def test_zones_take_what_stands_in_them():
    zones = Zones([LEFT_100_PX])
    boxes = np.array([[90, 10, 108, 60], [95, 10, 113, 60], [10, 150, 30, 260]], np.float32)
    assert zones.hold(boxes).tolist() == [True, False, False]  # the last one's feet are below
    assert zones.hold(boxes[:0]).tolist() == []


def test_a_tracks_score_is_the_median_of_its_detections():
    scores = [0.9, 0.2, 0.8, 0.7, 0.1]
    reported = follow(
        SortTracker(SortParams(n_init=1, min_score=0.0, score_window=5)),
        [[walker(50 + k, s)] for k, s in enumerate(scores)],
    )
    medians = [0.9, 0.55, 0.8, 0.75, 0.7]
    np.testing.assert_allclose([t.scores[0] for t in reported], medians, rtol=1e-6)


def test_the_score_window_slides():
    scores = [0.1, 0.1, 0.1, 0.9, 0.8, 0.7]
    reported = follow(
        SortTracker(SortParams(n_init=1, min_score=0.0, score_window=3)),
        [[walker(50 + k, s)] for k, s in enumerate(scores)],
    )
    assert reported[-1].scores[0] == pytest.approx(0.8)


def test_weak_tracks_are_followed_and_not_reported():
    params = SortParams(n_init=1, min_score=0.0, score_window=3, min_track_score=0.5)
    scores = [0.3, 0.3, 0.8, 0.8, 0.2, 0.2]
    reported = follow(SortTracker(params), [[walker(50 + k, s)] for k, s in enumerate(scores)])
    assert ids(reported) == [[], [], [], [1], [1], []]


def test_few_points_begin_nothing_and_continue_everything():
    params = SortParams(n_init=1, birth_score=0.6, min_score=0.2)
    scores = [0.5, 0.7, 0.3, 0.25, 0.1]
    reported = follow(SortTracker(params), [[walker(50 + k, s)] for k, s in enumerate(scores)])
    assert ids(reported) == [[], [1], [1], [1], []]


def test_a_track_that_waits_under_another_is_its_double_and_goes():
    away = walker(58)  # the same object, badly framed for once: overlap 0.43, so it begins a track
    frames = [[walker(50)]] * 4 + [[away], [walker(50)], [away]]
    kept = follow(SortTracker(SortParams(n_init=1, iou_threshold=0.6)), frames)
    assert [t.track_ids.tolist() for t in kept[4:]] == [[2], [1], [2]]
    gone = follow(SortTracker(SortParams(n_init=1, iou_threshold=0.6, duplicate_iou=0.3)), frames)
    assert [t.track_ids.tolist() for t in gone[4:]] == [[2], [1], [3]]


def parked(jitter: np.random.Generator):
    return ([*(np.array([100.0, 100, 180, 150]) + jitter.normal(0, 3, 4))], 1.0)


def test_what_stands_still_is_held_fast_and_says_for_how_long():
    rng = np.random.default_rng(0)
    tracker = SortTracker(SortParams(n_init=1, still_after=2.0))
    reported = follow(tracker, [[parked(rng)] for _ in range(80)])
    held = np.stack([t.boxes[0] for t in reported[40:]])
    loose = np.stack(
        [
            t.boxes[0]
            for t in follow(SortTracker(SortParams(n_init=1)), [[parked(rng)] for _ in range(80)])[40:]
        ]
    )
    assert held.std(axis=0).max() < loose.std(axis=0).min() / 2
    assert np.abs(held.mean(axis=0) - [100, 100, 180, 150]).max() < 1.5
    assert reported[-1].extra["still_for"][0] == pytest.approx(7.9)
    assert not reported[-1].extra["velocities"].any()


def test_a_parked_car_keeps_its_id_while_the_detector_overlooks_it():
    rng = np.random.default_rng(1)
    frames = [[parked(rng)] for _ in range(30)] + [[]] * 50 + [[parked(rng)] for _ in range(3)]
    assert follow(SortTracker(SortParams(still_after=1.0)), frames)[-1].track_ids.tolist() == [1]
    assert follow(SortTracker(SortParams()), frames)[-1].track_ids.tolist() == [2]


def test_a_car_that_drives_off_moves_again_at_once():
    rng = np.random.default_rng(2)
    frames = [[parked(rng)] for _ in range(30)]
    frames += [[([100.0 + 12 * k, 100, 180 + 12 * k, 150], 1.0)] for k in range(1, 15)]
    reported = follow(SortTracker(SortParams(still_after=1.0)), frames)
    assert reported[-1].track_ids.tolist() == [1]
    assert reported[-1].extra["still_for"][0] < 1.0
    assert abs(reported[-1].boxes[0, 0] - (100 + 12 * 14)) < 6


def test_rest_is_remembered_by_key_when_tracks_come_and_go():
    rest, box = Stillness(), np.array([[0, 0, 10, 20], [50, 50, 60, 80]], np.float32)
    rest.update(np.array([3, 5]), box, np.array([True, True]), 0.0)
    rest.update(np.array([5, 9]), box[::-1], np.array([True, True]), 1.0)
    assert rest.since.tolist() == [0.0, 1.0]


def test_overlap_row_by_row_is_that_of_all_with_all():
    from vidstream.geometry import aligned_iou, iou

    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 30, (2, 50, 2))
    a, b = np.concatenate([corner, corner + rng.uniform(0, 30, (2, 50, 2))], axis=2)
    np.testing.assert_allclose(aligned_iou(a, b), np.diagonal(iou(a, b)), atol=1e-12)
