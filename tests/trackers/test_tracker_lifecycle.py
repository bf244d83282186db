"""What every tracker promises about time, ids and what it reports, whatever its association."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers import DeepSortParams, DeepSortTracker, Detections, SortParams, SortTracker
from vidstream.errors import ShapeError, UsageError
from vidstream.types import MaskCrop

FPS = 30.0
BOTH = pytest.mark.parametrize(
    ("tracker", "params"),
    [
        pytest.param(SortTracker, SortParams, id="SORT"),
        pytest.param(DeepSortTracker, DeepSortParams, id="DeepSORT"),
    ],
)


def at(*lefts: float, **optional) -> Detections:
    """Boxes 40 wide and 80 high at these x."""
    return Detections.of([[x, 100, x + 40, 180] for x in lefts], **optional)


def feed(tracker, given, start=0, fps=FPS):
    return [tracker.update(d, pts=(start + k) / fps) for k, d in enumerate(given)]


@BOTH
@pytest.mark.parametrize("n_init", [1, 2, 3, 5])
def test_a_track_is_reported_from_its_nth_detection_in_a_row(tracker, params, n_init):
    reported = feed(tracker(params(n_init=n_init)), [at(100 + k) for k in range(6)])
    assert [len(t) for t in reported] == [0] * (n_init - 1) + [1] * (7 - n_init)
    assert {int(t.track_ids[0]) for t in reported if t} == {1}


@BOTH
def test_a_miss_before_confirmation_ends_the_track(tracker, params):
    reported = feed(
        tracker(params(n_init=3)), [at(100), at(100), Detections.empty(), at(100), at(100), at(100)]
    )
    assert [t.track_ids.tolist() for t in reported] == [[], [], [], [], [], [1]]  # a false start takes no id


@BOTH
def test_frames_without_detector_are_no_miss_even_before_confirmation(tracker, params):
    reported = feed(tracker(params(n_init=3)), [at(100), None, None, at(100), None, None, at(100)])
    assert [t.track_ids.tolist() for t in reported] == [[]] * 6 + [[1]]


@BOTH
def test_boxes_move_on_between_detections(tracker, params):
    t = tracker(params(coast=0.5))
    feed(t, [at(100 + 4 * k) for k in range(20)])
    coasting = feed(t, [None] * 10, start=20)
    lefts = [float(tracks.boxes[0, 0]) for tracks in coasting]
    np.testing.assert_allclose(lefts, [180 + 4 * k for k in range(10)], atol=3)
    np.testing.assert_allclose(coasting[0].extra["velocities"][0], [4 * FPS, 0], atol=3)
    since = [float(tracks.extra["since_update"][0]) for tracks in coasting]
    np.testing.assert_allclose(since, np.arange(1, 11) / FPS, rtol=1e-5)
    assert not any(tracks.seen_now().any() for tracks in coasting)


@BOTH
def test_coasting_is_reported_for_the_time_given_and_not_longer(tracker, params):
    t = tracker(params(coast=0.2))
    feed(t, [at(100)] * 5)
    reported = feed(t, [None] * 10, start=5)
    assert [len(tracks) for tracks in reported] == [1] * 6 + [0] * 4


@BOTH
@pytest.mark.parametrize(
    ("coast_missed", "counts"),
    [pytest.param(False, [0, 0, 0], id="hidden"), pytest.param(True, [1, 1, 1], id="shown on request")],
)
def test_tracks_that_the_detector_missed(tracker, params, coast_missed, counts):
    t = tracker(params(coast_missed=coast_missed))
    feed(t, [at(100)] * 5)
    assert [len(tracks) for tracks in feed(t, [Detections.empty(), None, None], start=5)] == counts


@BOTH
def test_a_track_keeps_its_id_through_misses_shorter_than_max_age(tracker, params):
    t = tracker(params(max_age=0.5))
    feed(t, [at(100)] * 5)
    feed(t, [Detections.empty()] * 14, start=5)
    assert feed(t, [at(100)], start=19)[0].track_ids.tolist() == [1]


@BOTH
def test_a_track_missed_for_longer_than_max_age_is_gone(tracker, params):
    t = tracker(params(max_age=0.5, n_init=1))
    feed(t, [at(100)] * 5)
    feed(t, [Detections.empty()] * 17, start=5)
    assert feed(t, [at(100)], start=22)[0].track_ids.tolist() == [2]


@BOTH
def test_age_is_measured_in_seconds_not_in_frames(tracker, params):
    for fps in (5.0, 60.0):
        t = tracker(params(max_age=1.0, n_init=1))
        feed(t, [at(100)] * 3, fps=fps)
        gap = int(0.9 * fps)
        feed(t, [Detections.empty()] * gap, start=3, fps=fps)
        assert feed(t, [at(100)], start=3 + gap, fps=fps)[0].track_ids.tolist() == [1]


@BOTH
def test_a_detector_slower_than_max_age_keeps_its_tracks(tracker, params):
    t = tracker(params(max_age=0.5, n_init=1))
    reported = feed(t, [at(100) if k % 30 == 0 else None for k in range(150)])
    assert {int(i) for tracks in reported for i in tracks.track_ids} == {1}


@BOTH
def test_tracks_do_not_wait_for_ever_for_a_detector_that_does_not_run(tracker, params):
    t = tracker(params(n_init=1))
    feed(t, [at(100)] * 5)
    feed(t, [None] * int(11 * FPS), start=5)
    assert feed(t, [at(100)], start=5 + int(11 * FPS))[0].track_ids.tolist() == [2]


@BOTH
def test_dropped_frames_do_not_lose_a_moving_object(tracker, params):
    """3 px per frame; eight frames lost at once: 24 px is over half the box, and prediction bridges it."""
    t = tracker(params())
    reported = [t.update(at(100 + 3 * k), pts=k / FPS) for k in [*range(20), *range(28, 40)]]
    assert {int(i) for tracks in reported for i in tracks.track_ids} == {1}


@BOTH
def test_after_a_gap_tracks_are_new_and_ids_go_on(tracker, params):
    t = tracker(params(n_init=1))
    feed(t, [at(100, 300)] * 5)
    t.on_gap()
    assert t.update(at(100), pts=0.0).track_ids.tolist() == [3]


@BOTH
def test_after_a_reset_ids_begin_at_one(tracker, params):
    t = tracker(params(n_init=1))
    feed(t, [at(100, 300)] * 5)
    t.reset()
    assert t.update(at(100), pts=0.0).track_ids.tolist() == [1]


@BOTH
@pytest.mark.parametrize("pts", [pytest.param(0.5, id="back"), float("nan"), float("inf")])
def test_time_that_does_not_go_forward_is_refused(tracker, params, pts):
    t = tracker(params())
    t.update(at(100), pts=1.0)
    with pytest.raises(UsageError, match="on_gap"):
        t.update(at(100), pts=pts)
    assert len(t.update(at(100), pts=1.1)) == 0


@BOTH
def test_a_box_that_is_no_number_is_refused_by_name(tracker, params):
    with pytest.raises(ShapeError, match="boxes"):
        tracker(params()).update(Detections.of([[0, 0, np.nan, 5]]), pts=0.0)


@BOTH
def test_classes_do_not_mix_unless_told(tracker, params):
    for same_class, ids in ((True, {1, 2}), (False, {1})):
        t = tracker(params(n_init=1, same_class=same_class))
        seen = feed(t, [at(100, class_ids=k // 5) for k in range(10)])
        assert {int(i) for tracks in seen for i in tracks.track_ids} == ids


@BOTH
def test_a_class_that_flips_now_and_then_is_outvoted(tracker, params):
    t = tracker(params(n_init=1, same_class=False))
    flips = [0, 0, 1, 0, 0, 1, 1, 0, 0, 0]
    seen = feed(t, [at(100, class_ids=c) for c in flips])
    assert [tracks.class_ids.tolist() for tracks in seen] == [[0]] * len(flips)
    changed = feed(t, [at(100, class_ids=1) for _ in range(12)], start=len(flips))[-1]
    assert changed.class_ids.tolist() == [1]


@BOTH
def test_columns_of_the_detections_travel_along(tracker, params):
    t = tracker(params(n_init=1))
    columns = {
        "masks": tuple(MaskCrop(x, 0, np.ones((2, 2), bool)) for x in (0, 1)),
        "keypoints": np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3),
        "angles": np.array([10, 20], np.float32),
        "extra": {"plate": np.array(["A", "B"])},
        "names": {0: "car", 1: "bus"},
    }
    feed(t, [at(300, 100)])
    tracks = t.update(at(100, 300, class_ids=[0, 0], scores=[0.5, 0.75], **columns), pts=1 / FPS)
    assert tracks.boxes[:, 0].round().tolist() == [300, 100]
    assert tracks.scores.tolist() == [0.75, 0.5]
    assert tracks.extra["plate"].tolist() == ["B", "A"]
    assert tracks.angles.tolist() == [20, 10]
    assert [m.x for m in tracks.masks] == [1, 0]
    assert tracks.keypoints[0, 0, 0] == 9
    assert tracks.names == columns["names"]
    assert t.update(None, pts=2 / FPS).masks is None
    assert t.update(None, pts=3 / FPS).names == columns["names"]


moments = st.lists(
    st.tuples(st.floats(0, 1), st.none() | st.lists(st.integers(0, 600), max_size=5)), min_size=1, max_size=25
)


@BOTH
@settings(deadline=None, max_examples=60)
@given(moments)
def test_ids_are_unique_ascending_and_never_come_back(tracker, params, moments):
    t, now, living, dead = tracker(params(n_init=1, coast_missed=True, coast=100.0)), 0.0, set(), set()
    for step, lefts in moments:
        now += step
        tracks = t.update(None if lefts is None else at(*lefts), pts=now)
        ids = tracks.track_ids.tolist()
        assert ids == sorted(set(ids))
        assert not dead & set(ids)
        assert not ids or min(ids) >= 1
        dead |= living - set(ids)
        living = set(ids)
        assert np.isfinite(tracks.boxes).all()


@BOTH
def test_what_was_reported_does_not_change_afterwards(tracker, params):
    t = tracker(params(n_init=1))
    first = t.update(at(100, 300), pts=0.0)
    before = [first.boxes.copy(), first.scores.copy(), first.track_ids.copy()]
    feed(t, [at(110, 310, scores=0.1)] * 3, start=1)
    for then, now in zip(before, (first.boxes, first.scores, first.track_ids), strict=True):
        np.testing.assert_array_equal(then, now)
    assert not first.boxes.flags.writeable
