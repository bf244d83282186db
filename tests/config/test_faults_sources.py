"""Faults of sources, their `set:` and the files that several would write, to the letter."""

# ruff: noqa: E501 - messages are compared to the letter, so their lines are as long as they are

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "an address for no kind",
        """
source: clip.xyz
graph: {det: detect.dnn}
""",
        """
g.yaml:1:9: source: no kind of source takes 'clip.xyz'; there are camera, file, stream; choose one with 'use'
    1 | source: clip.xyz
      |         ^^^^^^^^
""",
    ),
    (
        "an unknown kind of source",
        """
source: {use: files, uri: clip.mp4}
graph: {det: detect.dnn}
""",
        """
g.yaml:1:15: source.use: unknown kind of source 'files'; did you mean 'file'?
    1 | source: {use: files, uri: clip.mp4}
      |               ^^^^^
""",
    ),
    (
        "a source without address",
        """
source: {loop: true}
graph: {det: detect.dnn}
""",
        """
g.yaml:1:1: source: 'uri' is missing; give a path or an address
    1 | source: {loop: true}
      | ^^^^^^
""",
    ),
    (
        "a source that is a list",
        """
source: [a.mp4, b.mp4]
graph: {det: detect.dnn}
""",
        """
g.yaml:1:9: source: a source cannot be a list; write a path, an address, or {uri: ..., option: ...}
    1 | source: [a.mp4, b.mp4]
      |         ^^^^^^^^^^^^^^
""",
    ),
    (
        "a source that is a fraction",
        """
source: 1.5
graph: {det: detect.dnn}
""",
        """
g.yaml:1:9: source: expected a path or an address, got 1.5
    1 | source: 1.5
      |         ^^^
""",
    ),
    (
        "an option of another kind of source",
        """
source: {uri: clip.mp4, fps: 5}
graph: {det: detect.dnn}
""",
        """
g.yaml:1:25: source.fps: unknown option of file; it has uri, loop, use, set
    1 | source: {uri: clip.mp4, fps: 5}
      |                         ^^^
""",
    ),
    (
        "a camera's number out of range",
        """
source: 12
graph: {det: detect.dnn}
""",
        """
g.yaml:1:9: source: expected a whole number between 0 and 9, got 12
    1 | source: 12
      |         ^^
""",
    ),
    (
        "a password in the line with a fault",
        """
source: {uri: "rtsp://me:hunter2@cam/1", fpss: 5}
graph: {det: detect.dnn}
""",
        """
g.yaml:1:42: source.fpss: unknown option of stream; did you mean 'fps'?
    1 | source: {uri: "rtsp://me:***@cam/1", fpss: 5}
      |                                      ^^^^
""",
    ),
    (
        "a token in the line with a fault",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: {a: [[0, 0], [1, 1]]}}
  send: {use: sink.http, token: hunter2, url: "http://x", prt: 5}
""",
        """
g.yaml:6:59: graph.send.prt: unknown option of sink.http; did you mean 'port'?
    6 |   send: {use: sink.http, token: ***, url: "http://x", prt: 5}
      |                                                       ^^^
""",
    ),
    (
        "an option for a stage that is not there",
        """
version: 1
sources:
  gate: {uri: a.mp4, set: {dett.confidence: 0.3}}
graph: {det: detect.dnn}
""",
        """
g.yaml:3:28: sources.gate.set.dett.confidence: there is no stage 'dett'; did you mean 'det'?
    3 |   gate: {uri: a.mp4, set: {dett.confidence: 0.3}}
      |                            ^^^^^^^^^^^^^^^
""",
    ),
    (
        "a wrong value for one source",
        """
version: 1
sources:
  gate: {uri: a.mp4, set: {det.confidence: 3}}
  dock: b.mp4
graph: {det: detect.dnn}
""",
        """
g.yaml:3:44: graph.det.confidence: expected a number between 0 and 1, got 3
    3 |   gate: {uri: a.mp4, set: {det.confidence: 3}}
      |                                            ^
""",
    ),
    (
        "a set key without a dot",
        """
version: 1
sources:
  gate: {uri: a.mp4, set: {det: detect.dnn}}
graph: {det: detect.dnn}
""",
        """
g.yaml:3:28: sources.gate.set.det: 'det' leads to no option; write stage.option: value
    3 |   gate: {uri: a.mp4, set: {det: detect.dnn}}
      |                            ^^^
""",
    ),
    (
        "a set that is a list",
        """
version: 1
sources:
  gate: {uri: a.mp4, set: [det.confidence]}
graph: {det: detect.dnn}
""",
        """
g.yaml:3:27: sources.gate.set: expected a mapping such as {stage.option: value}, got a list of 1
    3 |   gate: {uri: a.mp4, set: [det.confidence]}
      |                           ^^^^^^^^^^^^^^^^
""",
    ),
    (
        "a set that leads into a number",
        """
version: 1
sources:
  gate: {uri: a.mp4, set: {det.confidence.low: 1}}
graph: {det: {use: detect.dnn, confidence: 0.3}}
""",
        """
g.yaml:3:28: sources.gate.set.det.confidence.low: graph.det.confidence is not a mapping, and has no 'low'
    3 |   gate: {uri: a.mp4, set: {det.confidence.low: 1}}
      |                            ^^^^^^^^^^^^^^^^^^
""",
    ),
    (
        "one file for two sources",
        """
version: 1
sources: {gate: a.mp4, dock: b.mp4}
graph:
  det: detect.dnn
  log: {use: sink.jsonl, path: out/log.jsonl}
""",
        """
g.yaml:5:32: graph.log.path: the sources 'gate' and 'dock' would write the same file 'out/log.jsonl'; put ${source} into its path: 'out/log-${source}.jsonl'
    5 |   log: {use: sink.jsonl, path: out/log.jsonl}
      |                                ^^^^^^^^^^^^^
""",
    ),
    (
        "one file for two stages",
        """
source: clip.mp4
graph:
  det: detect.dnn
  log: {use: sink.jsonl, path: log.jsonl}
  more: {use: sink.jsonl, path: ./log.jsonl}
""",
        """
g.yaml:5:33: graph.more.path: 'log' already writes 'log.jsonl'; give it a file of its own
    5 |   more: {use: sink.jsonl, path: ./log.jsonl}
      |                                 ^^^^^^^^^^^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
