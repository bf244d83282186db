"""`refine:` of the stages that follow many objects: what a tracker would have said, had it known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.one_stage import OneStage
from tests.support.truth import matched, mot_truth
from trackers.offline import RefineParams
from vidstream.graph.params import parameters
from vidstream.stages.track.deepsort import TrackDeepSort
from vidstream.stages.track.refine import Chapter, RefineOption, _shorter
from vidstream.stages.track.sort import TrackSort
from vidstream.types import Detections, FrameInfo, Tracks, View

PERIOD = 0.1


def info(seq: int, pts: float | None = None) -> FrameInfo:
    return FrameInfo("test", 0, seq, seq * PERIOD if pts is None else pts, None, 0.0, 768, 576)


def walker(seq: int, start: float = 100.0) -> Detections:
    """A person who walks to the right at 50 pixels per second."""
    x = start + 5 * seq
    return Detections.of([[x, 200, x + 40, 300]], scores=0.9, names={0: "person"})


def refined(seen: list[Detections | None], stage: OneStage | None = None) -> list[Tracks | None]:
    stage = stage or OneStage(TrackSort, refine=True)
    for seq, detections in enumerate(seen):
        stage(pts=seq * PERIOD, detections=detections)
    recall = stage.stage.revise()
    stage.stage.close()
    return [recall(info(seq)) for seq in range(len(seen))]


@pytest.fixture(scope="module")
def people(assets: Callable[[str], Path]) -> list[Detections]:
    """The people of the first 10 s of vtest.avi, without their ids."""
    truth = mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))
    return [truth[i].replace(track_ids=np.full(len(truth[i]), -1)) for i in range(100)]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(lambda i: None, id="the detector did not run"),
        pytest.param(lambda i: Detections.empty(), id="the detector found nothing"),
    ],
)
def test_frames_in_which_a_person_was_not_seen_are_filled(seen: Callable[[int], Detections | None]) -> None:
    hidden = range(10, 15)
    found = refined([seen(i) if i in hidden else walker(i) for i in range(30)])
    for i in hidden:
        tracks = found[i]
        assert tracks is not None
        assert tracks.track_ids.tolist() == [1]
        np.testing.assert_allclose(tracks.boxes, walker(i).boxes, atol=2.0)
        assert tracks.seen_now().all(), "a known place counts like one that was seen"
        assert tracks.extra["observed"].tolist() == [False]
        assert tracks.names == {0: "person"}
        np.testing.assert_allclose(tracks.extra["velocities"], [[50, 0]], atol=5.0)
    assert [t.extra["observed"].tolist() for t in found[5:10] if t is not None] == [[True]] * 5


def test_a_detector_that_runs_on_every_third_frame_gives_tracks_on_all(people: list[Detections]) -> None:
    found = refined([d if i % 3 == 0 else None for i, d in enumerate(people)])
    between = [(t, d) for i, (t, d) in enumerate(zip(found, people, strict=True)) if i % 3 and i > 6]
    hits = sum(matched(t.boxes, d.boxes) for t, d in between if t is not None)
    assert hits > 0.95 * sum(len(t) for t, _ in between if t is not None)
    assert hits > 0.65 * sum(len(d) for _, d in between)


def test_nothing_is_filled_across_a_gap_and_no_id_used_again() -> None:
    stage = OneStage(TrackSort, refine={"max_gap": 100})
    for seq in range(40):
        if seq == 20:
            stage.gap()
        stage(pts=seq % 20 * PERIOD, detections=walker(seq) if seq % 20 > 4 else Detections.empty())
    recall = stage.stage.revise()
    found = [recall(info(seq)) for seq in range(40)]
    ids = [None if t is None else set(t.track_ids.tolist()) for t in found]
    assert ids[20:23] == [set(), set(), set()], "behind the gap nobody was there yet"
    assert ids[19] == {1}
    assert ids[39] == {2}


def test_frames_that_it_was_not_called_for_stay_empty() -> None:
    stage = OneStage(TrackSort, refine=True)
    for seq in range(0, 30, 2):
        stage.seq = seq
        stage(pts=seq * PERIOD, detections=walker(seq))
    recall = stage.stage.revise()
    found = [recall(info(seq)) for seq in range(31)]
    assert [t is None for t in found] == [seq % 2 == 1 or seq == 30 for seq in range(31)]


def test_nobody_is_somebody_s_result_too() -> None:
    found = refined([Detections.empty(), None, Detections.empty()])
    assert [len(t) if t is not None else None for t in found] == [0, 0, 0]
    assert refined([]) == []


def test_two_runs_give_the_same_to_the_last_bit(people: list[Detections]) -> None:
    def run() -> Iterator[bytes]:
        for tracks in refined(list(people)):
            assert tracks is not None
            yield from (tracks.boxes.tobytes(), tracks.track_ids.tobytes(), tracks.scores.tobytes())

    assert list(run()) == list(run())


def test_without_the_option_nothing_is_remembered() -> None:
    stage = OneStage(TrackSort)
    assert TrackSort.hindsight(stage.stage.params) == ""
    assert TrackSort.hindsight(OneStage(TrackSort, refine=True).stage.params) == "refine"
    stage(pts=0.0, detections=walker(0))
    stage.gap()
    assert [len(c._seqs) for c in stage.stage._chapters] == [0]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        pytest.param(False, None, id="no"),
        pytest.param(True, RefineParams(), id="yes"),
        pytest.param({"max_gap": "500ms"}, RefineParams(max_gap=0.5), id="with options"),
    ],
)
def test_the_option_is_a_yes_or_a_mapping(given: Any, meant: RefineParams | None) -> None:
    params: RefineOption = OneStage(TrackSort, refine=given).stage.params
    assert params.refinement == meant


@pytest.mark.parametrize("cls", [TrackSort, TrackDeepSort])
def test_the_option_and_what_is_in_it_say_what_they_mean(cls: Any) -> None:
    assert [p.meaning for p in parameters(cls.Params) if p.name == "refine"]
    assert all(p.meaning for p in parameters(RefineParams))


def test_looks_are_remembered_in_short() -> None:
    """Descriptors of 672 numbers for hours would fill the memory; distances survive."""
    rng = np.random.default_rng(5)
    first = rng.normal(size=(200, 672))
    second = first + rng.normal(size=(200, 672)) * np.linspace(0.05, 1.5, 200)[:, None]
    rows = [(f / np.linalg.norm(f, axis=1, keepdims=True)).astype(np.float32) for f in (first, second)]
    long, short = ((a * b).sum(axis=1) for a, b in (rows, [_shorter(r) for r in rows]))
    assert _shorter(rows[0]).shape == (200, 64)
    assert abs(np.median((1 - short) / (1 - long)) - 1) < 0.1
    assert np.quantile(abs((1 - short) / (1 - long) - 1), 0.9) < 0.4
    np.testing.assert_array_equal(_shorter(rows[0][:, :64]), rows[0][:, :64])


def test_looks_of_tracks_reach_the_history() -> None:
    stage = OneStage(TrackDeepSort, refine=True, n_init=1)
    picture = View(np.random.default_rng(1).integers(0, 255, (576, 768, 3), np.uint8))
    for seq in range(5):
        stage(pts=seq * PERIOD, image=picture, detections=walker(seq))
    (chapter,) = stage.stage._chapters
    history = chapter._tracks.taken()
    assert history.features is not None
    assert history.features.shape == (5, 64)
    np.testing.assert_allclose(np.linalg.norm(history.features, axis=1), 1, atol=1e-5)


def test_an_hour_of_ten_people_fits() -> None:
    """So many bytes for a box that is tracked: 53 as a track, 53 as a detection."""
    chapter = Chapter((768, 576))
    people = Detections.of(np.tile([10, 10, 20, 40], (10, 1)), track_ids=np.arange(10))
    tracks = Tracks.of(people.boxes, track_ids=np.arange(10))
    for seq in range(3000):
        chapter.add(info(seq), people, tracks)
    kept = [h for g in (chapter._tracks, chapter._detections) for h in g._bundles]
    assert len(kept) == 6, "put together every 1000 frames"
    columns = [
        c for h in kept for c in (h.frames, h.times, h.ids, h.boxes, h.scores, h.class_ids, h.observed)
    ]
    assert sum(c.nbytes for c in columns) <= 3000 * 10 * 2 * 53
