"""`soak`: the slope against an independent one, verdicts on made-up memories, and the command itself."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import theilslopes

from vidstream.cli import main
from vidstream.cli.soak_samples import Camera, Sample
from vidstream.cli.soak_verdict import Verdict, theil_sen

MB = 1e6


@pytest.mark.parametrize("noise", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("outliers", [0, 20])
def test_the_slope_is_that_of_scipy(noise: float, outliers: int) -> None:
    dice = np.random.default_rng(7)
    x = np.arange(80.0)
    y = 0.5 * x + dice.normal(0, 1, 80) * noise
    y[dice.choice(80, outliers, replace=False)] += 1000
    ours, theirs = theil_sen(x.tolist(), y.tolist()), theilslopes(y, x, 0.95)
    assert ours.value == pytest.approx(theirs.slope)
    if noise:  # with equal slopes theirs corrects for ties
        assert ours.low == pytest.approx(theirs.low_slope, rel=0.02, abs=1e-3)
        assert ours.high == pytest.approx(theirs.high_slope, rel=0.02, abs=1e-3)


@given(st.floats(-100, 100), st.floats(-1000, 1000), st.integers(6, 60))
def test_a_straight_line_has_its_own_slope(slope: float, start: float, count: int) -> None:
    found = theil_sen(list(range(count)), [start + slope * n for n in range(count)])
    assert found.value == pytest.approx(slope, abs=1e-6)
    assert found.low - 1e-6 <= slope <= found.high + 1e-6


def verdict(
    memory: Callable[[float], float],
    *,
    hours: float = 4.0,
    cameras: int = 2,
    pace: float = 1.0,
    threads: Callable[[float], int] = lambda at: 9,
    run_code: int = 0,
) -> Verdict:
    """Of made-up samples; `memory` gives MB, `threads` a number, both at an hour."""
    seconds = 3600 * hours
    samples = [
        Sample(at, round(memory(at / 3600) * MB), 0, 12, threads(at / 3600), 0, 0, {}, {})
        for at in np.linspace(0, seconds, 240).tolist()
    ]
    found = {f"cam{n}": Camera() for n in range(cameras)}
    return Verdict(samples, found, seconds, seconds * pace, pace != 1.0, run_code)


DICE = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("found", "memory", "code"),
    [
        pytest.param(verdict(lambda h: 80), "within", 0, id="nothing grows"),
        pytest.param(verdict(lambda h: 80 + 4 * h), "growing", 3, id="2 MB an hour for each of two"),
        pytest.param(verdict(lambda h: 80 + 4 * h, cameras=8), "within", 0, id="half a MB for each of eight"),
        pytest.param(
            verdict(lambda h: 80 + 300 * (1 - math.exp(-6 * h))), "within", 0, id="only the first hour grows"
        ),
        pytest.param(
            verdict(lambda h: 80 + 9 * (h > 3.1) + DICE.normal(0, 0.1)), "undecided", 0, id="one step of 9 MB"
        ),
        pytest.param(
            verdict(lambda h: 80 + DICE.normal(0, 20), hours=0.2), "undecided", 0, id="too short for noise"
        ),
        pytest.param(
            verdict(lambda h: 80 + 8 * h, pace=10.0), "within", 0, id="8 MB in an hour that stands for ten"
        ),
        pytest.param(
            verdict(lambda h: 80 + 50 * h, pace=10.0), "growing", 3, id="50 MB in an hour that stands for ten"
        ),
        pytest.param(verdict(lambda h: 80, threads=lambda h: 9 + int(4 * h)), "within", 3, id="threads grow"),
        pytest.param(verdict(lambda h: 80, run_code=3), "within", 3, id="a stage failed"),
    ],
)
def test_verdicts(found: Verdict, memory: str, code: int) -> None:
    assert (found.memory, found.code) == (memory, code)
    json.dumps(found.to_json(), allow_nan=False)


LEAK = """
from vidstream import Stage, stage
from vidstream.types import View

@stage("soak.leaks")
class Leaks(Stage):
    '''Keeps 60 kB of every frame.'''

    def open(self, stream):
        self.kept = []

    def process(self, image: View) -> None:
        self.kept.append(bytearray(60_000))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("leaks", "code"), [(False, 0), (True, 3)], ids=["a sound graph", "a leaking stage"])
def test_a_soak_of_seconds(tmp_path: Path, capfd: pytest.CaptureFixture[str], leaks: bool, code: int) -> None:
    plugin, config = tmp_path / "leaks.py", tmp_path / "job.yaml"
    plugin.write_text(LEAK)
    graph = "{use: soak.leaks}" if leaks else "{use: image.resize, width: 40}"
    config.write_text(
        f"version: 1\nsources:\n  a: {{uri: 'synthetic:shapes', size: [80, 60]}}\n"
        f"  b: {{uri: 'synthetic:shapes', size: [80, 60]}}\ngraph: {{only: {graph}}}\n"
    )
    command = ["--plugin", str(plugin), "soak", str(config), "--minutes", "0.05"]
    command += ["--out", str(tmp_path / "out"), *(["--accelerate"] if leaks else [])]
    assert main(command) == code
    printed = capfd.readouterr().out
    assert ("growing" in printed) == leaks
    report = json.loads((tmp_path / "out" / "soak.json").read_text())
    assert report["exit_code"] == code
    assert report["seconds"] == pytest.approx(3.0, abs=1.0)
    assert set(report["cameras"]) == {"a", "b"}
    assert all(camera["frames"] > 20 for camera in report["cameras"].values())
    assert (report["camera_seconds"] > 2 * report["seconds"]) == leaks
    assert (tmp_path / "out" / "soak.txt").read_text().startswith("soak: 0.0 min, 2 cameras")
    ET.fromstring((tmp_path / "out" / "soak.svg").read_text())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(
            ["--accelerate", "--source", "rtsp://127.0.0.1:1/x"], "is a camera", id="cameras in haste"
        ),
        pytest.param(["--minutes", "0"], "a second at least", id="no time at all"),
    ],
)
def test_what_cannot_be_is_said_first(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    config = tmp_path / "job.yaml"
    config.write_text("source: synthetic:shapes\ngraph: {move: detect.motion}\n")
    assert main(["soak", str(config), "--out", str(tmp_path), *arguments]) == 2
    assert words in capfd.readouterr().err
