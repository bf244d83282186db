"""draw.mosaic: cells, states, the host, several threads, a whole run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstream import Pipeline
from vidstream.errors import ConfigError
from vidstream.graph.commons import Commons
from vidstream.graph.params import make_params
from vidstream.stages.draw.mosaic import Mosaic
from vidstream.stages.draw.wall import Wall, grid
from vidstream.types import Canvas, SourceState, SourceStatus, StreamInfo, View

SIZE = (640, 360)


class Steps:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


class Site:
    """Mosaic stages of several cameras that share a wall."""

    def __init__(self, *names: str, **options: Any) -> None:
        self.clock, self.commons = Steps(), Commons()
        self.options = {"size": list(SIZE), **options}
        self.stages = {name: self.join(name) for name in names}

    def join(self, name: str) -> Any:
        stage = Mosaic(make_params(Mosaic.Params, self.options, "wall"))
        stage.source, stage.clock, stage.commons = name, self.clock, self.commons
        stage.open(StreamInfo(name, 64, 48))
        return stage

    def say(self, name: str, state: SourceState, cause: str = "", ago: float = 0.0) -> None:
        self.stages[name].on_status(SourceStatus(name, state, cause, self.clock.now - ago, 0.0))

    def host(self, name: str) -> Canvas:
        """The whole, by the lane that has it."""
        canvas = self.show(name)
        assert canvas is not None
        return canvas

    def show(self, name: str, colour: int = 200, size: tuple[int, int] = (160, 90)) -> Canvas | None:
        picture: Canvas | None = self.stages[name].process(View(flat(colour, size)))
        return picture


def flat(colour: int, size: tuple[int, int]) -> np.ndarray:
    return np.full((size[1], size[0], 3), colour, np.uint8)


def cell_of(canvas: Canvas, number: int, count: int) -> np.ndarray:
    """The middle of a cell, where no title is."""
    x, y, width, height = grid(count, SIZE, None, 2)[number]
    return canvas.pixels[y + height // 2 - 20 : y + height // 2 + 40, x : x + width]


@given(st.integers(1, 40), st.sampled_from([None, 1, 2, 3, 7]), st.integers(64, 800), st.integers(64, 800))
def test_cells_lie_beside_each_other_and_inside(count: int, columns: Any, width: int, height: int) -> None:
    taken = np.zeros((height, width), np.uint8)
    cells = grid(count, (width, height), columns, 1)
    assert len(cells) == count
    for x, y, wide, tall in cells:
        assert wide > 0
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + tall <= height
        taken[y : y + tall, x : x + wide] += 1
    assert taken.max() <= 1


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (9, 3), (10, 4), (16, 4)]
)
def test_as_many_columns_as_make_pictures_largest(count: int, columns: int) -> None:
    assert len({x for x, *_ in grid(count, (1280, 720), None, 4)}) == columns


def test_the_wall_comes_out_in_one_lane_with_the_newest_picture_of_each() -> None:
    site = Site("b", "a")
    assert (canvas := site.show("a", 60)) is not None
    assert site.show("b", 180) is None
    canvas = site.show("a", 60)
    assert canvas is not None
    assert (canvas.width, canvas.height) == SIZE
    assert int(np.median(cell_of(canvas, 0, 2))) == 60, "in the order of their names"
    assert int(np.median(cell_of(canvas, 1, 2))) == 180
    before = canvas.pixels.copy()
    site.show("b", 90)
    assert np.array_equal(canvas.pixels, before), "what was given is not written into"


@pytest.mark.parametrize("size", [(40, 300), (301, 20), (1920, 1080), (1, 1)], ids=str)
def test_any_shape_fits_whole(size: tuple[int, int]) -> None:
    site = Site("a")
    canvas = site.show("a", 200, size)
    assert canvas is not None
    bright = (canvas.pixels[:, :, 0] == 200).sum(axis=None)
    share = min(SIZE[0] / size[0], SIZE[1] / size[1])
    assert bright > 0.7 * size[0] * share * size[1] * share


def test_gray_pictures_are_shown() -> None:
    site = Site("a")
    assert site.stages["a"].process(View(np.full((90, 160), 77, np.uint8))) is not None


def test_a_camera_that_is_away_turns_gray_and_says_so() -> None:
    site = Site("a", "b")
    coloured = np.zeros((90, 160, 3), np.uint8)
    coloured[:, :, 2] = 250
    site.stages["b"].process(View(coloured))
    site.say("b", "lost", "refused", ago=3)
    site.show("a")
    canvas = site.show("a")
    assert canvas is not None
    x, y, width, height = grid(2, SIZE, None, 2)[1]
    low = canvas.pixels[y + height // 2 + 50 : y + height // 2 + 70, x + 20 : x + width - 20]
    assert (low.max(axis=2) == low.min(axis=2)).all(), "gray"
    middle = canvas.pixels[y + height // 2 - 30 : y + height // 2 + 30, x : x + width]
    assert middle.max() > 200, "and text on it"
    before = middle.copy()
    site.clock.now += 60
    canvas = site.host("a")
    after = canvas.pixels[y + height // 2 - 30 : y + height // 2 + 30, x : x + width]
    assert (after != before).any(), "the time goes on"
    site.say("b", "live")
    site.stages["b"].process(View(coloured))
    canvas = site.host("a")
    assert int(np.median(canvas.pixels[y + height // 2 + 50, x + 20 : x + width - 20, 2])) == 250


def test_another_camera_takes_over_where_the_host_is_away() -> None:
    site = Site("a", "b", "c")
    assert site.show("b") is not None, "the first that is live"
    assert site.show("a") is None
    site.clock.now += 2.5
    assert site.show("c") is not None, "nothing came from b"
    assert site.show("b") is None, "and c goes on"
    site.say("c", "lost")
    assert site.show("b") is not None
    site.stages["b"].close()
    assert site.show("a") is not None


def test_the_host_that_was_wished_for_takes_it_back() -> None:
    site = Site("a", "b", host="b")
    assert site.show("a") is not None
    assert site.show("b") is not None
    assert site.show("a") is None
    site.clock.now += 3
    assert site.show("a") is not None
    assert site.show("b") is not None


def test_who_leaves_gives_its_cell_back_unless_a_place_was_asked_for_it() -> None:
    site = Site("a", "b", order=["z", "a"])
    canvas = site.host("a")
    assert int(np.median(cell_of(canvas, 1, 3))) == 200, "z has the first cell though it is not there"
    site.stages["b"].close()
    canvas = site.host("a")
    assert int(np.median(cell_of(canvas, 1, 2))) == 200
    site.stages["b"] = site.join("b")
    canvas = site.host("a")
    assert int(np.median(cell_of(canvas, 1, 3))) == 200


def test_it_is_safe_from_many_threads() -> None:
    site = Site(*"abcdefgh")
    faults: list[BaseException] = []
    given: list[int] = []
    over = threading.Event()

    def work(name: str, seed: int) -> None:
        draw = np.random.default_rng(seed)
        try:
            while not over.is_set():
                size = (int(draw.integers(1, 200)), int(draw.integers(1, 200)))
                if site.show(name, int(draw.integers(0, 255)), size) is not None:
                    given.append(seed)
                site.say(name, "lost" if draw.random() < 0.2 else "live")
                if draw.random() < 0.05:
                    site.stages[name].close()
                    site.stages[name] = site.join(name)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(name, i)) for i, name in enumerate(site.stages)]
    for thread in threads:
        thread.start()
    time.sleep(0.6)
    over.set()
    for thread in threads:
        thread.join(10)
    assert faults == []
    assert given
    for stage in site.stages.values():
        stage.close()


def test_who_has_ended_says_so_on_its_last_picture() -> None:
    site = Site("a", "b", order=["a", "b"])
    site.show("b")
    site.stages["b"].close()
    assert 0 < int(np.median(cell_of(site.host("a"), 1, 2)[:10])) < 150
    wall = site.stages["a"]._wall
    assert wall._words(wall._cameras["b"]) == ("ended",)


def test_titles_can_be_left_out() -> None:
    with_titles, without = (Site("a", titles=titles).show("a") for titles in (True, False))
    assert with_titles is not None
    assert without is not None
    assert (without.pixels == 200).all()
    assert not (with_titles.pixels == 200).all()


def test_a_size_that_nobody_can_draw_on_is_refused() -> None:
    with pytest.raises(ConfigError, match="no size for a wall"):
        Pipeline.build(source="synthetic:people", graph={"wall": {"use": "draw.mosaic", "size": [10, 10]}})


def test_words_of_states() -> None:
    clock: Callable[[], float] = lambda: 100.0  # noqa: E731 - a clock
    wall = Wall(SIZE, None, ("a",), titles=True, now=clock)
    camera = wall._cameras["a"]
    assert wall._words(camera) == ("not started",)
    wall.join("a")
    wall.tell("a", SourceStatus("a", "auth-failed", "401", 25.0, 0.0))
    assert wall._words(camera) == ("auth failed  1:15", "401")


def test_a_run_of_two_cameras_writes_one_film(tmp_path: Path) -> None:
    pipeline = Pipeline.build(
        sources={
            "gate": {"uri": "synthetic:people", "duration": 2, "fps": 10},
            "dock": {"uri": "synthetic:shapes", "duration": 1, "fps": 10},
        },
        graph={
            "wall": {"use": "draw.mosaic", "size": [320, 180], "host": "gate"},
            "film": {"use": "sink.video", "path": "wall-${source}.mp4"},
        },
        run={"mode": "live", "out": str(tmp_path)},
    )
    assert pipeline.run().exit_code == 0
    with av.open(str(tmp_path / "wall-gate.mp4")) as film:
        frames = [frame.to_ndarray(format="bgr24") for frame in film.decode(video=0)]
    assert frames[0].shape == (180, 320, 3)
    assert len(frames) > 1
