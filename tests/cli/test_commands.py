"""The commands that need no camera: check, graph, explain, schema, stages, models, doctor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vidstream import builtin
from vidstream.cli import main
from vidstream.cli.stages import example
from vidstream.config import schema

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
REGISTRY = builtin.registry()
#: stages whose examples take a second or more
LONG = {"detect.text", "effect.network", "face.landmarks", "ocr.tesseract"}
#: networks that users fetch -> the same in the format that the assets have
FORMATS = {"deeplabv3-voc-tflite": "deeplabv3-voc", "style-26-free": "style-26"}
ELSEWHERE = {
    "segment": ("--set", "graph.what.model=deeplabv3-voc"),
    "style": ("--set", "graph.paint.model=style-26"),
}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.stem)
def test_every_configuration_is_right(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    no_display: None,
    assets: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights")))
    assert "ok" in run(capsys, "check", str(config), *ELSEWHERE.get(config.stem, ()))


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window can be described on any machine; only opening it needs a display."""
    monkeypatch.setattr(REGISTRY.stage("sink.window").cls, "check", lambda params: ())


def test_the_graph_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "graph", str(ROOT / "configs/people.yaml"), "--source", "people=synthetic:people")
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert "<- find.detections" in lines["track"] or "source.view, find.detections" in lines["track"]
    assert "[every 2]" in lines["find"]
    assert "draw.canvas" in lines["video"]


def test_the_graph_as_mermaid_and_svg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(ROOT / "configs/multi_camera.yaml")
    assert run(capsys, "graph", config, "--format", "mermaid").startswith("flowchart TD")
    run(capsys, "graph", config, "-o", str(tmp_path / "g.svg"))
    root = ET.parse(tmp_path / "g.svg").getroot()
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"move", "track", "inside", "draw", "video", "log"} <= set(texts)


def test_explain_says_where_a_value_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    config = str(ROOT / "configs/multi_camera.yaml")
    assert "multi_camera.yaml" in run(capsys, "explain", config, "graph.move.warm_up")


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(run(capsys, "schema")) == schema(REGISTRY)


@pytest.mark.parametrize("name", sorted(REGISTRY.stages) + sorted(REGISTRY.sources))
def test_every_stage_has_a_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = run(capsys, "stages", name)
    assert page.startswith(name)
    assert "options" in page


@pytest.mark.parametrize("name", sorted(REGISTRY.stages))
def test_every_stage_has_a_purpose_an_example_and_meanings(name: str) -> None:
    from vidstream.graph.params import parameters

    spec = REGISTRY.stages[name]
    assert spec.summary.endswith(".")
    assert example(spec)
    assert [p.name for p in parameters(spec.params) if not p.meaning] == []


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in sorted(REGISTRY.stages)]
)
def test_every_example_runs(
    name: str, tmp_path: Path, assets: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = REGISTRY.stages[name]
    if spec.traits.main_thread:
        pytest.skip("needs a display; tests/sinks opens real windows")
    text = example(spec)
    for name_there, name_here in FORMATS.items():
        text = text.replace(f"model: {name_there}", f"model: {name_here}")
    if "weights: [" in text:
        pytest.skip("needs weights that do not come with the project")
    networks = ("detect.dnn", "detect.text", "ocr.network", "detect.faces", "osnet", "model: ")
    if any(word in text for word in networks):
        monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights")))
    config = tmp_path / "example.yaml"
    config.write_text(f'source: "synthetic:people"\n{text}')
    assert main(["run", str(config), "--frames", "4", "--out", str(tmp_path), "--quiet"]) == 0


def test_stages_lists_all_with_their_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "stages")
    for spec in REGISTRY:
        assert spec.summary in text


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        pytest.param(
            "{follow: track.flow}",
            "graph.follow: has nothing to start from; give a 'box', or put a detector before it",
            id="nothing to follow",
        ),
        pytest.param(
            "{log: {use: sink.jsonl, path: x.jsonl}}",
            "graph.log: has nothing to write; put stages that give results before it",
            id="nothing to write",
        ),
        pytest.param(
            "{move: detect.motion, shot: {use: sink.images, path: x.png, trigger: event}}",
            "graph.shot.trigger: waits for events, which no earlier stage gives; "
            "put a counter (count.line, count.zone) before it",
            id="no events to wait for",
        ),
    ],
)
def test_a_stage_that_would_have_nothing_to_do_is_refused(
    graph: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "idle.yaml"
    config.write_text(f"source: 'synthetic:shapes'\ngraph: {graph}\n")
    assert main(["check", str(config)]) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_stage_gets_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stages", "track.srot"]) == 2
    assert capsys.readouterr().err == "unknown stage 'track.srot'; did you mean 'track.sort'?\n"


def test_models_are_listed_and_verified(
    assets: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights")))
    assert "yolox-nano" in run(capsys, "models")
    assert "yolox-nano: whole:" in run(capsys, "models", "verify", "yolox-nano")


def test_a_model_that_is_not_here_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIDSTREAM_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = tmp_path / "x.yaml"
    config.write_text('source: "synthetic:people"\ngraph: {find: {use: detect.dnn, model: yolox-nano}}\n')
    assert main(["check", str(config)]) == 2
    assert "python run.py models fetch yolox-nano" in capsys.readouterr().err


def test_doctor_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "doctor")
    assert "opencv-contrib-python" in text
    assert "dnn" in text
