"""Single pictures: when they are taken, how they are named, and that they are what was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.one_stage import picture
from vidstream.errors import SinkError
from vidstream.sinks.images import ImageSink, PosterSink
from vidstream.types import Detections, Event, Events, Tracks, View

At = Callable[..., Any]
Make = Callable[..., Any]


def flat(value: int, width: int = 64, height: int = 48) -> View:
    return View(np.full((height, width, 3), (value, 0, 255 - value), np.uint8))


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def event(kind: str = "line_crossed") -> tuple[Events, ...]:
    return (Events((Event(kind, "gate", 0, 0.0),)),)


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        pytest.param({}, [0, 30, 60], id="once a second by default"),
        pytest.param({"period": 0.5}, [0, 15, 30, 45, 60], id="twice a second"),
        pytest.param({"period": 0}, list(range(70)), id="all of them"),
        pytest.param({"period": 0.5, "limit": 2}, [0, 15], id="no more than two"),
        pytest.param({"trigger": "event"}, [7, 8, 40], id="where something happens"),
        pytest.param(
            {"trigger": "event", "period": 1}, [7, 40], id="where something happens, once a second at most"
        ),
        pytest.param({"trigger": "event", "limit": 1}, [7], id="the first event"),
    ],
)
def test_when_pictures_are_taken(
    make: Make, at: At, tmp_path: Path, options: dict[str, Any], taken: list[int]
) -> None:
    """Frames at 30 per second; something happens on frames 7, 8 and 40."""
    sink = make(ImageSink, path="{seq}.jpg", **options)
    for seq in range(70):
        sink.process(flat(seq), at(seq, round(seq / 30, 4)), event() if seq in (7, 8, 40) else (Events(),))
    assert names(tmp_path) == [f"{seq:06d}.jpg" for seq in taken]


def test_a_new_segment_starts_its_own_time(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(ImageSink, path="{seq}.png", period=10)
    for seq, (segment, pts) in enumerate([(0, 0.0), (0, 9.0), (1, 0.0), (1, 1.0)]):
        sink.process(flat(0), at(seq, pts, segment=segment))
    assert names(tmp_path) == ["000000.png", "000002.png"]


@pytest.mark.parametrize(
    ("path", "source", "kind", "expected"),
    [
        pytest.param("{source}-{seq}.png", "gate", "in", "gate-000007.png", id="source and number"),
        pytest.param(
            "{source}/{pts}.png", "gate", "in", "gate/00001.500.png", id="time, in a folder of the source's"
        ),
        pytest.param(
            "{event}-{seq}.jpeg", "gate", "zone_entered", "zone_entered-000007.jpeg", id="the event's kind"
        ),
        pytest.param("latest.png", "gate", "in", "latest.png", id="no field: the newest only"),
        pytest.param("{source}.png", "a/../../b", "in", "a_.._.._b.png", id="a source name that is a path"),
        pytest.param("{source}/{seq}.png", "..", "in", "_/000007.png", id="a source name that leads up"),
        pytest.param("{event}.png", "gate", "x/../../../y", "x_.._.._.._y.png", id="an event that is a path"),
        pytest.param("{source}.png", "тор 1", "in", "тор_1.png", id="letters of all alphabets"),
    ],
)
def test_names(make: Make, at: At, tmp_path: Path, path: str, source: str, kind: str, expected: str) -> None:
    sink = make(ImageSink, path=path)
    sink.process(flat(1), at(7, 1.5, source=source), event(kind))
    assert names(tmp_path) == [expected]


def test_no_folder_is_named_after_a_field(make: Make, tmp_path: Path) -> None:
    make(ImageSink, path="stills/{source}/{seq}.png")
    assert [p.name for p in tmp_path.rglob("*")] == ["stills"]


def test_the_newest_picture_replaces_the_one_before(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(ImageSink, path="latest.png", period=0)
    for seq in range(3):
        sink.process(flat(seq * 50), at(seq, seq * 0.1))
    assert picture(tmp_path / "latest.png").pixels[0, 0].tolist() == [100, 0, 155]


def test_a_link_out_of_the_folder_is_not_followed(make: Make, at: At, tmp_path: Path) -> None:
    root = tmp_path / "out"
    root.mkdir()
    (root / "gate").symlink_to(tmp_path)
    sink = make(ImageSink, root=root, path="{source}/{seq}.png")
    with pytest.raises(SinkError, match="outside the output folder"):
        sink.process(flat(0), at(0, 0.0))


def test_the_limit_is_told_once(make: Make, at: At) -> None:
    sink = make(ImageSink, path="{seq}.png", period=0, limit=2)
    for seq in range(5):
        sink.process(flat(0), at(seq, seq * 0.1))
    assert sink.notices == [("limit-reached", "2 pictures are written: no more will be")]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPG"])
def test_the_picture_is_the_one_given(make: Make, at: At, tmp_path: Path, assets: Any, name: str) -> None:
    photo = picture(assets("pictures/dog.jpg"))
    make(ImageSink, path=name, quality=95).process(photo, at(0, 0.0))
    back = picture(tmp_path / name)
    if name == "a.png":
        assert (back.pixels == photo.pixels).all()
    else:
        assert cv2.PSNR(back.pixels, photo.pixels) > 35


def test_quality_is_that_of_jpeg(make: Make, at: At, tmp_path: Path, assets: Any) -> None:
    photo = picture(assets("pictures/dog.jpg"))
    for quality in (20, 95):
        make(ImageSink, path=f"{quality}.jpg", quality=quality).process(photo, at(0, 0.0))
    assert (tmp_path / "20.jpg").stat().st_size * 3 < (tmp_path / "95.jpg").stat().st_size


def test_a_gray_picture(make: Make, at: At, tmp_path: Path) -> None:
    gray = np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)
    make(ImageSink, path="a.png").process(View(gray), at(0, 0.0))
    assert np.array_equal(np.asarray(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)), gray)


def test_a_picture_too_large_for_jpeg(make: Make, at: At) -> None:
    with pytest.raises(SinkError, match=r"70000x1 cannot be encoded as \.jpg; resize it"):
        make(ImageSink, path="a.jpg").process(View(np.zeros((1, 70_000, 3), np.uint8)), at(0, 0.0))


def test_a_full_disk_is_one_error_and_no_half_picture(
    make: Make, at: At, small_disk: Callable[[int], Path]
) -> None:
    folder = small_disk(64)
    noise = View(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8))
    with pytest.raises(SinkError, match="the disk is full"):
        make(ImageSink, root=folder, path="a.png").process(noise, at(0, 0.0))
    assert names(folder) == []


def people(count: int, score: float = 0.5) -> Detections:
    return Detections.of(np.zeros((count, 4)), score)


@pytest.mark.parametrize(
    ("moments", "best"),
    [
        pytest.param([people(1), people(3), people(2)], 1, id="the most objects"),
        pytest.param([people(2, 0.5), people(2, 0.9), people(2, 0.6)], 1, id="among equals the surest"),
        pytest.param([people(1), people(2), people(2)], 1, id="among equals the earliest"),
        pytest.param([people(0), people(0)], 0, id="nothing at all: the first"),
        pytest.param(
            [
                Tracks.of(
                    np.zeros((3, 4)),
                    0.5,
                    0,
                    range(3),
                    extra={"since_update": np.array([0, 1, 1], np.float32)},
                ),
                Tracks.of(
                    np.zeros((2, 4)), 0.5, 0, range(2), extra={"since_update": np.array([0, 0], np.float32)}
                ),
            ],
            1,
            id="objects that are only predicted do not count",
        ),
    ],
)
def test_the_poster_is_the_best_moment(
    make: Make, tmp_path: Path, moments: list[Detections], best: int
) -> None:
    sink = make(PosterSink, path="poster.png")
    for number, objects in enumerate(moments):
        sink.process(flat(number * 10), objects)
    assert names(tmp_path) == []
    sink.flush()
    assert picture(tmp_path / "poster.png").pixels[0, 0].tolist() == [best * 10, 0, 255 - best * 10]


def test_no_frame_no_poster(make: Make, tmp_path: Path) -> None:
    sink = make(PosterSink, path="poster.png")
    sink.flush()
    sink.close()
    assert names(tmp_path) == []
