"""Every form that is right, and exactly what it is read into."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from vidstream.config import Loaded, build, loads
from vidstream.errors import ConfigError
from vidstream.graph.description import Description, Plan, RunOptions, SourceEntry, StageEntry, When
from vidstream.graph.registry import Registry
from vidstream.types.values import Line, Point, StageId, Uri


@pytest.fixture
def read(registry: Registry, environ: dict[str, str]) -> Any:
    def read(text: str, **given: Any) -> Loaded:
        return loads(text, registry, name="g.yaml", environ=environ, **given)

    return read


def entry(registry: Registry, stage_id: str, name: str, *, run: Any = None, **params: Any) -> StageEntry:
    spec = registry.stages[name]
    return StageEntry(stage_id, spec, spec.params(**params), **(run or {}))


def source(registry: Registry, name: str, kind: str, **params: Any) -> SourceEntry:
    spec = registry.sources[kind]
    return SourceEntry(name, spec, spec.params(**params))


def test_the_short_form_is_a_whole_file(read: Any, registry: Registry) -> None:
    loaded = read("source: clip.mp4\ngraph:\n  det: detect.dnn\n  track: track.sort\n")
    plan = Plan(
        source(registry, "clip", "file", uri=Uri("clip.mp4")),
        (entry(registry, "det", "detect.dnn"), entry(registry, "track", "track.sort")),
    )
    assert loaded.description == Description((plan,), RunOptions())
    assert loaded.warnings == ()


def test_the_long_form_makes_one_instance_for_each_source(read: Any, registry: Registry) -> None:
    loaded = read(
        """
version: 1
vars: {conf: 0.4}
run: {mode: live, on_error: pass, threads: 2, staleness: 300ms, frames: 50}
sources:
  gate: {uri: "rtsp://viewer:${env:CAM_PW}@10.0.0.5/1", fps: 10}
  dock: {uri: videos/dock.mp4, loop: true, set: {det.confidence: 0.3, cross.lines.door: [[0, 0], [1, 1]]}}
graph:
  det:   {use: detect.dnn, model: yolox-tiny, classes: [person], confidence: "${conf}"}
  track: {use: track.sort, coast: 500ms}
  cross: {use: count.line, lines: {door: [[0.0, 0.6], [1.0, 0.6]]}}
  log:   {use: sink.jsonl, in: cross.events, path: "out/${source}.jsonl", sources: [gate]}
"""
    )

    def stages(confidence: float, a: Point, b: Point) -> tuple[StageEntry, ...]:
        model = {"model": "yolox-tiny", "classes": ("person",), "confidence": confidence}
        return (
            entry(registry, "det", "detect.dnn", **model),
            entry(registry, "track", "track.sort", coast=0.5),
            entry(registry, "cross", "count.line", lines={"door": Line(a, b)}),
        )

    gate_log = entry(
        registry, "log", "sink.jsonl", path=Path("out/gate.jsonl"), run={"bindings": {"": ("cross.events",)}}
    )
    gate = source(registry, "gate", "stream", uri=Uri("rtsp://viewer:hunter2secret@10.0.0.5/1"), fps=10.0)
    dock = source(registry, "dock", "file", uri=Uri("videos/dock.mp4"), loop=True)
    run = RunOptions(mode="live", on_error="pass", threads=2, staleness=0.3, frames=50)
    assert loaded.description == Description(
        (
            Plan(gate, (*stages(0.4, Point(0.0, 0.6), Point(1.0, 0.6)), gate_log)),
            Plan(dock, stages(0.3, Point(0.0, 0.0), Point(1.0, 1.0))),
        ),
        run,
    )


ENGINE_KEYS = [
    ("every third frame", "every: 3", {"every": 3}),
    ("once in half a second", "every: 500ms", {"period": 0.5}),
    ("once in half a second, as a fraction", "every: 0.5s", {"period": 0.5}),
    ("five times a second", "max_fps: 5", {"period": 0.2}),
    ("every third frame, five times a second", "every: 3, max_fps: 5", {"every": 3, "period": 0.2}),
    ("on a stage's condition", "when: det", {"when": When(StageId("det"))}),
    ("on an output's condition", "when: det.detections", {"when": When(StageId("det.detections"))}),
    (
        "on a condition in full",
        "when: {stage: det, at_least: 2, hold: 3s}",
        {"when": When(StageId("det"), 2.0, 3.0)},
    ),
    ("a policy", "on_error: retry", {"on_error": "retry"}),
    ("several workers", "workers: 4", {"workers": 4}),
    ("switched on", "enabled: true", {}),
    ("for this source, by a bare word", "sources: clip", {}),
    ("all inputs from one stage", "in: source", {"bindings": {"": ("source",)}}),
    ("all inputs from one output", "in: source.view", {"bindings": {"": ("source.view",)}}),
    ("one input by name", "in: {view: source}", {"bindings": {"view": ("source",)}}),
    ("one input from a list", "in: {view: [source.view]}", {"bindings": {"view": ("source.view",)}}),
]


@pytest.mark.parametrize(("keys", "run"), [c[1:] for c in ENGINE_KEYS], ids=[c[0] for c in ENGINE_KEYS])
def test_keys_of_the_engine(keys: str, run: dict[str, Any], read: Any, registry: Registry) -> None:
    loaded = read(
        f"source: clip.mp4\ngraph:\n  det: detect.dnn\n  more: {{use: detect.dnn, model: m, {keys}}}\n"
    )
    assert loaded.description.plans[0].stages[1] == entry(registry, "more", "detect.dnn", model="m", run=run)


def test_inputs_can_be_bound_to_nothing(read: Any) -> None:
    loaded = read(
        "source: clip.mp4\ngraph:\n  det: detect.dnn\n"
        "  log: {use: sink.jsonl, path: a, in: {detections: null}}\n"
    )
    assert loaded.description.plans[0].stages[1].bindings == {"detections": ()}


SCALARS = [
    ("a number of a variable keeps its type", "confidence: '${num}'", "confidence", 0.25),
    ("a list of a variable keeps its type", "classes: '${list}'", "classes", ("a", "b")),
    ("a variable inside a text is written as in the file", "model: 'x${pad}'", "model", "x0010"),
    ("variables refer to each other", "model: '${outer}'", "model", "in-0.25"),
    ("two references in a text", "model: '${pad}-${source}'", "model", "0010-clip"),
    ("an escaped reference is a text", "model: 'a$${num}'", "model", "a${num}"),
    ("a lone escape is a text", "model: '$${'", "model", "${"),
    ("a dollar sign is a text", "model: a$b", "model", "a$b"),
    ("a number of the environment where a number fits", "confidence: '${env:FLT}'", "confidence", 0.75),
    ("the same digits where a text fits", "model: '${env:FLT}'", "model", "0.75"),
    ("the environment in a list of numbers", "size: ['${env:PORT}', 8]", "size", (8080, 8)),
    ("a default where it is not set", "confidence: '${env:NO_SUCH:-0.1}'", "confidence", 0.1),
    ("a default where it is empty", "model: '${env:EMPTY:-nano}'", "model", "nano"),
    ("an empty default inside a text", "model: 'm${env:NO_SUCH:-}'", "model", "m"),
    ("a default with punctuation", "model: '${env:NO_SUCH:-a:-b/c}'", "model", "a:-b/c"),
    ("a number of the environment through a variable", "confidence: '${flt}'", "confidence", 0.75),
    ("no is a word", "model: no", "model", "no"),
    ("a time is a word", "model: 22:30", "model", "22:30"),
    ("an exponent without a point is a number", "confidence: 1e-1", "confidence", 0.1),
    ("a whole number is a number", "confidence: 1", "confidence", 1.0),
    ("an octal number", "size: [0o17, 0x1F]", "size", (15, 31)),
    ("one word for a list of one", "classes: person", "classes", ("person",)),
]


@pytest.mark.parametrize(("option", "name", "value"), [c[1:] for c in SCALARS], ids=[c[0] for c in SCALARS])
def test_values(option: str, name: str, value: Any, registry: Registry) -> None:
    text = f"""
source: clip.mp4
vars: {{num: 0.25, pad: 0010, list: [a, b], inner: "${{num}}", outer: "in-${{inner}}", flt: "${{env:FLT}}"}}
graph:
  det:
    use: detect.dnn
    {option}
"""
    loaded = loads(text, registry, environ={"FLT": "0.75", "PORT": "8080", "EMPTY": ""})
    read = getattr(loaded.description.plans[0].stages[0].params, name)
    assert read == value
    assert type(read) is type(value) or isinstance(value, str)


SOURCES = [
    ("a path", "clip.mp4", ("clip", "file", {"uri": Uri("clip.mp4")})),
    ("a path in a folder", "videos/gate-2.avi", ("gate-2", "file", {"uri": Uri("videos/gate-2.avi")})),
    ("a path with blanks", "'my clip.mp4'", ("my-clip", "file", {"uri": Uri("my clip.mp4")})),
    ("a path without letters", "'2024.mp4'", ("source", "file", {"uri": Uri("2024.mp4")})),
    ("a camera", "0", ("source", "camera", {"uri": 0})),
    ("a camera in the long form", "{uri: 3, fps: 5}", ("source", "camera", {"uri": 3, "fps": 5})),
    ("a camera of the environment", "'${env:ZERO}'", ("source", "camera", {"uri": 0})),
    ("an address", "rtsp://10.0.0.5/1", ("source", "stream", {"uri": Uri("rtsp://10.0.0.5/1")})),
    ("a kind by name", "{use: file, uri: raw.h264}", ("raw", "file", {"uri": Uri("raw.h264")})),
    ("a kind without address", "{use: camera}", ("source", "camera", {})),
]


@pytest.mark.parametrize(("given", "expected"), [c[1:] for c in SOURCES], ids=[c[0] for c in SOURCES])
def test_a_source_finds_its_kind_and_name(given: str, expected: Any, registry: Registry) -> None:
    loaded = loads(f"source: {given}\ngraph: {{det: detect.dnn}}\n", registry, environ={"ZERO": "0"})
    name, kind, params = expected
    assert loaded.description.plans[0].source == source(registry, name, kind, **params)


def test_the_command_line_wins_over_everything(read: Any) -> None:
    text = """
version: 1
vars: {conf: 0.1, model: small}
sources: {gate: {uri: a.mp4, set: {det.confidence: 0.2}}}
graph:
  det: {use: detect.dnn, confidence: "${conf}", model: "${model}", classes: [a, b]}
  track: track.sort
"""
    loaded = read(
        text,
        variables={"model": "large"},
        overrides={
            "graph.det.confidence": "0.9",
            "graph.det.classes.1": "car",
            "graph.track.coast": "3s",
            "run.mode": "live",
            "sources.gate.loop": "true",
        },
    )
    det, track = loaded.description.plans[0].stages
    assert (det.params.confidence, det.params.model, det.params.classes) == (0.9, "large", ("a", "car"))
    assert (track.params.coast, loaded.description.run.mode) == (3.0, "live")
    assert loaded.description.plans[0].source.params.loop is True


SEVERAL = """
version: 1
sources: {gate: {uri: a.mp4, set: {det.confidence: 0.2}}, dock: b.mp4}
graph:
  det: {use: detect.dnn, confidence: 0.7}
  more: {use: detect.dnn, sources: gate}
"""


@pytest.mark.parametrize(
    ("given", "name", "confidence", "ids"),
    [
        pytest.param("other/clip.mp4", "clip", 0.7, ["det"], id="a path replaces all sources"),
        pytest.param("spare=0", "spare", 0.7, ["det"], id="a new name"),
        pytest.param("gate=c.mp4", "gate", 0.2, ["det", "more"], id="a known name keeps what is set for it"),
        pytest.param("rtsp://cam/?id=3", "source", 0.7, ["det"], id="an equals sign in an address"),
    ],
)
def test_source_of_the_command_line(
    given: str, name: str, confidence: float, ids: list[str], read: Any
) -> None:
    (plan,) = read(SEVERAL, source=given).description.plans
    assert plan.source.name == name
    assert plan.stages[0].params.confidence == confidence
    assert [stage.id for stage in plan.stages] == ids


def test_a_stage_that_is_switched_off_may_refer_to_what_does_not_exist(read: Any) -> None:
    loaded = read(
        "source: clip.mp4\ngraph:\n  det: detect.dnn\n"
        '  send: {use: sink.none, enabled: "${on}", url: "${env:NO_SUCH}"}\nvars: {on: false}\n'
    )
    assert [stage.id for stage in loaded.description.plans[0].stages] == ["det"]


def test_what_looks_unintended_is_a_warning(read: Any) -> None:
    loaded = read(
        "version: 1\nsources: {a: a.mp4, b: b.mp4}\nvars: {conf: 1, used: m}\n"
        "graph:\n  det: {use: detect.dnn, sources: a, model: '${used}'}\n"
    )
    assert loaded.warnings == ("g.yaml:3:8: vars.conf is never used", "source 'b' has no stage")


def test_anchors_and_aliases_are_read(read: Any) -> None:
    loaded = read(
        "source: clip.mp4\ngraph:\n  det: &d {use: detect.dnn, model: m}\n  more: *d\n"
        "  third: {use: detect.dnn, classes: &c [a]}\n  last: {use: detect.dnn, classes: *c}\n"
    )
    stages = loaded.description.plans[0].stages
    assert stages[0].params == stages[1].params
    assert stages[3].params.classes == ("a",)


def test_json_is_yaml(read: Any) -> None:
    text = json.dumps({"source": "a.mp4", "graph": {"det": {"use": "detect.dnn", "model": "\U0001f600"}}})
    assert "\\ud83d" in text
    assert read(text).description.plans[0].stages[0].params.model == "\U0001f600"


def test_values_of_python_are_taken_as_in_yaml(registry: Registry, tmp_path: Path) -> None:
    font = tmp_path / "font.ttf"
    font.write_bytes(b"x")
    line = Line(Point(0.0, 0.5), Point(1.0, 0.5))
    loaded = build(
        {
            "sources": {"a": "a.mp4", "b": {"uri": 1}},
            "graph": {
                "det": {"use": "detect.dnn", "size": (320, 240)},
                "track": "track.sort",
                "cross": {"use": "count.line", "lines": {"door": line}},
                "draw": {"use": "draw.overlay", "font": Path("font.ttf")},
            },
        },
        registry,
        tmp_path,
    )
    stages = loaded.description.plans[1].stages
    assert stages[0].params.size == (320, 240)
    assert stages[2].params.lines == {"door": line}
    assert stages[3].params.font == font


def test_faults_of_python_values_are_named_by_their_paths(registry: Registry) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"source": "a.mp4", "graph": {"det": {"use": "detect.dnn", "confidence": 7}}}, registry)
    assert str(caught.value) == "graph.det.confidence: expected a number between 0 and 1, got 7"


def test_reading_is_quick(read: Any) -> None:
    stages = "".join(
        f"  s{i}: {{use: detect.dnn, classes: [person], confidence: '${{conf}}'}}\n" for i in range(20)
    )
    sources = ", ".join(f"cam{i}: {{uri: a{i}.mp4, set: {{s3.model: m}}}}" for i in range(10))
    text = f"version: 1\nvars: {{conf: 0.4}}\nsources: {{{sources}}}\ngraph:\n{stages}"
    start = time.process_time()
    assert len(read(text).description.plans) == 10
    assert time.process_time() - start < 0.5  # 0.02 when written: slower means work that does not belong here
