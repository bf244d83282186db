"""`run` as a user meets it: output, exit codes, signals, several sources, plugins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from vidstream.cli import main

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
source: "synthetic:people"
run: {frames: 30}
graph:
  move: {use: detect.motion, warm_up: 0.2}
  track: track.sort
  draw: draw.overlay
  video: {use: sink.video, path: "${source}.mp4"}
  log: {use: sink.jsonl, path: "${source}.jsonl"}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(CONFIG)
    return path


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_leaves_results_and_a_report(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(config), "--out", str(tmp_path), "--metrics", "report.json"]) == 0
    printed = capsys.readouterr().out
    assert "frames: 30 decoded = 30 done" in printed
    assert "detect.motion" in printed
    names = {p.suffix: p for p in tmp_path.iterdir()}
    frames = [line for line in lines_of(names[".jsonl"]) if line["type"] == "frame"]
    assert [f["seq"] for f in frames] == list(range(30))
    with av.open(str(names[".mp4"])) as video:
        assert sum(1 for _ in video.decode(video=0)) == 30
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["sources"][0]["frames"] == {"decoded": 30, "done": 30, "dropped": [], "failed": []}
    assert [s["stage"] for s in report["sources"][0]["stages"]] == ["move", "track", "draw", "video", "log"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param(
            ["--set", "graph.move.min_aera=1"], 2, "did you mean 'min_area'?", id="a typo is refused"
        ),
        pytest.param(["--source", "gone.mp4"], 2, "does not exist", id="a missing file is refused"),
        pytest.param(["--set", "graph.move"], 2, "write KEY=VALUE", id="an override without a value"),
        pytest.param(["--frames", "0"], 2, "1 or more", id="no frames at all"),
    ],
)
def test_what_is_wrong_is_said_before_anything_opens(
    config: Path,
    tmp_path: Path,
    change: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert main(["run", str(config), "--out", str(out), *change]) == code
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_source_that_fails_leaves_the_others_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.mp4").write_text("this is no video")
    path = tmp_path / "two.yaml"
    path.write_text(
        "version: 1\nsources: {good: {uri: 'synthetic:shapes'}, bad: {uri: broken.mp4}}\n"
        "run: {frames: 10}\n"
        "graph: {move: detect.motion, log: {use: sink.jsonl, path: '${source}.jsonl'}}\n"
    )
    assert main(["run", str(path), "--out", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "source 'bad'" in captured.err
    assert "broken.mp4" in captured.err
    assert len(lines_of(tmp_path / "good.jsonl")) == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_a_signal_ends_a_run_in_order(config: Path, tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "people.jsonl"
    process = start(
        "run", config, "--out", tmp_path, "--mode", "live", "--source", "people=synthetic:people",
        "--set", "run.frames=null",
    )  # fmt: skip
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) > 5)
    process.send_signal(number)
    asked = time.monotonic()
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - asked < 5
    assert process.returncode == 128 + number, err
    assert "frames:" in out
    decoded = len([line for line in lines_of(log) if line["type"] == "frame"])
    with av.open(str(tmp_path / "people.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == decoded


PLUGIN = '''
import pathlib, time
from vidstream import stage
from vidstream.types import View

@stage("slow.sleep", heavy=True)
def sleep(image: View, begun: str) -> None:
    """Never comes back in time."""
    pathlib.Path(begun).touch()
    time.sleep(30)
'''


def test_a_second_signal_ends_it_at_once(config: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "slow.py"
    plugin.write_text(PLUGIN)
    begun = tmp_path / "begun"
    slow = f"{{use: slow.sleep, begun: {begun}}}"
    config.write_text(f"source: 'synthetic:shapes'\ngraph: {{slow: {slow}, move: detect.motion}}\n")
    process = start("--plugin", plugin, "run", config, "--metrics", "x.json", "--out", tmp_path)
    wait_for(begun.exists)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGINT


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def test_a_kill_leaves_a_playable_video(config: Path, tmp_path: Path) -> None:
    process = start(
        "run", config, "--out", tmp_path, "--mode", "live", "--source", "people=synthetic:people",
        "--set", "run.frames=null",
    )  # fmt: skip
    log = tmp_path / "people.jsonl"
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) > 75)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=5)
    with av.open(str(tmp_path / "people.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) > 20


def test_output_can_be_piped_into_something_that_stops_reading(config: Path) -> None:
    command = f"{sys.executable} {ROOT / 'run.py'} stages | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("sources\n", "")
