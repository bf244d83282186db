"""Stages that are slow, raise, hang, return junk or leak; the cameras beside them must not notice."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_table import Recorder
from tests.support.live_site import BUSY, Site, p95
from tests.support.program import Program
from vidstream import Stage, stage
from vidstream.types import Detections, FrameInfo, View

#: ends every stage that hangs, so that no thread is left when the tests are over
OVER = threading.Event()
#: set by the one stage of a case that hangs: its substitute does not
HUNG = threading.Event()


@pytest.fixture(autouse=True)
def let_go() -> Any:
    """Stages that hang return when their case is over."""
    OVER.clear()
    HUNG.clear()
    yield
    OVER.set()


@stage("fault.slow", heavy=True)
class Slow(Stage):
    """Takes five times as long as a frame of a camera with 25 a second."""

    def process(self, image: View) -> Detections:
        time.sleep(0.2)
        return Detections.of([[0, 0, 1, 1]])


@stage("fault.slow_sink", sink=True, heavy=True)
class SlowSink(Stage):
    """A sink that takes five times as long."""

    def process(self, image: View) -> None:
        time.sleep(0.2)


class Trouble(Stage):
    """What the stages of this page share: trouble with every 40th frame of the camera called gate."""

    def due(self, frame: FrameInfo) -> bool:
        return frame.source == "gate" and frame.seq % 40 == 39


@stage("fault.raises")
class Raises(Trouble):
    """Raises now and then."""

    def process(self, image: View, frame: FrameInfo) -> Detections:
        if self.due(frame):
            raise ZeroDivisionError("the stage's own mistake")
        return Detections.of([[0, 0, 1, 1]])


@stage("fault.junk")
class Junk(Trouble):
    """Gives something else than it promised."""

    def process(self, image: View, frame: FrameInfo) -> Detections:
        return "junk" if self.due(frame) else Detections.of([[0, 0, 1, 1]])  # type: ignore[return-value]  # the fault


@stage("fault.hangs")
class Hangs(Trouble):
    """Never returns from the 40th frame."""

    def process(self, image: View, frame: FrameInfo) -> Detections:
        if frame.source == "gate" and frame.seq >= 75 and not HUNG.is_set():
            HUNG.set()
            OVER.wait()
        return Detections.of([[0, 0, 1, 1]])


@stage("fault.hanging_sink", sink=True, heavy=True)
class HangingSink(Trouble):
    """A sink that never returns from one frame."""

    def process(self, image: View, frame: FrameInfo) -> None:
        if frame.source == "gate" and frame.seq >= 75 and not HUNG.is_set():
            HUNG.set()
            OVER.wait()


@stage("fault.raising_sink", sink=True)
class RaisingSink(Trouble):
    """A sink that raises."""

    def process(self, image: View, frame: FrameInfo) -> None:
        if self.due(frame):
            raise OSError("the device is gone")


def check_bystander(running: Site, record: Recorder, since: float) -> None:
    """It has lost nothing and never started over."""
    record("waited for the processor", 100 * running.busy(since), "%", on="the whole site")
    record("frames lost", running.missing("bystander", since), "", "= 0", on="another camera")
    record("restarts", running.segments("bystander") - 1, "", "= 0", on="another camera")
    assert running.segments("bystander") == 1
    assert running.loses_little("bystander", since)


@pytest.mark.parametrize("kind", ["rtsp", "ts", "mjpeg"])
@pytest.mark.parametrize("slow", [pytest.param(Slow, id="stage"), pytest.param(SlowSink, id="sink")])
def test_slow(cameras: Any, site: Any, record: Recorder, kind: str, slow: type[Stage]) -> None:
    """A consumer that is five times too slow"""
    running = site({"gate": cameras(kind).url}, {"slow": slow})
    running.wait_for_frames("gate", 5)
    began = time.monotonic()
    time.sleep(8)
    ages = running.ages("gate", began)
    record("frame age p95", 1000 * p95(ages), "ms", "<= 300")
    record("frame age median", 1000 * sorted(ages)[len(ages) // 2], "ms")
    record("frames given", len(ages) / 8, "per s")
    record("waited for the processor", 100 * running.busy(began), "%")
    half = len(ages) // 2
    if running.busy(began) < BUSY:
        assert p95(ages) <= 0.6
        middle, end = sorted(ages[:half])[half // 2], sorted(ages[half:])[half // 2]
        assert end <= middle + 0.15, "the age must not grow"


@pytest.mark.parametrize("broken", [Raises, Junk, RaisingSink], ids=["raises", "returns junk", "sink raises"])
def test_failing(cameras: Any, site: Any, record: Recorder, broken: type[Stage]) -> None:
    """A stage that raises or returns junk"""
    urls = {"gate": cameras("rtsp").url, "bystander": cameras("mjpeg").url}
    running = site(
        urls, {"odd": {"use": broken, "on_error": "skip"}, "size": {"use": "image.resize", "width": 80}}
    )
    for name in urls:
        running.wait_for_frames(name, 10)
    began = time.monotonic()
    time.sleep(6)
    check_bystander(running, record, began)
    running.stop()
    report = running.pipeline.report
    ledger = report.sources[0].ledger
    record("ledger is exact", ledger.balanced, "", "= 1")
    record(
        "frames given",
        len(running.after("gate", began)) / 6,
        "per s",
        "" if broken is RaisingSink else ">= 20",
    )
    assert ledger.balanced
    assert len(running.after("gate", began)) > 60
    assert any(n.stage == "odd" for n in running.engine.notices.counts)
    assert report.exit_code == 3


@pytest.mark.parametrize("broken", [Hangs, HangingSink], ids=["stage", "sink"])
def test_hanging(cameras: Any, site: Any, record: Recorder, broken: type[Stage]) -> None:
    """A stage that hangs"""
    urls = {"gate": cameras("rtsp").url, "bystander": cameras("mjpeg").url}
    running = site(urls, {"odd": broken, "size": {"use": "image.resize", "width": 80}})
    for name in urls:
        running.wait_for_frames(name, 10)
    began = time.monotonic()

    def silence() -> float:
        """The longest time without a frame that is over."""
        times = [f.at for f in running.after("gate", began)]
        return max((b - a for a, b in pairwise(times)), default=0.0)

    running.wait(
        lambda: silence() > 0.8 or len(running.after("gate", began)) > 500, "the hung stage's return", 45
    )
    record("no frames for", silence(), "s", "<= 5")
    running.wait_for_frames("gate", 25, time.monotonic())
    record("told", sum(n.kind == "stage-hung" for n in running.engine.notices.counts), "times", "= 1")
    check_bystander(running, record, began)
    running.stop()
    record("stop", running.stopped_after, "s", "<= 3")
    assert silence() <= 10
    assert running.stopped_after <= 6


def test_all_hang(cameras: Any, site: Any, record: Recorder) -> None:
    """Stop while stages of all cameras hang"""

    @stage("fault.all_hang", heavy=True)
    class AllHang(Stage):
        """Never returns from the tenth frame."""

        def process(self, image: View, frame: FrameInfo) -> Detections:
            if frame.seq > 10:
                OVER.wait()
            return Detections.of([[0, 0, 1, 1]])

    running = site({kind: cameras(kind).url for kind in ("rtsp", "mjpeg", "ts")}, {"odd": AllHang})
    time.sleep(3)
    running.stop()
    record("stop", running.stopped_after, "s", "<= 3")
    assert running.stopped_after <= 6


LEAK = '''
from vidstream import Stage, stage
from vidstream.types import View

@stage("fault.leaks")
class Leaks(Stage):
    """Keeps 50 kB of every frame."""

    def open(self, stream):
        self.kept = []

    def process(self, image: View) -> None:
        self.kept.append(bytearray(b"x" * {size}))
'''


@pytest.mark.parametrize(
    ("size", "code"),
    [pytest.param(50_000, 3, id="50 kB a frame"), pytest.param(1, 0, id="nothing")],
)
def test_leaking(said: list[str], record: Recorder, tmp_path: Path, size: int, code: int) -> None:
    """A stage that leaks, found by soak"""
    plugin, config = tmp_path / "leaks.py", tmp_path / "job.yaml"
    plugin.write_text(LEAK.replace("{size}", str(size)))
    config.write_text('source: {uri: "synthetic:shapes", duration: 1h}\ngraph: {leak: fault.leaks}\n')
    with Program("--plugin", plugin, "soak", config, "--minutes", "0.4", "--out", tmp_path) as program:
        assert program.process.wait(90) == code, program.text
        said.append(program.text)
    record("exit code", program.code, "", f"= {code}")
