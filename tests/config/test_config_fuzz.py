"""Whatever is done to a right file, the reader takes it or says what is wrong, and soon."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.memory import peak_growth
from vidstream.config import explain, loads, schema
from vidstream.config.compose import compose
from vidstream.config.nodes import Leaf, Place, plain
from vidstream.config.problems import Faults
from vidstream.errors import ConfigError, UsageError
from vidstream.graph.registry import Registry

SEEDS = [
    "source: clip.mp4\ngraph:\n  det: detect.dnn\n  track: track.sort\n",
    """\
version: 1
vars: {conf: 0.4, kinds: [person, car]}
run: {mode: auto, on_error: skip, duration: 5m}
sources:
  gate: {uri: "rtsp://viewer:${env:CAM_PW}@10.0.0.5/1", fps: 10}
  dock: {uri: videos/dock.mp4, set: {det.confidence: 0.3}}
graph:
  det:   {use: detect.dnn, model: yolox-nano, classes: "${kinds}", confidence: "${conf}"}
  track: {use: track.sort, coast: 500ms, every: 2}
  cross: {use: count.line, lines: {door: [[0.0, 0.6], [1.0, 0.6]], far: {px: [[0, 5], [9, 5]]}}}
  draw:  {use: draw.overlay, in: {tracks: track, counts: cross}, colour: red}
  log:   {use: sink.jsonl, in: cross.events, path: "out/${source}.jsonl"}
""",
    """\
source: {uri: 0, fps: 5}
vars:
  zone: &zone
    area:
      - [0, 0]
      - [1, 0]
      - [1, 1]
    limit: 3
graph:
  det:
    use: detect.dnn
    size: [640, 480]   # width, height
    when: {stage: find, hold: 2s}
  find:
    use: detect.dnn
    on_error: retry
    workers: 2
  track:
    use: track.sort
    in: find
  inside:
    use: count.zone
    zones: [*zone, "${zone}"]
    low: 0.1
  send:
    use: sink.jsonl
    path: >-
      folded.jsonl
""",
]

#: pieces that mean something to YAML, to the reader or to Python
PIECES = [
    "${", "}", "${conf}", "$${", "${env:CAM_PW}", "${env:X:-}", "${source}", "*zone", "&zone ", "<<: ",
    "- ", "? ", ": ", "[", "]", "{", "}", "'", '"', "|\n", ">-\n", "!!int ", "!!python/name:os ", "!x ",
    "\t", "\n", "  ", "~", "#", "1e999", "0x" + "f" * 300, "0o17", ".nan", "-.inf", "9" * 400, "-1",
    "0", "1.5", "null", "true", "on", "22:30", "\u2028", "\x85", "\ufeff", "\U0001f600", "\0",
    "\x1b[31m", "\\", "\\U0010FFFF", "%YAML 1.1\n", "---\n", "...\n", "~root", "~nobody-at-all/x",
    "a" * 300, "@", "`", "source", "in", "when", "every", "set", "include: [g.yaml]\n", "[" * 50,
    "- " * 50, "{a: " * 40, "[&b [*b]]", "*b", "x: &b [*b, *b]\n",
]  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A right file after a few mutations."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        text = draw(st.sampled_from(MUTATIONS))(draw, text)
    return text


def _lines(draw: st.DrawFn, text: str) -> str:
    """Delete, repeat or swap lines, or change their indentation."""
    lines = text.split("\n")
    i = draw(st.integers(0, len(lines) - 1))
    j = draw(st.integers(0, len(lines) - 1))
    how = draw(st.sampled_from(["delete", "repeat", "swap", "indent"]))
    if how == "delete":
        del lines[i]
    elif how == "repeat":
        lines.insert(j, lines[i])
    elif how == "swap":
        lines[i], lines[j] = lines[j], lines[i]
    else:
        lines[i] = " " * draw(st.integers(0, 5)) + lines[i].lstrip()
    return "\n".join(lines)


def _characters(draw: st.DrawFn, text: str) -> str:
    """Replace a few characters by any others."""
    start = draw(st.integers(0, len(text)))
    put = draw(st.text(max_size=3) | st.sampled_from(PIECES))
    return text[:start] + put + text[start + draw(st.integers(0, 6)) :]


def _word(draw: st.DrawFn, text: str) -> str:
    """Put something else in place of a word."""
    words = text.split(" ")
    words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(PIECES))
    return " ".join(words)


#: values that fit somewhere, or nowhere
VALUES = [
    None, True, 0, 1, -3, 7, 0.25, 1e300, 10**40, "", "source", "det", "track.sort", "detect.dnn", "no", "5s",
    "${conf}", "${env:PORT}", "${source}", "cross.events", "a.mp4", "x" * 300, [], {}, [0, 0],
    [[0, 0], [1, 1]], ["person", 3], {"use": "detect.dnn"}, {"px": [[0, 0], [9, 9]]},
    {"stage": "det", "hold": "2s"}, {"": None}, {"det.confidence": 2},
]  # fmt: skip
WORDS = [
    "det",
    "use",
    "in",
    "when",
    "set",
    "vars",
    "sources",
    "enabled",
    "model",
    "lines",
    "1",
    "x",
    "a b",
    "${conf}",
    "",
]


@st.composite
def reshaped(draw: st.DrawFn) -> str:
    """A right file with some of its values, or keys, replaced: good YAML, perhaps a bad description."""
    content = plain(compose(draw(st.sampled_from(SEEDS)), "seed.yaml", Faults()) or Leaf(None, Place("")))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = content
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not (isinstance(at[key], dict | list) and at[key] and draw(st.integers(0, 3))):
                _change(draw, at, key)
                break
            at = at[key]
    return json.dumps(content)


def _change(draw: st.DrawFn, at: Any, key: Any) -> None:
    how = draw(st.sampled_from(["value", "value", "delete", "rename", "repeat"]))
    if how == "delete":
        del at[key]
    elif how == "rename" and isinstance(at, dict):
        at[draw(st.sampled_from(WORDS))] = at.pop(key)
    elif how == "repeat" and isinstance(at, list):
        at.append(at[key])
    else:
        at[key] = draw(
            st.sampled_from(VALUES).map(copy.deepcopy) | st.integers() | st.floats(0, 1) | st.text(max_size=5)
        )


MUTATIONS = [_lines, _characters, _word]
_SETTINGS = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def examine(registry: Registry, environ: dict[str, str]) -> Callable[[str], None]:
    """Read a text, and hold what comes of it against what was promised."""
    validator = Draft202012Validator(schema(registry))

    def examine(text: str) -> None:
        start = time.process_time()
        try:
            loaded = loads(text, registry, name="g.yaml", environ=environ)
            message, taken = explain(loaded, "graph"), True
        except ConfigError as error:
            message, taken = str(error), False
        assert message
        assert "hunter2" not in message
        assert all(c.isprintable() or c == "\n" for c in message)
        # an entry that is switched off is not looked at, but an editor marks what is wrong with it
        if taken and "enabled" not in text:
            node = compose(text, "g.yaml", Faults())
            assert node is not None
            assert validator.is_valid(plain(node)), "the reader takes what the schema refuses"
        assert time.process_time() - start < 2.0

    return examine


@pytest.mark.parametrize("text", SEEDS)
def test_the_files_to_break_are_right(text: str, registry: Registry, environ: dict[str, str]) -> None:
    assert loads(text, registry, environ=environ).description.plans


@given(text=broken())
@settings(_SETTINGS, max_examples=300)
def test_a_broken_file_is_taken_or_explained(text: str, examine: Callable[[str], None]) -> None:
    examine(text)


@given(text=reshaped())
@settings(_SETTINGS, max_examples=300)
def test_a_reshaped_file_is_taken_or_explained(text: str, examine: Callable[[str], None]) -> None:
    examine(text)


@pytest.mark.slow
@pytest.mark.timeout(900)
@given(text=broken() | reshaped())
@settings(_SETTINGS, max_examples=8000)
def test_thousands_of_broken_files(text: str, examine: Callable[[str], None]) -> None:
    with peak_growth() as growth:  # what other tests of this process took is not ours
        examine(text)
    assert growth() < 1024


@given(text=st.text(max_size=200))
@settings(_SETTINGS, max_examples=200)
def test_any_text_at_all(text: str, examine: Callable[[str], None]) -> None:
    examine(text)


KEYS = ["graph", "det", "confidence", "run", "mode", "0", "classes", "vars", "", "source", "x"]


@given(
    key=st.lists(st.sampled_from(KEYS), max_size=4).map(".".join),
    value=st.text(max_size=20) | st.sampled_from(PIECES),
)
@settings(_SETTINGS, max_examples=200)
def test_any_value_of_the_command_line(key: str, value: str, registry: Registry) -> None:
    text = "source: clip.mp4\nrun: {mode: live}\ngraph: {det: {use: detect.dnn, classes: [a]}}\n"
    parts: list[dict[str, Any]] = [
        {"overrides": {key: value}},
        {"variables": {"x": value}},
        {"source": value},
        {"source": f"a={value}"},
    ]
    for part in parts:
        with contextlib.suppress(ConfigError):
            assert loads(text, registry, environ={}, **part).description.plans


@given(key=st.text(max_size=30) | st.lists(st.sampled_from(KEYS), max_size=5).map(".".join))
@settings(_SETTINGS, max_examples=100)
def test_any_key_to_explain(key: str, registry: Registry) -> None:
    loaded = loads("source: clip.mp4\ngraph: {det: {use: detect.dnn, classes: [a]}}\n", registry)
    with contextlib.suppress(UsageError):
        assert key in explain(loaded, key)
