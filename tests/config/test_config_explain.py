"""Where values come from, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidstream.config import Loaded, explain, load, loads
from vidstream.errors import UsageError
from vidstream.graph.registry import Registry

TEXT = """\
version: 1
include: base.yaml
vars: {conf: 0.4, pw: "${env:CAM_PW}"}
sources:
  gate: {uri: "rtsp://me:${pw}@cam/1", fps: "${env:FPS:-10}"}
  dock: {uri: b.mp4, set: {det.confidence: 0.3, cross.lines.door: [[0, 0], [1, 1]]}}
graph:
  det: {use: detect.dnn, confidence: "${conf}", model: "${name}", classes: "${kinds}"}
  track: track.sort
  cross: {use: count.line, lines: {door: [[0.0, 0.6], [1.0, 0.6]]}}
  log: {use: sink.jsonl, path: "${source}.jsonl", every: 2}
"""
BASE = "run: {mode: live}\nvars: {kinds: [car]}\ngraph: {track: {use: track.sort}}\n"

CASES = [
    (
        "graph.det.confidence",
        """
[gate] graph.det.confidence = 0.4: g.yaml:8:38, vars.conf at g.yaml:3:8
[dock] graph.det.confidence = 0.3: g.yaml:6:44, set for the source 'dock'
""",
    ),
    ("graph.det.model", "graph.det.model = large: --var name"),
    ("graph.det.classes", "graph.det.classes = [car]: g.yaml:8:76, vars.kinds at base.yaml:2:8"),
    ("graph.det.device", "graph.det.device = cpu: --set graph.det.device"),
    ("graph.det.size", "graph.det.size = [416, 416]: the default of detect.dnn"),
    ("graph.det.size.0", None),
    ("graph.track.coast", "graph.track.coast = 1.0: the default of track.sort"),
    ("graph.log.every", "graph.log.every = 2: g.yaml:11:58"),
    (
        "graph.log.path",
        """
[gate] graph.log.path = gate.jsonl: g.yaml:11:32, the source's name
[dock] graph.log.path = dock.jsonl: g.yaml:11:32, the source's name
""",
    ),
    (
        "graph.cross.lines.door.1",
        """
[gate] graph.cross.lines.door.1 = [1.0, 0.6]: g.yaml:10:55
[dock] graph.cross.lines.door.1 = [1, 1]: g.yaml:6:76, set for the source 'dock'
""",
    ),
    ("run.mode", "run.mode = live: base.yaml:1:13, included"),
    ("run.queue", "run.queue = 8: the default"),
    (
        "sources.gate",
        """
sources.gate.uri = rtsp://me:${pw}@cam/1: g.yaml:5:15, vars.pw at g.yaml:3:19, environment variable CAM_PW
sources.gate.fps = 10: g.yaml:5:45, the default in ${env:FPS:-10}
""",
    ),
    (
        "sources.dock",
        """
sources.dock.uri = b.mp4: g.yaml:6:15
sources.dock.loop = false: the default of file
""",
    ),
    ("sources.dock.uri", "sources.dock.uri = b.mp4: g.yaml:6:15"),
]


@pytest.fixture
def loaded(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.chdir(tmp_path)
    Path("g.yaml").write_text(TEXT)
    Path("base.yaml").write_text(BASE)
    return load(
        Path("g.yaml"),
        registry,
        variables={"name": "large"},
        overrides={"graph.det.device": "cpu"},
        environ={"CAM_PW": "hunter2"},
    )


@pytest.mark.parametrize(("key", "expected"), CASES, ids=[c[0] for c in CASES])
def test_where_a_value_comes_from(key: str, expected: str | None, loaded: Loaded) -> None:
    if expected is None:
        with pytest.raises(UsageError, match="there is no value"):
            explain(loaded, key)
    else:
        assert explain(loaded, key) == expected.strip("\n")


def test_a_misspelt_key_names_the_nearest(loaded: Loaded) -> None:
    with pytest.raises(UsageError) as caught:
        explain(loaded, "graph.det.confidense")
    assert (
        str(caught.value) == "there is no value 'graph.det.confidense'; did you mean 'graph.det.confidence'?"
    )


def test_a_whole_stage_lists_all_its_options(loaded: Loaded) -> None:
    names = [line.split(" = ")[0].split(".")[-1] for line in explain(loaded, "graph.det").splitlines()]
    assert names == ["use", "model", "confidence", "confidence", "classes", "device", "size"]


def test_the_short_form(registry: Registry) -> None:
    loaded = loads("source: clip.mp4\ngraph: {det: detect.dnn}\n", registry, name="g.yaml")
    assert explain(loaded, "source") == "source = clip.mp4: g.yaml:1:9"
    assert explain(loaded, "graph.det").splitlines()[0] == "graph.det = detect.dnn: g.yaml:2:14"
    assert explain(loaded, "graph.det.model") == "graph.det.model = yolox-nano: the default of detect.dnn"


def test_a_value_moves_no_cursor(registry: Registry) -> None:
    loaded = loads('source: a.mp4\ngraph: {det: {use: detect.dnn, model: "a\\e[31m\\nb"}}\n', registry)
    assert explain(loaded, "graph.det.model") == "graph.det.model = a?[31m?b: <text>:2:39"
