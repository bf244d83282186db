"""`refine:` as every command shows it, and a run of two passes as people see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.cli.test_commands import run
from vidstream.cli import main

CONFIG = """
version: 1
source: synthetic:people
graph:
  find: detect.motion
  track: {use: track.sort, refine: REFINE}
  mot: {use: sink.mot, path: tracks.txt}
"""


def config(folder: Path, refine: str) -> str:
    path = folder / "job.yaml"
    path.write_text(CONFIG.replace("REFINE", refine))
    return str(path)


def test_the_page_of_a_stage_names_what_is_in_the_mapping(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "stages", "track.sort")
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "true or false or a mapping with" in lines["refine"]
    assert "1.0" in lines["refine.max_gap"]


def test_the_drawing_says_that_there_is_a_second_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "[refine: in a second pass]" in run(capsys, "graph", config(tmp_path, "true"))
    assert "refine" not in run(capsys, "graph", config(tmp_path, "false"))


def test_explain_knows_what_is_given_inside_and_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, "{max_gap: 500ms}")
    assert f"= 500ms: {path}:6:" in run(capsys, "explain", path, "graph.track.refine.max_gap")
    path = config(tmp_path, "{}")
    found = run(capsys, "explain", path, "graph.track.refine.max_gap")
    assert found == "graph.track.refine.max_gap = 1.0: the default of refine\n"


@pytest.mark.parametrize(
    ("refine", "fault"),
    [
        pytest.param("true", "", id="yes"),
        pytest.param("{max_gap: 500ms}", "", id="a mapping"),
        pytest.param("{max_gapp: 1}", "refine.max_gapp: unknown option; did you mean 'max_gap'?", id="typo"),
        pytest.param("{max_gap: -1}", "refine.max_gap: expected a duration", id="a wrong value inside"),
        pytest.param("5", "refine: expected true or false or a mapping with", id="neither"),
    ],
)
def test_check_and_schema_agree_on_the_option(
    refine: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    validator: Any = Draft202012Validator(json.loads(run(capsys, "schema")))
    path = config(tmp_path, refine)
    assert validator.is_valid(yaml.safe_load(Path(path).read_text())) == (not fault)
    assert main(["check", path]) == (2 if fault else 0)
    assert fault in capsys.readouterr().err


def test_a_run_shows_both_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--out", str(tmp_path), "--frames", "75", "--metrics", "report.json"]
    text = run(capsys, "run", config(tmp_path, "true"), *arguments)
    assert text.index("pass 1 of 2") < text.index("detect.motion") < text.index("pass 2 of 2")
    (source,) = json.loads((tmp_path / "report.json").read_text())["sources"]
    assert [p["frames"]["done"] for p in source["passes"]] == [75, 75]
    assert source["frames"]["done"] == 75
    assert (tmp_path / "tracks.txt").stat().st_size > 0
