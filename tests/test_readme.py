"""What README shows is true: its YAML runs, its code works, its error is the one that comes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vidstream.cli import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """README's YAML, on a drawn scene and a detector that finds drawn people."""
    (text,) = blocks("yaml")
    path = tmp_path / "street.yaml"
    text = text.replace("street.mp4 ", "synthetic:people ").replace("detect.hog, every: 2", "detect.motion")
    path.write_text(text)
    return path


def test_the_yaml_runs(street: Path, tmp_path: Path) -> None:
    assert main(["run", str(street), "--out", str(tmp_path), "--frames", "20", "--quiet"]) == 0
    assert {p.suffix for p in tmp_path.iterdir()} == {".yaml", ".mp4", ".jsonl"}


def test_the_python_runs(street: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    street.write_text(street.read_text() + "run: {frames: 5}\n")
    exec(blocks("python")[0], {})


def test_the_stage_of_one_s_own_becomes_part_of_the_graph(street: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(blocks("python")[1])
    street.write_text(
        street.read_text().replace("  track:", "  sure: {use: mine.sure, least: 0.2}\n  track:")
    )
    plugin = ["--plugin", str(tmp_path / "mine.py")]
    assert main([*plugin, "run", str(street), "--out", str(tmp_path), "--frames", "5", "--quiet"]) == 0


def test_the_error_is_the_one_that_comes(
    street: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(street.parent)
    street.write_text(street.read_text().replace("lines:", "setle: 1s, lines:"))
    assert main(["check", "street.yaml"]) == 2
    assert capsys.readouterr().err == blocks("text")[0]


def test_every_file_it_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_no_configuration_is_forgotten() -> None:
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"configs/{config.name}" in README
