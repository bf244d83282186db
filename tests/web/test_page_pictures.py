"""Pictures: made once for all who look, not at all for nobody, and never old ones as new."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import cv2
import numpy as np
import pytest

from tests.support.page_run import Running, parts, wait_for
from vidstream.types import Image, Packet, Pixels, View
from vidstream.web.looks import LAYERS
from vidstream.web.scaling import cutting, shrunk

Start = Callable[..., Running]
LOOK = "/api/v1/pictures?width=320"


def decoded(data: bytes) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def is_grey(pixels: Pixels) -> bool:
    spread = pixels.max(axis=2).astype(int) - pixels.min(axis=2)
    return float(np.quantile(spread, 0.95)) < 12


def test_eight_who_look_cost_as_much_as_one(running: Start) -> None:
    run = running()
    run.first()
    studio = run.page.watcher.studio
    assert studio.encoded == 0, "nobody has looked yet"
    with ExitStack() as stack:
        streams = [parts(stack.enter_context(run.client.stream(LOOK))) for _ in range(8)]
        wait_for(lambda: studio.viewers == 8)
        before, seen = studio.encoded, set()
        for _ in range(10):
            for stream in streams:
                head, _ = next(stream)
                assert head["x-source"] == "gate"
                assert float(head["x-age"]) < 30
                seen.add(int(head["x-frame"]))
        made = studio.encoded - before
        assert made <= len(seen) + 30, "eighty pictures were sent, but each was made once"
        assert len(studio._feeds) == 1
    wait_for(lambda: studio.viewers == 0)
    time.sleep(0.2)  # a picture under way may still be finished
    made = studio.encoded
    done = run.engine.lanes[0].passages[-1].ledger.done
    wait_for(lambda: run.engine.lanes[0].passages[-1].ledger.done > done + 5)
    assert studio.encoded == made, "nobody looks, so nothing is drawn"


def test_who_is_slow_gets_the_newest_and_not_all(running: Start) -> None:
    run = running(sources={"gate": {"use": "puppet", "size": [1280, 720]}})
    run.first()
    with run.client.stream("/api/v1/pictures?width=1280") as answer:
        stream = parts(answer)
        first = int(next(stream)[0]["x-frame"])
        ledger = run.engine.lanes[0].passages[-1].ledger
        wait_for(lambda: ledger.decoded > first + 40)
        numbers = [int(next(stream)[0]["x-frame"]) for _ in range(12)]
        assert numbers == sorted(set(numbers))
    assert run.page.watcher.studio.viewers <= 1


def test_a_picture_that_is_not_new_says_so(running: Start) -> None:
    run = running()
    run.first()
    path = "/api/v1/sources/gate/picture.jpg?width=320"
    fresh = wait_for(lambda: (a := run.client.ask(path)).headers.get("x-stale") == "false" and a)
    assert not is_grey(decoded(fresh.body))
    assert float(fresh.headers["x-age"]) < 5
    run.strings("gate").say("lost", "connection refused")
    stale = wait_for(lambda: (a := run.client.ask(path)).headers.get("x-stale") == "true" and a)
    assert is_grey(decoded(stale.body))
    assert decoded(stale.body).max() > 180, "and there is writing on it"
    with run.client.stream("/api/v1/sources/gate/stream.mjpeg?width=320") as answer:
        stream = parts(answer)
        assert is_grey(decoded(next(stream)[1]))
        assert is_grey(decoded(next(stream)[1])), "its age goes on"
        run.strings("gate").say("live")
        assert any(not is_grey(decoded(data)) for _, (_, data) in zip(range(40), stream, strict=False))


def test_a_camera_that_hangs_without_a_word_is_not_shown_as_new(running: Start) -> None:
    run = running()
    run.first()
    run.strings("gate").playing.clear()
    path = "/api/v1/sources/gate/picture.jpg?width=320"
    assert wait_for(lambda: (a := run.client.ask(path)).headers.get("x-stale") == "true" and a)


def test_a_camera_that_has_never_come_has_a_picture_that_says_so(running: Start) -> None:
    run = running(sources={"gate": {"use": "puppet"}, "yard": "rtsp://127.0.0.1:9/cam"})
    answer = wait_for(lambda: (a := run.client.ask("/api/v1/sources/yard/picture.jpg")).status == 200 and a)
    assert answer.headers["x-stale"] == "true"
    assert "x-age" not in answer.headers


def ink(pixels: Pixels) -> int:
    """How many pixels are neither the ground nor the square."""
    ground = np.abs(pixels.astype(int) - (60, 90, 40)).max(axis=2) < 30
    square = np.abs(pixels.astype(int) - (40, 90, 250)).max(axis=2) < 60
    return int((~ground & ~square).sum())


def test_layers_are_drawn_as_they_are_asked_for(running: Start) -> None:
    run = running()
    run.first()
    amounts: dict[str, int] = {}
    for name, query in {
        "plain": "&layers=",
        "boxes": "&layers=boxes",
        "all": f"&layers={','.join(LAYERS)}",
    }.items():

        def look(query: str = query) -> int | None:
            answer = run.client.ask(f"/api/v1/sources/gate/picture.jpg?width=320{query}")
            return ink(decoded(answer.body)) + 1 if answer.headers.get("x-stale") == "false" else None

        amounts[name] = wait_for(look)
    assert amounts["plain"] < amounts["boxes"] < amounts["all"]
    assert run.client.ask("/api/v1/sources/gate/picture.jpg?layers=boxes,nonsense").status == 400
    assert run.client.ask("/api/v1/sources/gate/picture.jpg?width=0").status == 400


def test_what_the_graph_turns_is_shown_turned(running: Start) -> None:
    graph = {"turn": {"use": "image.rotate", "angle": 90}, "find": "puppet.find"}
    run = running(graph=graph)
    run.first()
    for query in ("", "&layers=", "&layers=boxes"):
        path = f"/api/v1/sources/gate/picture.jpg?width=640{query}"
        answer = wait_for(
            lambda path=path: (a := run.client.ask(path)).headers.get("x-stale") == "false" and a
        )
        assert decoded(answer.body).shape[:2] == (320, 180), query


def test_where_the_graph_draws_some_frames_only_these_are_shown(running: Start) -> None:
    run = running(graph={"find": "puppet.find", "draw": {"use": "draw.overlay", "every": 4}})
    run.first()
    drawn: set[int] = set()
    run.engine.watch(lambda packet: drawn.add(packet.seq) if "draw.canvas" in present(packet) else None)
    with run.client.stream(LOOK) as answer:
        stream = parts(answer)
        wait_for(lambda: len(drawn) > 1)
        start = min(drawn)
        frames = [int(next(stream)[0]["x-frame"]) for _ in range(8)]
    assert {frame for frame in frames if frame >= start} <= drawn, (
        "not one in the graph's style, three in another"
    )


def present(packet: Packet) -> set[str]:
    return {key for key, value in packet.results.items() if value is not None}


def test_hidden_faces_stay_hidden(running: Start) -> None:
    hide = {"use": "face.hide", "in": {"faces": "find"}, "method": "fill"}
    run = running(graph={"find": {"use": "puppet.find", "each": 5}, "hide": hide})
    run.first()
    assert run.client.ask("/api/v1/sources/gate").json["layers"] == []

    def red(body: bytes) -> int:
        return int((np.abs(decoded(body).astype(int) - (40, 90, 250)).max(axis=2) < 40).sum())

    event = wait_for(lambda: run.client.ask("/api/v1/events").json["events"])[0]
    assert red(run.client.ask(event["snapshot"]).body) < 600
    for query in ("", "&layers=", "&layers=boxes"):
        path = f"/api/v1/sources/gate/picture.jpg?width=320{query}"
        answer = wait_for(lambda path=path: (a := run.client.ask(path)).status == 200 and a)
        assert red(answer.body) < 600, "of the square's 1600 pixels only the corners are to be seen"


@pytest.mark.parametrize(
    ("box", "size"),
    [
        pytest.param((100.0, 50.0, 140.0, 90.0), (88, 88), id="with some of what is around it"),
        pytest.param((0.0, 0.0, 40.0, 40.0), (64, 64), id="at the edge"),
        pytest.param((-50.0, -50.0, -20.0, -20.0), (320, 180), id="outside: the whole picture"),
        pytest.param(None, (320, 180), id="without a place: the whole picture"),
    ],
)
def test_what_happened_is_cut_out(
    box: tuple[float, float, float, float] | None, size: tuple[int, int]
) -> None:
    image: Image = View(np.zeros((360, 640, 3), np.uint8))
    found = cutting(image, box)
    assert found.shape[1::-1] == size


def test_smaller_pictures_know_the_way_back() -> None:
    small = shrunk(View(np.zeros((720, 1280, 3), np.uint8)), 320)
    assert (small.width, small.height) == (320, 180)
    back = small.boxes_to_source(np.array([[10, 20, 30, 40]], np.float32))
    assert back.tolist() == [[40.0, 80.0, 120.0, 160.0]]
    tall = shrunk(View(np.zeros((2000, 100, 3), np.uint8)), 320)
    assert tall.height <= 640
