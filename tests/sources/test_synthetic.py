"""Drawn scenes: the same every time, and true to what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clips import Watched, read_all
from vidstream.errors import ParamError
from vidstream.geometry import iou
from vidstream.graph.params import make_params
from vidstream.sources.synthetic import Synthetic

SCENES = ["shapes", "people", "text"]


def made(**params: object) -> Synthetic:
    return Synthetic(make_params(Synthetic.Params, params, "source"))


@pytest.mark.parametrize("scene", SCENES)
def test_the_same_options_give_the_same_pixels(scene: str) -> None:
    options = {"uri": f"synthetic:{scene}", "duration": 0.4, "size": [320, 240]}
    first, again = read_all(Synthetic, **options), read_all(Synthetic, **options)
    other = read_all(Synthetic, **options, seed=1)
    assert len(first) == 10
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.pixels, b.pixels)
    assert not np.array_equal(first[0].pixels, other[0].pixels)


@pytest.mark.parametrize(
    ("uri", "scene"), [("synthetic", "shapes"), ("synthetic:", "shapes"), ("synthetic:people", "people")]
)
def test_the_address_names_the_scene(uri: str, scene: str) -> None:
    assert made(uri=uri).params.scene == scene


def test_an_unknown_scene_is_refused_with_a_hint() -> None:
    with pytest.raises(ParamError, match=r"uri: there is no scene 'peple'; did you mean 'people'\?"):
        made(uri="synthetic:peple")


def test_a_size_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ParamError, match=r"size: more pixels .* above 64 megapixels"):
        made(size=[9000, 8000])


def test_times_and_what_is_known_on_opening() -> None:
    with Watched(Synthetic, size=[200, 100], fps=50, duration="2s") as scene:
        info, frames = scene.info, list(scene)
    assert (info.width, info.height, info.fps, info.duration, info.frames) == (200, 100, 50, 2, 100)
    assert [f.pts for f in frames] == [n / 50 for n in range(100)]
    assert {f.pixels.shape for f in frames} == {(100, 200, 3)}
    assert not any(f.pixels.flags.writeable for f in frames)


@pytest.mark.parametrize("scene", SCENES)
@given(index=st.integers(0, 2000), objects=st.integers(1, 12), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_the_truth_is_in_the_picture_and_ids_are_unique(
    scene: str, index: int, objects: int, seed: int
) -> None:
    truth = made(uri=f"synthetic:{scene}", objects=objects, seed=seed).truth(index)
    assert len(truth) <= objects
    assert len(set(truth.track_ids.tolist())) == len(truth)
    assert (truth.track_ids > 0).all()
    assert (truth.boxes >= 0).all()
    assert (truth.boxes[:, [0, 2]] <= 640).all()
    assert (truth.boxes[:, [1, 3]] <= 480).all()
    assert (truth.boxes[:, 2:] > truth.boxes[:, :2]).all()
    assert {truth.name_of(row) for row in range(len(truth))} <= set(truth.names.values())


@pytest.mark.parametrize("scene", ["shapes", "people"])
def test_the_truth_is_where_something_is_drawn(scene: str) -> None:
    """One object alone: what differs from the same scene without it is its box."""
    one = made(uri=f"synthetic:{scene}", objects=1, duration=60)
    checked = 0
    for index in range(40, 240, 20):
        truth = one.truth(index)
        others = [one.truth(n) for n in range(0, 900, 20)]
        away = next((n * 20 for n, t in enumerate(others) if not iou(truth.boxes, t.boxes).any()), None)
        if len(truth) != 1 or away is None:
            continue
        moved = np.abs(picture(one, index).astype(int) - picture(one, away)).max(axis=2) > 40
        for box in one.truth(away).boxes.astype(int).clip(0):
            moved[box[1] - 12 : box[3] + 12, max(0, box[0] - 40) : box[2] + 40] = False
        rows, columns = np.nonzero(moved)
        drawn = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        assert iou(truth.boxes, drawn)[0, 0] > 0.75
        checked += 1
    assert checked >= 5


def picture(scene: Synthetic, index: int) -> np.ndarray:
    return scene._made().draw(index / scene.params.fps)  # the source itself only goes forward


@pytest.mark.parametrize("scene", ["shapes", "people"])
def test_ids_keep_their_meaning(scene: str) -> None:
    """From frame to frame an object moves a little, whatever it crosses; another person gets another id."""
    source, last = made(uri=f"synthetic:{scene}", objects=8), {}
    longest: dict[int, int] = {}
    for index in range(400):
        truth = source.truth(index)
        now = dict(zip(truth.track_ids.tolist(), truth.boxes, strict=True))
        for track_id, box in now.items():
            longest[track_id] = longest.get(track_id, 0) + 1
            if track_id in last:
                assert np.abs(box - last[track_id]).max() < 20
        last = now
    assert len(longest) == 8 if scene == "shapes" else len(longest) > 8
    assert max(longest.values()) > 100


def test_people_start_from_an_empty_square_and_walk_both_ways() -> None:
    source = made(uri="synthetic:people")
    assert len(source.truth(0)) == 0
    ways = {}
    for index in range(0, 500, 5):
        for box, _, _, track_id in source.truth(index).rows():
            ways.setdefault(track_id, []).append((box[0] + box[2]) / 2)
    directions = {np.sign(xs[-1] - xs[0]) for xs in ways.values() if len(xs) > 3}
    assert directions == {-1.0, 1.0}


def test_text_changes_and_is_named_in_the_truth() -> None:
    source = made(uri="synthetic:text", objects=2)
    words = {source.truth(n).name_of(0) for n in range(0, 500, 5)}
    assert len(words) > 5
    assert all(word.isupper() for word in words)


@pytest.mark.parametrize("size", [[1, 1], [8, 300], [33, 17], [1920, 1080]])
@pytest.mark.parametrize("scene", SCENES)
def test_every_size_can_be_drawn(scene: str, size: list[int]) -> None:
    frames = read_all(Synthetic, uri=f"synthetic:{scene}", size=size, duration=0.2, objects=3)
    assert {f.pixels.shape for f in frames} == {(size[1], size[0], 3)}
