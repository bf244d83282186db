"""sink.video in segments: where they are cut, what they are called, what kills, disks and gaps do to them."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clips import number_of, numbered
from tests.support.one_stage import problems
from vidstream.errors import ParamError, SinkError
from vidstream.graph.clock import SystemClock
from vidstream.graph.params import make_params
from vidstream.sinks.boxes import whole_parts
from vidstream.sinks.mp4 import Mp4Writer, open_new
from vidstream.sinks.video import VideoSink
from vidstream.sinks.worker import Worker
from vidstream.types import Gap, SourceStatus, StreamInfo, View

At = Callable[..., Any]
Make = Callable[..., Any]

LIVE = StreamInfo("gate", 64, 48, fps=25.0, live=True)
#: 2026-11-20 10:00:01.5 UTC
WALL = 1795168801.5
SECONDS = pytest.mark.skipif(sys.platform != "linux", reason="as Linux does it")


def number(index: int, width: int = 64, height: int = 48) -> View:
    """A picture that tells its index."""
    return View(numbered(index, (width, height)))


def noise(seed: int, width: int = 64, height: int = 48) -> View:
    return View(np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8))


def frames(path: Path) -> list[tuple[float, int]]:
    """(time, index) of each picture."""
    with av.open(str(path)) as container:
        return [(float(f.time), number_of(f.to_ndarray(format="bgr24"))) for f in container.decode(video=0)]


def count(path: Path) -> int:
    """Pictures that OpenCV reads."""
    capture = cv2.VideoCapture(str(path))
    return sum(1 for _ in iter(capture.grab, False))


def films(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.mp4"))}


def wait(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
    return found


def kinds(sink: Any) -> list[str]:
    return [kind for kind, _ in sink.notices]


class StepClock(SystemClock):
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now, self.wall = 100.0, WALL

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall


# -- where segments are cut ----------------------------------------------------------------------------


def test_segments_follow_the_clock_and_lose_no_picture(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="gate/%Y-%m-%d/%H-%M-%S.mp4", segment="3s")
    for i in range(90):
        sink.process(number(i), at(i, i * 0.1, wall=WALL + i * 0.1))
    sink.flush()
    found = {name: frames(path) for name, path in films(tmp_path).items()}
    folder = "gate/2026-11-20/10-00-"
    assert list(found) == [f"{folder}{second}.mp4" for second in ("01", "03", "06", "09")]
    assert [index for rows in found.values() for _, index in rows] == list(range(90))
    assert [rows[0] for rows in found.values()] == [(0.0, 0), (0.0, 15), (0.0, 45), (0.0, 75)]
    for rows, path in zip(found.values(), films(tmp_path).values(), strict=True):
        assert [t for t, _ in rows] == pytest.approx([i * 0.1 for i in range(len(rows))], abs=1e-5)
        assert count(path) == len(rows)


def test_segments_of_a_recording_without_a_time_of_day(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="gate.mp4", segment="2s")
    for i in range(50):
        sink.process(number(i), at(i, i * 0.1))
    sink.flush()
    assert list(films(tmp_path)) == [f"gate-19700101T00000{second}Z.mp4" for second in (0, 2, 4)]


def test_segments_by_size(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="gate.mp4", segment_size="150kB", preset="ultrafast", quality=10)
    for i in range(100):
        sink.process(noise(i), at(i, i * 0.04))
    sink.flush()
    sizes = [path.stat().st_size for path in films(tmp_path).values()]
    assert len(sizes) > 2
    assert max(sizes) <= 150_000
    assert sum(count(path) for path in films(tmp_path).values()) == 100


@pytest.mark.parametrize("step", [-3600.0, 3600.0], ids=["put back an hour", "put forward an hour"])
def test_a_clock_that_is_put_changes_nothing(make: Make, at: At, tmp_path: Path, step: float) -> None:
    """Neither how long a segment lasts, nor what is in it; and no file replaces another."""
    for run in range(2):  # the second run finds all its names taken
        sink = make(VideoSink, path="gate.mp4", segment="3s")
        for i in range(60):
            wall = WALL - 1.5 + i * 0.1 + (step if i >= 10 else 0.0)
            sink.process(number(i), at(i, i * 0.1, wall=wall))
        sink.flush()
        found = films(tmp_path)
        assert len(found) == 2 * (run + 1)
    hour = 10 + round(step / 3600)
    first, second = "gate-20261120T100000Z", f"gate-20261120T{hour:02}0003Z"
    assert set(found) == {f"{first}.mp4", f"{first}_2.mp4", f"{second}.mp4", f"{second}_2.mp4"}
    assert all([i for _, i in frames(found[f"{first}{n}.mp4"])] == list(range(30)) for n in ("", "_2"))


def test_a_camera_whose_first_pictures_come_in_one_go(make: Make, at: At, tmp_path: Path) -> None:
    """1.5 s late; the first boundary after that is met all the same."""
    sink = make(VideoSink, path="gate.mp4", segment="3s", stream=LIVE)
    for i in range(60):
        wall = WALL - 1.5 + max(i * 0.1, 1.5)
        sink.process(number(i), at(i, i * 0.1, wall=wall))
    sink.flush()
    names = {name: [i for _, i in frames(path)] for name, path in films(tmp_path).items()}
    assert names == {
        "gate-20261120T100001Z.mp4": list(range(30)),
        "gate-20261120T100003Z.mp4": list(range(30, 60)),
    }


def test_a_new_size_and_a_long_absence_open_a_segment(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="gate.mp4", segment="1h", stream=LIVE)
    for i in range(10):
        sink.process(number(i), at(i, i * 0.1, wall=WALL + i * 0.1))
    sink.on_gap(Gap("reconnect", LIVE, seconds=3.0))
    for i in range(10, 20):
        sink.process(number(i), at(i, (i - 10) * 0.1, segment=1, wall=WALL + 2.9 + i * 0.1))
    sink.on_gap(Gap("reconnect", LIVE, seconds=60.0))
    for i in range(20, 30):
        sink.process(number(i), at(i, (i - 20) * 0.1, segment=2, wall=WALL + 63 + i * 0.1))
    for i in range(30, 40):
        sink.process(number(i, 32, 32), at(i, (i - 20) * 0.1, segment=2, wall=WALL + 63 + i * 0.1))
    sink.flush()
    rows = [frames(path) for path in films(tmp_path).values()]
    assert [[i for _, i in part] for part in rows] == [
        list(range(20)),
        list(range(20, 30)),
        list(range(30, 40)),
    ]
    assert rows[0][10][0] - rows[0][9][0] == pytest.approx(3.0, abs=1e-4), "a short hole keeps its length"
    assert kinds(sink) == ["size-changed"]


def test_equal_input_gives_equal_bytes(make: Make, at: At, tmp_path: Path) -> None:
    written = []
    for run in range(2):
        sink = make(VideoSink, path=f"{run}/%H%M%S.mp4", segment="1s", preset="ultrafast")
        for i in range(60):
            sink.process(noise(i), at(i, i * 0.04))
        sink.flush()
        written.append([path.read_bytes() for path in films(tmp_path / str(run)).values()])
    assert len(written[0]) == 3
    assert written[0] == written[1]


def test_a_time_lapse_in_segments(make: Make, at: At, tmp_path: Path) -> None:
    """A picture a minute, shown ten in a second; an hour to a file."""
    sink = make(VideoSink, path="gate.mp4", segment="1h", fps=10)
    for i in range(90):
        sink.process(number(i), at(i, i * 60.0, wall=WALL - 1.5 + i * 60.0))
    sink.flush()
    rows = [frames(path) for path in films(tmp_path).values()]
    assert [len(part) for part in rows] == [60, 30]
    assert rows[1][-1][0] == pytest.approx(2.9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"path": "%Q.mp4"}, "unknown field '%Q'", id="a field that there is not"),
        pytest.param({"path": "100%.mp4"}, "unknown field '%.'", id="a percent sign"),
        pytest.param({"path": "a.mp4", "keep": {"age": "7d"}}, "needs segments", id="nothing to delete"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    assert words in "".join(problems(VideoSink, **options))


@pytest.mark.parametrize(
    "options",
    [
        {"segment": "0.5s"},
        {"segment_size": "10kB"},
        {"keep": {}},
        {"keep": {"age": 0}},
        {"keep": {"size": "5 books"}},
    ],
    ids=["too short", "too small", "keep says nothing", "keeps nothing", "no size"],
)
def test_values_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ParamError):
        make_params(VideoSink.Params, {"path": "a.mp4", **options}, "film")


# -- names, kills and what they leave ------------------------------------------------------------------


def test_a_file_under_way_says_so_and_plays(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="gate.mp4", segment="1h", stream=LIVE)
    for i in range(30):
        sink.process(number(i), at(i, i * 0.1, wall=WALL))
    wait(lambda: "gate-20261120T100001Z.part.mp4" in films(tmp_path))
    part = tmp_path / "gate-20261120T100001Z.part.mp4"
    wait(lambda: count(part) == 30)  # also what came last: it waits no longer than half a second
    sink.flush()
    assert list(films(tmp_path)) == ["gate-20261120T100001Z.mp4"]


def test_a_recording_of_a_camera_replaces_no_older_one(make: Make, at: At, tmp_path: Path) -> None:
    for _ in range(2):
        sink = make(VideoSink, path="gate.mp4", stream=LIVE)
        for i in range(5):
            sink.process(number(i), at(i, i * 0.1))
        sink.flush()
    assert [count(path) for path in films(tmp_path).values()] == [5, 5]
    assert list(films(tmp_path)) == ["gate-2.mp4", "gate.mp4"]


CHILD = """
import os, sys, time
from pathlib import Path
from tests.support.clips import numbered
from vidstream.graph.params import make_params
from vidstream.sinks.video import VideoSink
from vidstream.types import FrameInfo, StreamInfo, View
sink = VideoSink(make_params(VideoSink.Params, {"path": "gate.mp4", "segment": "1h"}, ""))
sink.out_root = Path(sys.argv[1])
sink.open(StreamInfo("gate", 64, 48, fps=25.0, live=True))
begin = time.monotonic()
for i in range(int(sys.argv[2])):
    time.sleep(max(0.0, begin + i / 25 - time.monotonic()))
    pixels = numbered(i, (64, 48))
    sink.process(View(pixels), FrameInfo("gate", 0, i, i / 25, time.time(), 0.0, 64, 48))
    os.write(1, b".")
time.sleep(60)
"""


@SECONDS
@pytest.mark.parametrize(
    ("given", "most"), [(1000, 0.6), (40, 0.0)], ids=["while pictures come", "a second after the last one"]
)
def test_a_kill_costs_less_than_a_second(tmp_path: Path, given: int, most: float) -> None:
    """SIGKILL strikes a process that records 25 pictures/s; what it leaves is repaired at the next start."""
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(given)]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    assert child.stdout is not None
    written = len(child.stdout.read(min(given, 47)))
    if given < 1000:
        wait(lambda: [len(frames(p)) for p in films(tmp_path).values()] == [given])
    child.kill()
    written += len(child.stdout.read())
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    (left,) = films(tmp_path).values()
    assert left.name.endswith(".part.mp4")
    lost = (written - len(frames(left))) / 25
    assert 0 <= lost <= 1.0 if most else lost == 0
    assert [i for _, i in frames(left)] == list(range(len(frames(left))))


def leave(tmp_path: Path, make: Make, at: At, name: str = "gate-20261120T100001Z.part.mp4") -> Path:
    """A file as a killed process leaves it: three seconds and half a part."""
    sink = make(VideoSink, path="whole.mp4", preset="ultrafast")
    for i in range(100):
        sink.process(noise(i), at(i, i * 0.04))
    sink.flush()
    part = tmp_path / name
    part.write_bytes((tmp_path / "whole.mp4").read_bytes()[:-60_000])
    (tmp_path / "whole.mp4").unlink()
    os.utime(part, (1.0, 2.0))
    return part


def test_what_a_kill_left_is_cut_to_whole_parts_and_named(make: Make, at: At, tmp_path: Path) -> None:
    leave(tmp_path, make, at)
    (tmp_path / "gate-20261120T090000Z.part.mp4").write_bytes(b"\0\0\0\x18ftyp")
    (tmp_path / "other.part.mp4").write_bytes(b"not ours")
    sink = make(VideoSink, path="gate.mp4", segment="1h")
    final = tmp_path / "gate-20261120T100001Z.mp4"
    assert set(films(tmp_path)) == {final.name, "other.part.mp4"}
    assert count(final) % 25 in (0, 13)
    assert count(final) > 25
    assert final.stat().st_mtime == 2.0, "it is as old as it was"
    assert kinds(sink) == ["recording-repaired"] * 2


@pytest.fixture(scope="module")
def whole_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    writer = Mp4Writer(path, (64, 48), rate=25, preset="ultrafast", quality=30, place="film")
    for i in range(60):
        writer.write(number(i).pixels, i / 25)
    writer.close()
    return path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1), tail=st.binary(max_size=40))
def test_wherever_a_kill_strikes(whole_film: bytes, share: float, tail: bytes) -> None:
    """What stays is whole parts; what comes behind them is none of their business."""
    cut = whole_film[: round(share * len(whole_film))]
    end, parts = whole_parts(io.BytesIO(cut + tail))
    if end > len(cut):  # what lay behind made up the last bytes of a part by its number: nothing tells
        assert whole_parts(io.BytesIO(whole_film[:end])) == (end, parts)
        return
    assert parts == cut[:end].count(b"moof")
    if parts:
        with av.open(io.BytesIO(cut[:end]), "r") as container:
            indices = [number_of(f.to_ndarray(format="bgr24")) for f in container.decode(video=0)]
        assert indices == list(range(len(indices)))
        assert len(indices) >= parts
        assert len(cut) - end < len(whole_film) / 3, "no more is given up than has to be"


@given(st.binary(max_size=200))
def test_what_is_no_film_has_no_parts(data: bytes) -> None:
    assert whole_parts(io.BytesIO(data)) == (0, 0)


def test_a_name_that_is_taken_meanwhile_is_not_replaced(make: Make, at: At, tmp_path: Path) -> None:
    leave(tmp_path, make, at)
    (tmp_path / "gate-20261120T100001Z.mp4").write_bytes(b"another")
    make(VideoSink, path="gate.mp4", segment="1h")
    assert (tmp_path / "gate-20261120T100001Z.mp4").read_bytes() == b"another"
    assert count(tmp_path / "gate-20261120T100001Z_2.mp4") > 25


@SECONDS
def test_what_another_process_still_writes_is_left_alone(make: Make, at: At, tmp_path: Path) -> None:
    first = make(VideoSink, path="gate.mp4", segment="1h", stream=LIVE)
    for i in range(30):
        first.process(number(i), at(i, i * 0.1, wall=WALL))
    wait(lambda: films(tmp_path))
    second = make(VideoSink, path="gate.mp4", segment="1h", stream=LIVE)
    for i in range(30):
        second.process(number(i), at(i, i * 0.1, wall=WALL))
    first.flush()
    second.flush()
    assert kinds(second) == []
    assert [count(path) for path in films(tmp_path).values()] == [30, 30]


# -- disks ---------------------------------------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try a disk again sooner than people would want it."""
    monkeypatch.setattr("vidstream.sinks.worker.RETRY", 0.2)


class Feed:
    """Gives a live sink pictures of noise, about 25 kB a second."""

    def __init__(self, sink: Any, at: At) -> None:
        self.sink, self.at, self.index = sink, at, 0

    def until(self, what: Callable[[], Any], seconds: float = 30.0) -> Any:
        """Go on until that holds, in steps of a picture; each call returns at once."""
        until = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < until, f"waited in vain: {self.sink.notices}"
            self.give()
            time.sleep(0.002)
        return found

    def give(self) -> None:
        i = self.index
        self.sink.process(noise(i), self.at(i, i * 0.04, wall=WALL + i * 0.04))
        self.index += 1


@pytest.mark.usefixtures("soon")
def test_a_full_disk_is_told_and_recording_resumes(
    make: Make, at: At, small_disk: Callable[[int], Path]
) -> None:
    folder = small_disk(500)
    sink = make(VideoSink, root=folder, path="gate.mp4", segment="1h", preset="ultrafast", stream=LIVE)
    feed = Feed(sink, at)
    feed.until(lambda: "disk-full" in kinds(sink))
    kept = films(folder)
    assert kept
    assert all(count(path) % 25 in (0, 13) for path in kept.values()), "whole parts, under their names"
    assert not any(".part." in name for name in kept)
    for path in kept.values():
        path.unlink()
    feed.until(lambda: "disk-back" in kinds(sink))
    sink.flush()
    assert kinds(sink)[:2] == ["disk-full", "disk-back"]
    assert all(count(path) for path in films(folder).values())


def test_a_limit_on_files_goes_on_in_the_next(
    make: Make, at: At, tmp_path: Path, file_limit: Callable[..., Any]
) -> None:
    sink = make(VideoSink, path="gate.mp4", segment="1h", preset="ultrafast", stream=LIVE)
    with file_limit(200_000):
        Feed(sink, at).until(lambda: len(films(tmp_path)) > 3)
        sink.flush()
    assert set(kinds(sink)) == {"file-limit", "disk-back"}
    sizes = [(path.stat().st_size, count(path)) for path in films(tmp_path).values()]
    assert all(size <= 200_000 and pictures for size, pictures in sizes)


@SECONDS
@pytest.mark.usefixtures("soon")
def test_a_folder_that_vanishes_comes_back(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="deep/gate.mp4", segment="1h", stream=LIVE)
    feed = Feed(sink, at)
    feed.until(lambda: films(tmp_path))
    shutil.rmtree(tmp_path / "deep")
    feed.until(lambda: "disk-failed" in kinds(sink))
    feed.until(lambda: "disk-back" in kinds(sink))
    sink.flush()
    assert sum(count(path) for path in films(tmp_path).values()) > 0


@pytest.mark.usefixtures("soon")
def test_a_camera_starts_on_a_disk_that_is_not_there(make: Make, at: At, tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"a file where the folder should be")
    sink = make(VideoSink, path="disk/gate.mp4", segment="1h", stream=LIVE)
    feed = Feed(sink, at)
    feed.until(lambda: "disk-failed" in kinds(sink))
    (tmp_path / "disk").unlink()
    feed.until(lambda: "disk-back" in kinds(sink))


class HungFile:
    """A file whose disk hangs until it is let go."""

    def __init__(self, path: Path, go: threading.Event) -> None:
        self._file, self._go = open_new(path), go

    def write(self, data: Any) -> int:
        self._go.wait()
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_hung_disk_holds_nobody_up(
    make: Make, at: At, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 MB wait; then pictures are left out, until the disk goes on. What was written has no damage."""
    go = threading.Event()
    monkeypatch.setattr("vidstream.sinks.segments.open_new", lambda path: HungFile(path, go))
    options = {"path": "gate.mp4", "segment": "1h", "preset": "ultrafast", "quality": 1}
    sink = make(VideoSink, **options, stream=StreamInfo("gate", 640, 480, fps=25.0, live=True))
    pictures = [noise(seed, 640, 480) for seed in range(2)]
    index = 0
    while "recording-behind" not in kinds(sink):  # would never end if a call waited for the disk
        sink.process(pictures[index % 2], at(index, index * 0.04, wall=WALL + index * 0.04))
        index += 1
    waited = index
    assert waited > 30
    for index in range(waited, waited + 30):
        sink.process(number(index, 640, 480), at(index, index * 0.04, wall=WALL + index * 0.04))
    go.set()

    def caught_up() -> bool:
        nonlocal index
        index += 1
        sink.process(number(index, 640, 480), at(index, index * 0.04, wall=WALL + index * 0.04))
        return not sink._recorder.needs_key

    wait(caught_up)
    sink.flush()
    (path,) = films(tmp_path).values()
    with av.open(str(path)) as container:
        read = [float(frame.time) for frame in container.decode(video=0)]
    assert read[: waited - 1] == pytest.approx([i * 0.04 for i in range(waited - 1)], abs=1e-4)
    assert max(np.diff(read)) > 1.0, "the hole shows"
    assert kinds(sink) == ["recording-behind"] * 2


def test_a_queue_that_is_full_takes_what_completes_a_file() -> None:
    go, done = threading.Event(), []
    worker = Worker("test", lambda: None, most_bytes=10)

    def hang() -> None:
        go.wait()

    assert worker.do(hang, 8)
    assert not worker.do(lambda: done.append("too much"), 8)
    assert not worker.do(lambda: done.append("half of it has to be done first"), 1)
    assert worker.do(lambda: done.append("the end"))
    go.set()
    assert worker.close()
    assert done == ["the end"]
    assert not worker.do(lambda: None), "it is closed"


def test_a_disk_that_hangs_for_ever_does_not_hold_up_the_end(
    make: Make, at: At, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr("vidstream.sinks.segments.open_new", lambda path: HungFile(path, go))
    sink = make(VideoSink, path="gate.mp4", segment="1h", stream=LIVE)
    for i in range(30):
        sink.process(number(i), at(i, i * 0.1, wall=WALL))
    sink.flush()  # waits 2 s, not for ever
    sink.close()
    assert kinds(sink) == ["recording-cut"]
    go.set()


def test_a_recording_that_cannot_be_written_is_an_error(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="deep/gate.mp4", segment="1h")
    shutil.rmtree(tmp_path / "deep")
    (tmp_path / "deep").write_bytes(b"")
    with pytest.raises(SinkError, match="a part of its path is a file"):
        sink.process(number(0), at(0, 0.0))


def test_a_camera_that_is_away_for_long_completes_its_file(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="gate.mp4", segment="1h", stream=LIVE)
    sink.clock = clock = StepClock()
    sink._recorder._owner.clock = clock
    for i in range(10):
        sink.process(number(i), at(i, i * 0.1, wall=WALL))
    sink.on_status(SourceStatus("gate", "lost", "gone", 0.0, 0.0))
    wait(lambda: sink._recorder._away_since is not None)
    clock.now += 11.0
    wait(lambda: list(films(tmp_path)) == ["gate-20261120T100001Z.mp4"])
    sink.on_status(SourceStatus("gate", "live", "", 0.0, 0.0))
    sink.on_gap(Gap("reconnect", LIVE, seconds=60.0))
    sink.process(number(12), at(12, 0.0, segment=1, wall=WALL + 60))
    sink.flush()
    assert len(films(tmp_path)) == 2
