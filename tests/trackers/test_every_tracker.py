"""What holds for all trackers: order, place and scale of what they see do not matter, ids are unique."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers import Detections
from trackers.catalogue import TRACKERS, make
from vidstream.types import Tracks

FPS = 30.0
EVERY = pytest.mark.parametrize("name", list(TRACKERS))
#: Variances of SORT's state are fixed numbers of pixels, so that its tracks are stiffer in larger pictures.
FIXED_NOISE = {name for name in TRACKERS if type(make(name)._filter.model).__name__ == "UVSR"}
SCALING = pytest.mark.parametrize("name", [name for name in TRACKERS if name not in FIXED_NOISE])


class Crowd:
    """People who walk, appear, vanish and hide; a detector that misses, errs and sees what is not there."""

    def __init__(self, seed: int, most: int = 12, classes: int = 2) -> None:
        self.rng, self.most, self.classes = np.random.default_rng(seed), most, classes
        self.place = np.zeros((0, 2))
        self.speed = np.zeros((0, 2))
        self.size = np.zeros((0, 2))
        self.kind = np.zeros(0, int)

    def step(self) -> Detections:
        """The next frame's detections."""
        rng = self.rng
        stay = rng.random(len(self.place)) > 0.02
        new = rng.integers(0, 3) if stay.sum() < self.most else 0
        height = rng.uniform(20, 120, new)
        self.place = np.concatenate([self.place[stay] + self.speed[stay], rng.uniform(0, 600, (new, 2))])
        self.speed = np.concatenate([self.speed[stay], rng.normal(0, 3, (new, 2))])
        self.size = np.concatenate([self.size[stay], np.stack([height * 0.4, height], axis=1)])
        self.kind = np.concatenate([self.kind[stay], rng.integers(0, self.classes, new)])
        seen = rng.random(len(self.place)) > 0.1
        half = self.size[seen] / 2
        boxes = np.concatenate([self.place[seen] - half, self.place[seen] + half], axis=1)
        boxes += rng.normal(0, 1.5, boxes.shape)
        return Detections.of(boxes, scores=rng.uniform(0.05, 1, len(boxes)), class_ids=self.kind[seen])


def scene(seed: int, frames: int, most: int = 12) -> list[Detections]:
    crowd = Crowd(seed, most)
    return [crowd.step() for _ in range(frames)]


def follow(name: str, frames: list[Detections | None]) -> list[Tracks]:
    tracker = make(name)
    return [tracker.update(found, pts=k / FPS) for k, found in enumerate(frames)]


def boxes_by_id(tracks: Tracks) -> dict[int, np.ndarray]:
    return dict(zip(tracks.track_ids.tolist(), tracks.boxes, strict=True))


def same_but_for_names(one: list[Tracks], other: list[Tracks], atol: float = 1e-2) -> None:
    """Frame by frame the same boxes, each id of one always with the same id of the other."""
    forth: dict[int, int] = {}
    back: dict[int, int] = {}
    for k, (a, b) in enumerate(zip(one, other, strict=True)):
        assert len(a) == len(b), f"frame {k}"
        if not len(a):
            continue
        apart = np.abs(a.boxes[:, None] - b.boxes[None]).max(axis=2)
        for i, j in enumerate(apart.argmin(axis=1).tolist()):
            assert apart[i, j] <= atol, f"frame {k}"
            left, right = int(a.track_ids[i]), int(b.track_ids[j])
            assert forth.setdefault(left, right) == right, f"frame {k}"
            assert back.setdefault(right, left) == left, f"frame {k}"


@EVERY
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_detections_does_not_matter(name, seed):
    frames, rng = scene(seed, 40), np.random.default_rng(seed)
    shuffled = [found[rng.permutation(len(found))] for found in frames]
    same_but_for_names(follow(name, frames), follow(name, shuffled))


@EVERY
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000), by=st.tuples(st.integers(-512, 512), st.integers(-512, 512)))
def test_where_in_the_picture_things_are_does_not_matter(name, seed, by):
    """Coordinates are put on a grid of 1/64 pixel, so that moving them does not round."""
    frames = [f.replace(boxes=np.round(f.boxes * 64) / np.float32(64)) for f in scene(seed, 40)]
    offset = np.array(by * 2, np.float32)
    moved = follow(name, [f.replace(boxes=f.boxes + offset) for f in frames])
    same_but_for_names(follow(name, frames), [t.replace(boxes=t.boxes - offset) for t in moved])


@SCALING
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.5, 2.0, 4.0]))
def test_the_size_of_the_picture_does_not_matter(name, seed, scale):
    frames = scene(seed, 40)
    scaled = follow(name, [f.replace(boxes=f.boxes * np.float32(scale)) for f in frames])
    same_but_for_names(follow(name, frames), [t.replace(boxes=t.boxes / np.float32(scale)) for t in scaled])


@EVERY
def test_the_same_frames_give_the_same_tracks_to_the_last_bit(name):
    frames: list[Detections | None] = [*scene(5, 60)]
    frames[20] = frames[21] = None
    for one, other in zip(follow(name, frames), follow(name, frames), strict=True):
        for column in ("boxes", "scores", "class_ids", "track_ids"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))


@EVERY
@pytest.mark.parametrize(
    "box",
    [
        pytest.param([50, 50, 50, 50], id="a point"),
        pytest.param([50, 50, 50, 90], id="without width"),
        pytest.param([50, 50, 90, 50], id="without height"),
        pytest.param([90, 90, 50, 50], id="inside out"),
        pytest.param([0, 0, 1e6, 1e6], id="as large as a city"),
        pytest.param([1e6, 1e6, 1e6 + 20, 1e6 + 40], id="far away"),
    ],
)
def test_degenerate_boxes_give_numbers(name, box):
    sane = [10.0, 10, 50, 90]
    frames = [Detections.of([sane, box, box] if k % 4 else [sane], scores=0.9) for k in range(40)]
    reported = follow(name, [*frames, None, None, Detections.empty(), *frames])
    for tracks in reported:
        assert np.isfinite(tracks.boxes).all()
        assert np.isfinite(tracks.extra["velocities"]).all()
    assert all((np.abs(t.boxes - np.array(sane)).max(axis=1) < 3).any() for t in reported[5:40])


@EVERY
def test_all_at_one_place_are_told_apart(name):
    crowd = Detections.of(np.tile([100.0, 100, 140, 180], (7, 1)), scores=0.9)
    for tracks in follow(name, [crowd] * 6)[4:]:
        assert len(tracks) == 7


@EVERY
def test_several_frames_of_one_moment_give_numbers(name):
    """Container clocks are coarse: two frames may carry one time stamp."""
    tracker = make(name)
    found = [Detections.of([[10 + k, 10, 50 + k, 90]], scores=0.9) for k in range(9)]
    found[6] = Detections.empty()
    reported = [tracker.update(f, pts=k // 3 / FPS) for k, f in enumerate(found)]
    reported += [tracker.update(Detections.empty() if k == 1 else found[8], pts=3 / FPS) for k in range(3)]
    assert all(np.isfinite(t.boxes).all() for t in reported)
    assert [t.track_ids.tolist() for t in reported[7:]] == [[1], [1], [1], [], [1]]


@EVERY
def test_a_camera_that_moves_all_alike_changes_nothing(name):
    """Told of the motion, each tracker gives what a camera that is held would show it."""
    frames = [f.replace(boxes=np.round(f.boxes * 64) / np.float32(64)) for f in scene(8, 50)]
    held, moving = make(name), make(name)
    step, at = np.array([7, -3], np.float32), np.zeros(2, np.float32)
    motion = np.hstack([np.eye(2), step[:, None]])
    one, other = [], []
    for k, found in enumerate(frames):
        one.append(held.update(found, pts=k / FPS))
        shift = np.tile(at, 2)
        seen = moving.update(
            found.replace(boxes=found.boxes + shift), pts=k / FPS, motion=motion if k else None
        )
        other.append(seen.replace(boxes=seen.boxes - shift))
        at = at + step
    same_but_for_names(one, other)


def survive(name: str, frames: int, seed: int) -> int:
    """Random frames, pauses, gaps; how many tracks there were."""
    rng, crowd, tracker, now = np.random.default_rng(seed), Crowd(seed), make(name), 0.0
    dead: set[int] = set()
    alive: dict[int, int] = {}
    for k in range(frames):
        now += rng.choice([1 / FPS, 3 / FPS, 0.0, 2.0], p=[0.9, 0.08, 0.01, 0.01])
        found: Detections | None = crowd.step()
        if rng.random() < 0.1:
            found = None if rng.random() < 0.5 else Detections.empty()
        if rng.random() < 0.002:
            tracker.on_gap()
            dead |= set(alive)
            alive, now = {}, 0.0
        tracks = tracker.update(found, pts=now)
        ids = tracks.track_ids.tolist()
        assert ids == sorted(set(ids)), f"frame {k}: a track twice"
        assert not dead & set(ids), f"frame {k}: an id came back"
        assert np.isfinite(tracks.boxes).all(), f"frame {k}"
        assert (tracks.track_ids >= 1).all()
        for i, kind in zip(ids, tracks.class_ids.tolist(), strict=True):
            assert alive.setdefault(i, kind) == kind, f"frame {k}: a track of two classes"
        assert len(tracker._tracks) < 400, f"frame {k}: tracks pile up"
    return len(dead | set(alive))


@EVERY
def test_survives_random_frames(name):
    assert survive(name, 600, seed=1) > 30


@pytest.mark.slow
@EVERY
def test_survives_ten_thousand_random_frames(name):
    assert survive(name, 10_000, seed=2) > 500


@EVERY
def test_memory_stays_flat(name):
    """Births and deaths in each frame; what 200 further frames leave behind."""
    frames = scene(3, 50)
    tracker = make(name)

    def run(start: int, count: int) -> None:
        for k in range(start, start + count):
            tracker.update(frames[k % len(frames)], pts=k / FPS)

    run(0, 200)
    gc.collect()
    tracemalloc.start()
    try:
        run(200, 200)
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 150_000, f"{left} bytes"
