"""docs/vision.md: its code runs, its graphs are right, its card can be read, what it names is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from detectors import catalogue
from detectors.catalogue import Card
from vidstream import builtin
from vidstream.cli import main

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "vision.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def desk(assets, monkeypatch, tmp_path):
    """A folder with the pictures that the page speaks of."""
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights")))
    for name, picture in (("street", "bus"), ("beach", "eagle")):
        shutil.copy(assets(f"pictures/{picture}.jpg"), tmp_path / f"{name}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_code_says_what_stands_beside_it(desk, capsys):
    (code,) = blocks("python")
    # the default network in the format that the assets have
    onnx = "SemanticSegmenter(SemanticParams(model='deeplabv3-voc'))"
    imports = "import Classifier, SemanticParams, SemanticSegmenter"
    code = code.replace("SemanticSegmenter()", onnx).replace("import Classifier, SemanticSegmenter", imports)
    exec(code, {})
    shares, labels = capsys.readouterr().out.splitlines()
    assert re.search(r"'bus': 0\.30\d*", shares)
    assert re.search(r"'person': 0\.13\d*", shares)
    assert labels.startswith("[('minibus', 0.54")


def test_graphs_are_right(desk, assets, capsys):
    graphs = [text for text in blocks("yaml") if text.startswith("graph:")]
    assert len(graphs) == 2
    for text in graphs:
        here = text.replace("age-levi", "squeezenet")  # the weights of age-levi are for research alone
        (desk / "page.yaml").write_text(f"source: synthetic:people\n{here}")
        assert main(["check", "page.yaml"]) == 0, text


def test_the_card_can_be_read():
    (text,) = [text for text in blocks("yaml") if text.startswith("name: mine")]
    card = Card.from_yaml(text.replace("...", "ab" * 32), "the page")
    assert (card.task, card.names) == ("classify", {0: "cat", 1: "dog"})


def test_stages_and_models_named_are_there():
    stages = set(builtin.registry().stages)
    models = {entry.card.name for entry in catalogue.entries()}
    table = PAGE.split("## ")[0]
    assert set(re.findall(r"`((?:segment|classify|embed|effect)\.\w+)`", PAGE)) <= stages
    named = re.findall(r"\| ([^|]*) \|$", table, re.MULTILINE)[2:]
    assert {name for cell in named for name in re.findall(r"`([\w.-]+)`", cell)} <= models
