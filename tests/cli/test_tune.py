"""`tune track` as a user meets it: the YAML it writes, going on, interrupts, errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vidstream.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def command(assets: Callable[[str], Path], tmp_path: Path) -> list[str]:
    """A small search."""
    sequences = [str(assets(f"mot/{name}")) for name in ("TUD-Campus", "KITTI-17")]
    search = ["--params", "n_init,iou_threshold", "--trials", "6", "--frames", "1-50", "--jobs", "1"]
    return ["tune", "track", *sequences, "--tracker", "sort", *search, "--out", str(tmp_path / "tuned.yaml")]


def test_a_search_and_the_yaml_it_writes(command: list[str], tmp_path: Path, capsys) -> None:
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "default and 2 random settings" in printed
    text = (tmp_path / "tuned.yaml").read_text()
    assert "# run.py tune track: sort, 6 trials, seed 0, frames 1-50" in text
    for line in ("# all sequences", "# fold 1: searched", "# fold 2: held out", "# held out, all folds"):
        assert line in text
    assert "default: 3" in text, "reported from the first detection on, these sequences score more"
    job = tmp_path / "job.yaml"
    job.write_text(
        'include: [tuned.yaml]\nsource: "synthetic:people"\ngraph: {move: detect.motion, track: {}}\n'
    )
    capsys.readouterr()
    assert main(["explain", str(job), "graph.track.n_init"]) == 0
    assert "tuned.yaml" in capsys.readouterr().out


def test_it_goes_on_where_it_was(command: list[str], tmp_path: Path, capsys) -> None:
    assert main(command) == 0
    first = (tmp_path / "tuned.yaml").read_text()
    journal = tmp_path / "tuned.trials.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:9]) + lines[9][:20])  # killed while it wrote
    assert main([*command, "--resume"]) == 0
    assert (tmp_path / "tuned.yaml").read_text() == first
    tried = [json.loads(line)[:2] for line in journal.read_text().splitlines()[1:]]
    assert len(tried) == len(lines) - 1
    assert main([*command, "--resume", "--min-score", "0.2"]) == 2
    assert "is of another search" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupt_leaves_the_best_so_far(command: list[str], tmp_path: Path) -> None:
    command[command.index("6")] = "5000"
    command[command.index("1", command.index("--jobs"))] = "2"
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *command],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    journal = tmp_path / "tuned.trials.jsonl"
    while not journal.exists() or journal.read_text().count("\n") < 30:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "interrupted: this is the best so far" in told
    assert "Traceback" not in told
    assert "use: track.sort" in (tmp_path / "tuned.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tracker", "srt"], "did you mean 'sort'?"),
        (["--params", "iou_treshold"], "did you mean 'iou_threshold'?"),
        (["--params", "frame_rate"], "'frame_rate' is no setting that can be tuned"),
        (["--metric", "HOTE"], "did you mean 'HOTA'?"),
        (["--folds", "3"], "2 sequences make no 3 folds"),
        (["--trials", "0"], "there is nothing to try"),
        (["--set", "max_age=never"], "sort.max_age: expected a duration"),
        (["--resume"], "cannot be read"),
    ],
)
def test_what_does_not_make_sense(command: list[str], options: list[str], said: str, capsys) -> None:
    assert main([*command, *options]) == 2
    assert said in capsys.readouterr().err
