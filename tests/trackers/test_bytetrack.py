"""ByteTrack's two bands of scores, who chooses first, and real sequences."""

from __future__ import annotations

import numpy as np
import pytest

from trackers import ByteTrackParams, ByteTrackTracker, Detections, Tracks
from trackers.evaluation import evaluate


def at(*lefts: float, scores: float | list[float] = 0.9) -> Detections:
    """Boxes 40 wide and 80 high at these x."""
    return Detections.of([[x, 100, x + 40, 180] for x in lefts], scores=scores)


def feed(tracker: ByteTrackTracker, *frames: Detections, start: int = 0) -> list[Tracks]:
    return [tracker.update(found, pts=(start + k) / 30) for k, found in enumerate(frames)]


def ids(reported: list[Tracks]) -> list[list[int]]:
    return [tracks.track_ids.tolist() for tracks in reported]


def test_a_track_takes_a_low_detection_where_it_expects_one():
    reported = feed(ByteTrackTracker(), *[at(100)] * 5, at(101, scores=0.15), at(100))
    assert ids(reported)[5:] == [[1], [1]]
    assert reported[5].scores[0] == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("score", "tracks"),
    [
        pytest.param(0.05, 0, id="too low to be looked at"),
        pytest.param(0.5, 0, id="low"),
        pytest.param(0.65, 0, id="high, and not sure enough to begin with"),
        pytest.param(0.75, 1, id="sure"),
    ],
)
def test_what_begins_a_track(score, tracks):
    assert len(feed(ByteTrackTracker(), *[at(100, scores=score)] * 6)[-1]) == tracks


def test_low_detections_are_not_for_tracks_that_were_lost_before():
    tracker = ByteTrackTracker()
    feed(tracker, *[at(100)] * 5, Detections.empty())
    assert ids(feed(tracker, at(100, scores=0.3), at(100), start=6)) == [[], [1]]


def test_a_high_detection_goes_before_a_low_one_that_overlaps_more():
    tracker = ByteTrackTracker()
    feed(tracker, *[at(100)] * 5)
    tracks = tracker.update(at(100, 112, scores=[0.4, 0.95]), pts=5 / 30)
    assert tracks.scores.tolist() == pytest.approx([0.95])


def test_of_two_that_overlap_alike_the_surer_one_is_taken():
    for scores in ([0.65, 0.95], [0.95, 0.65]):
        tracker = ByteTrackTracker()
        feed(tracker, *[at(100)] * 5)
        tracks = tracker.update(at(92, 108, scores=scores), pts=5 / 30)
        assert tracks.scores[tracks.track_ids == 1].tolist() == pytest.approx([0.95])


def test_tracks_of_one_detection_choose_last():
    """The new one lies nearer to the only detection, which goes to the old one all the same."""
    tracker = ByteTrackTracker()
    feed(tracker, *[at(100)] * 5, at(100, 125))
    assert ids(feed(tracker, at(118), start=6)) == [[1]]


def test_what_a_run_begins_with_counts_at_once_and_later_ones_need_two_detections():
    assert ids(feed(ByteTrackTracker(), at(100), *[at(100, 300)] * 2)) == [[1], [1], [1, 2]]


def test_after_a_gap_it_begins_as_a_run_does():
    tracker = ByteTrackTracker()
    feed(tracker, *[at(100)] * 3)
    tracker.on_gap()
    assert ids(feed(tracker, at(100))) == [[2]]


def test_an_empty_first_frame_is_a_first_frame():
    assert ids(feed(ByteTrackTracker(), Detections.empty(), at(100), at(100))) == [[], [], [1]]


def test_a_track_that_nobody_sees_keeps_its_height_and_goes_on():
    tracker = ByteTrackTracker(ByteTrackParams(coast_missed=True))
    growing = [
        Detections.of([[100 + 5 * k, 100 - 2 * k, 140 + 5 * k, 180 + 2 * k]], scores=0.9) for k in range(15)
    ]
    feed(tracker, *growing)
    gone = feed(tracker, *[Detections.empty()] * 6, start=15)
    heights = [float(t.boxes[0, 3] - t.boxes[0, 1]) for t in gone]
    assert heights[0] > 136  # it grew once more on the frame where it was first missed
    np.testing.assert_allclose(heights[1:], heights[0], rtol=1e-4)
    assert float(gone[-1].boxes[0, 0]) > 185


def test_of_a_lost_track_and_another_on_its_place_the_younger_goes_on_request():
    """A swerves onto B's place just when B is not seen: two tracks for one box."""
    for duplicate_iou, left in ((1.0, [1, 2]), (0.85, [1])):
        tracker = ByteTrackTracker(ByteTrackParams(duplicate_iou=duplicate_iou))
        for k in range(16):
            found = at(100 + 4 * k, 160) if k < 12 else at(100 + 4 * k)
            tracker.update(found, pts=k / 30)
        reported = ids(feed(tracker, at(164), at(164, 250), start=16))
        assert tracker._tracks.ids[tracker._tracks.confirmed].tolist() == left, reported


@pytest.mark.parametrize(
    ("name", "mota", "idf1", "switches"),
    [
        pytest.param("PETS09-S2L1", 0.60, 0.39, 95, id="PETS09-S2L1, 7 frames/s"),
        pytest.param("TUD-Stadtmitte", 0.68, 0.70, 14, id="TUD-Stadtmitte"),
        pytest.param("TUD-Campus", 0.60, 0.65, 6, id="TUD-Campus"),
        pytest.param("KITTI-17", 0.56, 0.70, 13, id="KITTI-17, a moving car"),
    ],
)
def test_quality_on_public_detections_holds(mot, name, mota, idf1, switches):
    sequence = mot(name)
    scores = evaluate(sequence.truth, sequence.follow(ByteTrackTracker()))
    assert scores.mota >= mota, scores
    assert scores.idf1 >= idf1, scores
    assert scores.switches <= switches, scores
