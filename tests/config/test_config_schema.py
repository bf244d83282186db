"""The JSON Schema, by an independent validator: it takes what the reader takes and refuses bad shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from vidstream import builtin
from vidstream.config import loads, schema
from vidstream.config.compose import compose
from vidstream.config.keys import STAGE_KEYS
from vidstream.config.nodes import plain
from vidstream.config.problems import Faults
from vidstream.errors import ConfigError
from vidstream.graph.registry import Registry
from vidstream.graph.stage import RUN_KEYS

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator(registry: Registry) -> Draft202012Validator:
    made = schema(registry)
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def data(text: str) -> Any:
    node = compose(text, "g.yaml", Faults())
    return None if node is None else plain(node)


AREA = "[[0, 0], [1, 0], [1, 1]]"
GRAPH = "graph: {det: detect.dnn}\n"
HEAD = "source: clip.mp4\ngraph:\n  det: detect.dnn\n  track: track.sort\n"
VALID = [
    ("the short form", "source: clip.mp4\ngraph: {det: detect.dnn}\n"),
    ("a camera by number", "source: 0\ngraph: {det: detect.dnn}\n"),
    ("a source in full", "source: {use: file, uri: a.mp4, loop: true}\ngraph: {det: detect.dnn}\n"),
    (
        "several sources",
        "version: 1\nsources: {a: a.mp4, b: {uri: b.mp4, set: {det.model: x}}, c: 0}\n"
        "graph: {det: detect.dnn}\n",
    ),
    ("all options of a run", "run: {mode: live, threads: 2, duration: 5m, out: x}\n" + HEAD),
    ("an empty run section", "run:\n" + HEAD),
    (
        "every key of the engine",
        HEAD + "  more: {use: detect.dnn, in: [source.view], every: 500ms, sources: [clip], "
        "when: {stage: det, at_least: 2}, on_error: stop, workers: 3, enabled: true}\n",
    ),
    ("inputs by name", HEAD + "  log: {use: sink.jsonl, path: a, in: {detections: null, events: null}}\n"),
    (
        "lines in fractions and pixels",
        HEAD + "  c: {use: count.line, lines: {a: [[0, 0.5], [1, 1]], b: {px: [[0, 5], [640, 480]]}}}\n",
    ),
    ("a list of one as a word", HEAD + "  more: {use: detect.dnn, classes: person}\n"),
    ("a colour as three numbers", HEAD + "  draw: {use: draw.overlay, colour: [1, 2, 3]}\n"),
    (
        "variables in place of any value",
        "vars: {r: {mode: live}, n: 8, c: 0.4, s: [1, 2], l: {a: [[0, 0], [1, 1]]}, t: track.sort}\n"
        'run: "${r}"\nsource: clip.mp4\ngraph:\n'
        '  det: {use: detect.dnn, confidence: "${c}", size: "${s}", every: "${n}"}\n'
        '  track: "${t}"\n  c: {use: count.line, lines: "${l}"}\n  x: {use: detect.dnn, size: [1, "${n}"]}\n',
    ),
    (
        "an option that each source sets",
        "version: 1\nsources: {a: {uri: a.mp4, set: {c.lines: {a: [[0, 0], [1, 1]]}}}}\n"
        "graph: {det: detect.dnn, track: track.sort, c: count.line}\n",
    ),
]


@pytest.mark.parametrize("text", [c[1] for c in VALID], ids=[c[0] for c in VALID])
def test_what_the_reader_takes_is_valid(text: str, registry: Registry, validator: Any) -> None:
    loads(text, registry)
    validator.validate(data(text))


def test_a_file_that_others_complete_is_valid(validator: Any) -> None:
    validator.validate(data("include: base.yaml\ngraph: {det: {confidence: 0.3}}\n"))
    validator.validate(data("include: [base.yaml]\nversion: 1\n"))


INVALID = [
    ("an unknown section", "grap: {}\n" + HEAD),
    ("no graph", "source: clip.mp4\n"),
    ("an empty graph", "source: clip.mp4\ngraph: {}\n"),
    ("a list as graph", "source: clip.mp4\ngraph: [detect.dnn]\n"),
    ("a future version", "version: 2\n" + HEAD),
    ("several sources without version", "sources: {a: a.mp4}\ngraph: {det: detect.dnn}\n"),
    ("source and sources", "version: 1\nsources: {a: a.mp4}\n" + HEAD),
    ("a bad id", "source: clip.mp4\ngraph: {Det: detect.dnn}\n"),
    ("the reserved id", "source: clip.mp4\ngraph: {source: detect.dnn}\n"),
    ("a bad source name", "version: 1\nsources: {a b: a.mp4}\ngraph: {det: detect.dnn}\n"),
    ("an unknown run option", "run: {mod: live}\n" + HEAD),
    ("a wrong word in run", "run: {mode: fast}\n" + HEAD),
    ("a wrong type in run", "run: {queue: many}\n" + HEAD),
    ("an unknown stage", "source: clip.mp4\ngraph: {det: detect.dn}\n"),
    ("an unknown stage in full", "source: clip.mp4\ngraph: {det: {use: detect.dn}}\n"),
    ("no use", "source: clip.mp4\ngraph: {det: {model: a}}\n"),
    ("an empty entry", "source: clip.mp4\ngraph: {det: }\n"),
    ("an unknown option", "source: clip.mp4\ngraph: {det: {use: detect.dnn, confidense: 1}}\n"),
    ("a missing option", HEAD + "  c: {use: count.line}\n"),
    ("a missing option behind a bare word", HEAD + "  c: count.line\n"),
    ("a number out of range", "source: clip.mp4\ngraph: {det: {use: detect.dnn, confidence: 2}}\n"),
    ("a text for a number", "source: clip.mp4\ngraph: {det: {use: detect.dnn, confidence: high}}\n"),
    ("a number for a text", "source: clip.mp4\ngraph: {det: {use: detect.dnn, model: 3}}\n"),
    ("a list of the wrong length", "source: clip.mp4\ngraph: {det: {use: detect.dnn, size: [1]}}\n"),
    ("a wrong item in a list", "source: clip.mp4\ngraph: {det: {use: detect.dnn, classes: [1]}}\n"),
    ("a point outside", HEAD + "  c: {use: count.line, lines: {a: [[0, 0], [640, 480]]}}\n"),
    ("a line of one point", HEAD + "  c: {use: count.line, lines: {a: [[0, 0]]}}\n"),
    ("an unknown option deep inside", HEAD + f"  z: {{use: count.zone, zones: [{{area: {AREA}, x: 1}}]}}\n"),
    ("a fraction of a frame", "source: clip.mp4\ngraph: {det: {use: detect.dnn, every: 0.5}}\n"),
    ("an unknown policy", "source: clip.mp4\ngraph: {det: {use: detect.dnn, on_error: hope}}\n"),
    ("no workers", "source: clip.mp4\ngraph: {det: {use: detect.dnn, workers: 0}}\n"),
    ("a reference that is none", "source: clip.mp4\ngraph: {det: {use: detect.dnn, in: 'a b'}}\n"),
    ("an unknown key of a condition", HEAD + "  x: {use: detect.dnn, when: {stage: det, least: 1}}\n"),
    ("an unknown option of a source", "source: {uri: a.mp4, fsp: 5}\ngraph: {det: detect.dnn}\n"),
    ("an option of another kind of source", "source: {use: file, uri: a.mp4, fps: 5}\n" + GRAPH),
    ("a source without address", "source: {loop: true}\ngraph: {det: detect.dnn}\n"),
    ("a list as source", "source: [a.mp4]\ngraph: {det: detect.dnn}\n"),
    ("a set key without a dot", "source: {uri: a.mp4, set: {det: 1}}\ngraph: {det: detect.dnn}\n"),
    ("a number as include", "include: 3\n" + HEAD),
]  # fmt: skip


@pytest.mark.parametrize("text", [c[1] for c in INVALID], ids=[c[0] for c in INVALID])
def test_bad_shapes_are_refused_by_both(text: str, registry: Registry, validator: Any) -> None:
    with pytest.raises(ConfigError):
        loads(text, registry)
    assert not validator.is_valid(data(text))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configs_that_come_along_are_valid(path: Path) -> None:
    validator = Draft202012Validator(schema(builtin.registry()))
    validator.validate(data(path.read_text(encoding="utf-8")))


def test_the_schema_of_all_built_in_stages_is_one() -> None:
    made = schema(builtin.registry())
    Draft202012Validator.check_schema(made)
    assert {f"{name}" for name in builtin.registry().stages} <= made["$defs"].keys()


def test_everything_is_described(registry: Registry) -> None:
    made = schema(registry)
    assert all(part.get("description") for part in made["properties"].values())
    for spec in registry:
        shape = made["$defs"][spec.name]
        assert shape["description"] == spec.summary
        parts = [
            made["$defs"].get(p.get("$ref", "").rpartition("/")[2], p) for p in shape["properties"].values()
        ]
        assert all(part.get("description") for part in parts)


def test_the_engine_s_keys_are_all_read() -> None:
    assert STAGE_KEYS.keys() == RUN_KEYS
