"""A site whose file is edited while it runs: `--watch`, SIGHUP, the Python face."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vidstream import Pipeline, builtin
from vidstream.cli import main
from vidstream.cli.reloading import Watcher
from vidstream.config import load
from vidstream.errors import ConfigError, UsageError
from vidstream.graph.change import Wired, differences

ROOT = Path(__file__).resolve().parents[2]
SITE = """
version: 1
include: [zones.yaml]
run: {mode: live}
sources:
  gate: {uri: "synthetic:people", duration: 1h, size: [160, 120], fps: 10}
  dock: {uri: "synthetic:shapes", duration: 1h, size: [160, 120], fps: 10, set: {move.min_area: 0.001}}
graph:
  move: {use: detect.motion, warm_up: 0.1}
  track: track.sort
  zones: {use: count.zone}
  log: {use: sink.jsonl, path: "${source}.jsonl"}
"""
ZONES = "graph: {zones: {zones: {left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}}\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "zones.yaml").write_text(ZONES)
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


def wait_for(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.02)


class Run:
    """`run.py run` as a program, and what it says on stderr so far."""

    def __init__(self, *arguments: str | Path) -> None:
        command = [sys.executable, str(ROOT / "run.py"), "-v", "run", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self.said = ""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def waits_for(self, text: str) -> None:
        wait_for(lambda: text in self.said or self.process.poll() is not None, f"{text!r} in {self.said!r}")
        assert text in self.said

    def ends(self, number: int = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        assert self.process.stdout is not None
        report = self.process.stdout.read()
        assert self.process.wait(20) == 128 + number, self.said
        self._thread.join(5)
        return report


@pytest.fixture
def runs() -> Iterator[Callable[..., Run]]:
    begun: list[Run] = []

    def start(*arguments: str | Path) -> Run:
        begun.append(Run(*arguments))
        return begun[-1]

    yield start
    for run in begun:
        run.process.kill()
        run.process.wait()
        for stream in (run.process.stdout, run.process.stderr):
            assert stream is not None
            stream.close()


def test_saving_the_file_changes_the_run_and_a_bad_edit_is_refused(
    site: Path, tmp_path: Path, runs: Callable[..., Run]
) -> None:
    run = runs(site, "--watch", "--out", tmp_path, "--set", "graph.track.n_init=2")
    gate = tmp_path / "gate.jsonl"
    wait_for(lambda: gate.exists() and gate.stat().st_size > 2000, "the first frames")
    site.write_text(SITE.replace("dock:", "yard:"))
    run.waits_for("reloaded: +yard, -dock")
    site.write_text(SITE.replace("warm_up: 0.1", "warm_upp: 0.1"))
    run.waits_for("reload refused")
    assert "did you mean 'warm_up'?" in run.said
    assert f"{site}:9:" in run.said
    (tmp_path / "zones.yaml").write_text(ZONES.replace("0.5", "0.6"))
    site.write_text(SITE.replace("dock:", "yard:"))
    run.waits_for("gate, yard: zones (zones)")
    report = run.ends()
    lines = gate.read_text().splitlines()
    assert sum('"type": "stream"' in line or '"type":"stream"' in line for line in lines) <= 1, "one life"
    assert "gate:" in report
    assert "dock:" in report
    assert "reload-refused" in report


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_sighup_reads_the_file_again(site: Path, tmp_path: Path, runs: Callable[..., Run]) -> None:
    run = runs(site, "--out", tmp_path, "--set", "run.staleness=0.3")
    wait_for((tmp_path / "gate.jsonl").exists, "the first frames")
    site.write_text(SITE.replace("min_area: 0.001", "min_area: 0.002"))
    run.process.send_signal(signal.SIGHUP)
    run.waits_for("reloaded: dock: move (min_area)")
    run.ends(signal.SIGINT)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_run_of_recordings_refuses(site: Path, tmp_path: Path, runs: Callable[..., Run]) -> None:
    run = runs(site, "--out", tmp_path, "--mode", "offline")
    wait_for((tmp_path / "gate.jsonl").exists, "the first frames")
    run.process.send_signal(signal.SIGHUP)
    run.waits_for("a run of recordings cannot be changed while it runs")
    run.ends()


def test_watching_a_run_of_recordings_is_refused_at_once(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(site), "--watch", "--mode", "offline", "--out", str(tmp_path)]) == 2
    assert "--watch: a run of recordings" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="pseudo terminals")
def test_a_terminal_that_is_closed_ends_the_run_in_order(site: Path, tmp_path: Path) -> None:
    import pty

    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        command = [sys.executable, str(ROOT / "run.py"), "run", "-q", str(site), "--out", str(tmp_path)]
        os.execv(sys.executable, command)
    log = tmp_path / "gate.jsonl"
    wait_for(lambda: log.exists() and log.stat().st_size > 500, "the first frames")
    os.close(terminal)
    deadline = time.monotonic() + 20
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", ["site", "multi_camera", "alarm_rules", "alerts_mqtt", "record"])
def test_reading_a_file_again_is_no_change(name: str) -> None:
    registry = builtin.registry([])
    path = ROOT / "configs" / f"{name}.yaml"
    first, second = (load(path, registry, environ={"CAM_PW": "x"}).description for _ in range(2))
    wired = [[Wired(p, p.wiring) for p in d.plans if p.wiring] for d in (first, second)]
    assert len(wired[0]) == len(first.plans)
    assert differences(*wired) == []
    assert first.run == second.run


# -- the files ---------------------------------------------------------------------------------------------


def test_only_another_content_that_stays_counts(site: Path) -> None:
    watcher = Watcher(site)
    assert not watcher.look()
    os.utime(site)
    assert not watcher.look()
    assert not watcher.look()
    site.write_text(SITE + "# more\n")
    assert not watcher.look(), "it may still be written"
    assert watcher.look()
    assert not watcher.look()


def test_an_include_counts_also_one_that_has_just_joined(site: Path, tmp_path: Path) -> None:
    watcher = Watcher(site)
    site.write_text(SITE.replace("zones.yaml", "zones.yaml, more.yaml"))
    assert [watcher.look(), watcher.look()] == [False, True], "told, though it is not there yet"
    (tmp_path / "more.yaml").write_text("vars: {a: 1}\n")
    assert [watcher.look(), watcher.look()] == [False, True]
    (tmp_path / "zones.yaml").write_text(ZONES + "# more\n")
    assert [watcher.look(), watcher.look()] == [False, True]


@pytest.mark.parametrize("gone", [True, False], ids=["away", "empty"])
def test_a_file_that_is_being_saved_is_no_alarm(site: Path, gone: bool) -> None:
    watcher = Watcher(site)
    site.unlink() if gone else site.write_text("")
    assert [watcher.look() for _ in range(4)] == [False] * 4
    site.write_text(SITE)
    assert [watcher.look() for _ in range(3)] == [False] * 3
    site.unlink() if gone else site.write_text("\n")
    assert [watcher.look() for _ in range(8)].count(True) == 1, "but where it stays so, it is told once"


# -- the Python face ---------------------------------------------------------------------------------------


def test_a_pipeline_reads_its_file_again(site: Path, tmp_path: Path) -> None:
    pipeline = Pipeline.from_yaml(site, overrides={"run.out": str(tmp_path), "graph.track.n_init": "2"})
    thread = threading.Thread(target=pipeline.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: all(p.frames for p in pipeline.engine.progress()), "frames")
        site.write_text(SITE.replace("warm_up: 0.1", "warm_up: 0.1, bogus: 1"))
        with pytest.raises(ConfigError, match="unknown option"):
            pipeline.reload()
        site.write_text(SITE.replace("warm_up: 0.1", "warm_up: 0.2"))
        change = pipeline.reload()
        assert change.wait(20)
        assert change.summary == "gate, dock: move (warm_up)"
        track = pipeline.engine.description.plans[0].stages[1]
        assert track.params.n_init == 2, "what was given beside the file holds"
    finally:
        pipeline.stop()
        thread.join(10)
    assert all(s.ledger.balanced for s in pipeline.report.sources)


def test_a_pipeline_from_code_has_no_file() -> None:
    pipeline = Pipeline.build(
        source="synthetic:shapes", graph={"move": "detect.motion"}, run={"mode": "live"}
    )
    with pytest.raises(UsageError, match="not read from a file"):
        pipeline.reload()
