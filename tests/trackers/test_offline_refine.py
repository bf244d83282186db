"""The second pass as a whole: its promises, and scenes whose answer is known."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers import SortParams, SortTracker
from trackers.offline import History, RefineParams, refine
from vidstream.errors import UsageError

FPS = 10.0
COLUMNS = ("frames", "times", "ids", "boxes", "scores", "class_ids", "observed")


def history(frames: np.ndarray, ids: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> History:
    rows = len(frames)
    columns = frames, frames / FPS, ids, boxes.astype(np.float32), scores.astype(np.float32)
    made = History(*columns, np.zeros(rows, np.int64), None, np.ones(rows, bool))
    return made[np.lexsort((ids, frames))]


def followed(detections: History, **settings: object) -> History:
    """What SORT makes of the detections online."""
    tracker = SortTracker(SortParams(frame_rate=FPS, **settings))
    parts = []
    for frame in range(int(detections.frames.max()) + 1):
        found = detections[detections.frames == frame].detections()
        parts.append(History.of(frame, frame / FPS, tracker.update(found, pts=frame / FPS)))
    return History.concat(parts)


def crowd(seed: int, people: int = 6, frames: int = 40) -> History:
    """Detections of people who walk about; some are missed, some are not there."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / FPS
    start, speed = rng.uniform(50, 600, (people, 2)), rng.normal(0, 30, (people, 2))
    centre = start[:, None] + speed[:, None] * time[:, None]
    height = rng.uniform(60, 140, (people, 1, 1))
    corners = np.concatenate([centre - height * [0.2, 0.5], centre + height * [0.2, 0.5]], axis=2)
    corners += rng.normal(0, 1.5, corners.shape)
    seen = rng.random((people, frames)) > 0.15
    noise = rng.uniform(0, 600, (15, 2))
    boxes = np.concatenate([corners[seen], np.array([0, 0, 30, 80]) + np.tile(noise, 2)])
    when = np.concatenate([np.nonzero(seen)[1], rng.integers(0, frames, 15)])
    scores = np.concatenate([rng.uniform(0.5, 1, seen.sum()), rng.uniform(0.1, 0.4, 15)])
    return history(when, np.full(len(when), -1), boxes, scores)


def same(a: History, b: History) -> bool:
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in COLUMNS)


def shuffled(rows: History, seed: int) -> History:
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[order[np.argsort(rows.frames[order], kind="stable")]]


@given(st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_the_order_within_a_frame_leaves_no_trace(seed: int) -> None:
    detections = crowd(seed)
    tracks = followed(detections)
    once = refine(tracks, detections=detections)
    assert same(once, refine(tracks, detections=detections))
    assert same(once, refine(shuffled(tracks, seed), detections=shuffled(detections, seed + 1)))


@given(st.integers(0, 10_000), st.sampled_from(["rts", "gaussian", "none"]))
@settings(max_examples=6, deadline=None)
def test_what_comes_out_is_sound(seed: int, smoothing: str) -> None:
    detections = crowd(seed)
    refined = refine(followed(detections), RefineParams(smoothing=smoothing), detections=detections)
    assert len(np.unique(np.stack([refined.frames, refined.ids]), axis=1).T) == len(refined)
    assert (np.diff(refined.frames) >= 0).all()
    firsts = [refined.frames[refined.ids == key][0] for key in np.unique(refined.ids)]
    assert np.unique(refined.ids).tolist() == list(range(1, len(firsts) + 1))
    assert firsts == sorted(firsts)
    assert np.isfinite(refined.boxes).all()
    assert (refined.boxes[:, 2:] >= refined.boxes[:, :2]).all()


@pytest.mark.parametrize(("scale", "shift"), [(1, (160, 32)), (2, (0, 0)), (0.5, (64, 0))])
def test_moving_or_scaling_the_picture_moves_and_scales_the_tracks(
    scale: float, shift: tuple[int, int]
) -> None:
    detections = crowd(4)
    tracks = followed(detections)

    def changed(rows: History) -> History:
        return dataclasses.replace(rows, boxes=(rows.boxes * scale + np.tile(shift, 2)).astype(np.float32))

    expected = changed(refine(tracks, detections=detections))
    found = refine(changed(tracks), detections=changed(detections))
    assert found.ids.tolist() == expected.ids.tolist()
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)


def test_detections_from_before_the_track_was_confirmed_come_back() -> None:
    frames = np.arange(20)
    boxes = np.stack([frames * 4.0, np.full(20, 50), frames * 4.0 + 30, np.full(20, 130)], axis=1)
    detections = history(frames, np.full(20, -1), boxes, np.ones(20))
    tracks = followed(detections, n_init=5)
    assert tracks.frames[0] == 4
    refined = refine(tracks, detections=detections)
    assert refined.frames.tolist() == list(range(20))
    assert refined.observed.all()
    assert np.abs(refined.boxes - boxes).max() < 1


def test_two_who_cross_behind_a_pillar_keep_their_names() -> None:
    """Online they come out as four; the speeds they went in with say who is who."""
    frames = np.arange(60)
    right, left = frames * 6.0, 400 - frames * 6.0
    y = {0: 100.0, 1: 106.0}
    parts = []
    for name, x in enumerate((right, left)):
        seen = (x < 150) | (x > 250)
        boxes = np.stack([x, np.full(60, y[name]), x + 30, np.full(60, y[name] + 90)], axis=1)[seen]
        parts.append((frames[seen], boxes))
    boxes = np.concatenate([part[1] for part in parts])
    when = np.concatenate([part[0] for part in parts])
    detections = history(when, np.full(len(when), -1), boxes, np.ones(len(when)))
    tracks = followed(detections, max_age=0.5)
    assert len(np.unique(tracks.ids)) == 4
    refined = refine(tracks, RefineParams(max_gap=2.0), detections=detections)
    assert len(np.unique(refined.ids)) == 2
    for key in (1, 2):
        mine = refined[refined.ids == key]
        assert mine.frames.tolist() == list(range(60))
        x = right if mine.boxes[0, 0] < 200 else left
        np.testing.assert_allclose(mine.boxes[:, 0], x, atol=3)


def test_a_gap_is_filled_by_time_not_by_frames() -> None:
    """Frames 5 to 8 were taken late: the box is where it must be at those times."""
    frames = np.array([0, 1, 2, 3, 4, 9, 10, 11, 12, 13])
    times = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0, 1.1, 1.2, 1.3])
    x = times[frames] * 100
    boxes = np.stack([x, np.zeros(10), x + 30, np.full(10, 80.0)], axis=1).astype(np.float32)
    ones = np.ones(10, np.float32)
    tracks = History(
        frames, times[frames], np.ones(10, np.int64), boxes, ones, ones.astype(np.int64), None, ones > 0
    )
    refined = refine(tracks, frame_times=times)
    assert refined.observed.tolist() == [True] * 5 + [False] * 4 + [True] * 5
    np.testing.assert_allclose(refined.boxes[:, 0], times * 100, atol=0.5)
    missing = np.where(np.arange(14) == 6, np.nan, times)
    assert 6 not in refine(tracks, frame_times=missing).frames


def test_a_weak_detection_in_a_gap_replaces_the_guess() -> None:
    frames = np.arange(30)
    boxes = np.stack([frames * 4.0, np.full(30, 50), frames * 4.0 + 30, np.full(30, 130)], axis=1)
    hidden = (frames >= 12) & (frames < 18)
    scores = np.where(hidden, 0.05, 0.9)
    detections = history(frames, np.full(30, -1), boxes, scores)
    tracks = history(frames[~hidden], np.ones((~hidden).sum(), np.int64), boxes[~hidden], scores[~hidden])
    assert refine(tracks, detections=detections).observed.all()
    alone = refine(tracks, detections=detections[detections.scores > 0.5])
    assert alone.observed.tolist() == (~hidden).tolist()


def test_a_few_weak_detections_are_no_track() -> None:
    strong = followed(crowd(0))
    weak = history(np.arange(3), np.full(3, 99), np.tile([700.0, 0, 730, 80], (3, 1)), np.full(3, 0.1))
    refined = refine(History.concat([strong, weak]))
    assert refined.boxes[:, 0].max() < 690


def test_what_is_filled_in_outside_the_picture_is_left_out() -> None:
    frames = np.array([0, 1, 2, 3, 4, 9, 10, 11, 12, 13])
    x = np.abs(frames - 6.5) * 30 - 140
    boxes = np.stack([x, np.zeros(10), x + 60, np.full(10, 80.0)], axis=1)
    tracks = history(frames, np.ones(10, np.int64), boxes, np.ones(10))
    assert len(refine(tracks, size=(640, 480))) < len(refine(tracks))


@pytest.mark.parametrize(
    "box", [[5, 5, 5, 5], [5, 5, 5, 50], [5, 5, 50, 5], [9, 9, 3, 3], [-1e6, 0, 1e6, 1]], ids=str
)
def test_degenerate_boxes_give_finite_ones(box: list[float]) -> None:
    boxes = np.tile(np.array(box, float), (12, 1))
    detections = history(np.arange(12), np.full(12, -1), boxes, np.ones(12))
    tracks = dataclasses.replace(detections, ids=np.ones(12, np.int64))
    for smoothing in ("rts", "gaussian", "none"):
        refined = refine(tracks, RefineParams(smoothing=smoothing), detections=detections)
        assert np.isfinite(refined.boxes).all()


def test_nothing_one_box_and_no_ids() -> None:
    assert len(refine(History.empty())) == 0
    one = history(np.array([3]), np.array([8]), np.array([[0.0, 0, 10, 20]]), np.ones(1))
    kept = refine(one, RefineParams(min_evidence=0))
    assert kept.ids.tolist() == [1]
    np.testing.assert_allclose(kept.boxes, one.boxes)
    assert len(refine(one)) == 0
    assert len(refine(dataclasses.replace(one, ids=np.array([-1])))) == 0


def test_a_track_given_twice_in_a_frame_is_there_once() -> None:
    frames = np.repeat(np.arange(10), 2)
    boxes = np.tile([[0.0, 0, 30, 80], [2, 0, 32, 80]], (10, 1))
    refined = refine(history(frames, np.ones(20, np.int64), boxes, np.ones(20)))
    assert refined.frames.tolist() == list(range(10))


def test_frames_without_times_are_refused() -> None:
    one = history(np.array([3]), np.array([8]), np.array([[0.0, 0, 10, 20]]), np.ones(1))
    with pytest.raises(UsageError, match="frame 3 has tracks, but only 3 frames have times"):
        refine(one, frame_times=np.arange(3) / FPS)


def test_classes_do_not_mix() -> None:
    frames = np.concatenate([np.arange(10), np.arange(12, 22)])
    boxes = np.stack([frames * 4.0, np.zeros(20), frames * 4.0 + 30, np.full(20, 80)], axis=1)
    tracks = history(frames, np.repeat([1, 2], 10), boxes, np.ones(20))
    assert len(np.unique(refine(tracks).ids)) == 1
    other = dataclasses.replace(tracks, class_ids=np.repeat([0, 1], 10))
    assert len(np.unique(refine(other).ids)) == 2


@pytest.mark.slow
def test_memory_grows_by_boxes_alone() -> None:
    """Hours fit: ten tracks at all times, each half a minute long, cost no more per box the longer it is."""
    peaks = []
    for frames in (3_000, 12_000):
        rows = np.arange(10 * frames)
        when, who = rows // 10, rows % 10 + 10 * (rows // 10 // 300)
        x, y = 100.0 * (rows % 10) + when % 300, 40.0 * (rows % 10)
        boxes = np.stack([x, y, x + 30, y + 80], axis=1)
        tracks = history(when, who, boxes, np.ones(len(rows)))
        tracemalloc.start()
        refine(tracks, detections=tracks)
        peaks.append(tracemalloc.get_traced_memory()[1] / len(rows))
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 1000
