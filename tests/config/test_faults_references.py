"""Faults of variables, the environment and includes, to the letter."""

# ruff: noqa: E501 - messages are compared to the letter, so their lines are as long as they are

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "an unknown variable",
        """
source: clip.mp4
vars: {conf: 0.4}
graph:
  det: {use: detect.dnn, confidence: "${cnof}"}
""",
        """
g.yaml:4:39: graph.det.confidence: there is no variable 'cnof'; did you mean 'conf'?
    4 |   det: {use: detect.dnn, confidence: "${cnof}"}
      |                                       ^^^^^^^
""",
    ),
    (
        "an undeclared variable",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, confidence: "${conf}"}
""",
        """
g.yaml:3:39: graph.det.confidence: there is no variable 'conf'; write it under vars:, or give --var conf=...
    3 |   det: {use: detect.dnn, confidence: "${conf}"}
      |                                       ^^^^^^^
""",
    ),
    (
        "a variable that refers to itself",
        """
source: clip.mp4
vars: {a: "${b}", b: "x${a}"}
graph:
  det: {use: detect.dnn, model: "${a}"}
""",
        """
g.yaml:2:8: vars.a: refers to itself: a -> b -> a
    2 | vars: {a: "${b}", b: "x${a}"}
      |        ^
""",
    ),
    (
        "a variable's value out of range",
        """
source: clip.mp4
vars: {conf: 4}
graph:
  det: {use: detect.dnn, confidence: "${conf}"}
""",
        """
g.yaml:4:38: graph.det.confidence: expected a number between 0 and 1, got 4 (from vars.conf at g.yaml:2:8)
    4 |   det: {use: detect.dnn, confidence: "${conf}"}
      |                                      ^^^^^^^^^
""",
    ),
    (
        "a list inside a text",
        """
source: clip.mp4
vars: {kinds: [a, b]}
graph:
  det: {use: detect.dnn, model: "x-${kinds}"}
""",
        """
g.yaml:4:36: graph.det.model: ${kinds} is a list; it can only stand alone
    4 |   det: {use: detect.dnn, model: "x-${kinds}"}
      |                                    ^^^^^^^^
""",
    ),
    (
        "a fault inside a variable",
        """
source: clip.mp4
vars:
  lines: {door: [[0, 0.6], [1, 6]]}
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: "${lines}"}
""",
        """
g.yaml:3:32: graph.cross.lines.door.1.1: expected a number between 0 and 1, got 6; fractions of the picture are meant; write {px: [...]} for pixels
    3 |   lines: {door: [[0, 0.6], [1, 6]]}
      |                                ^
""",
    ),
    (
        "a reference that cannot be read",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: "${a b}"}
""",
        """
g.yaml:3:34: graph.det.model: '${a b}' cannot be read; write ${name}, ${env:NAME} or ${env:NAME:-default}; $${ gives a plain ${
    3 |   det: {use: detect.dnn, model: "${a b}"}
      |                                  ^^^^^^
""",
    ),
    (
        "a reference that is not closed",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: "a${b"}
""",
        """
g.yaml:3:35: graph.det.model: '${' cannot be read; write ${name}, ${env:NAME} or ${env:NAME:-default}; $${ gives a plain ${
    3 |   det: {use: detect.dnn, model: "a${b"}
      |                                   ^^
""",
    ),
    (
        "a reference in a key",
        """
source: clip.mp4
vars: {a: x}
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: {"${a}": [[0, 0], [1, 1]]}}
""",
        """
g.yaml:6:36: graph.cross.lines.${a}: a name cannot hold ${...}; write it out
    6 |   cross: {use: count.line, lines: {"${a}": [[0, 0], [1, 1]]}}
      |                                    ^^^^^^
""",
    ),
    (
        "the source's name where there is no source",
        """
source: clip.mp4
run: {metrics: "${source}.json"}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:17: run.metrics: there is no ${source} here; it stands for a source's name in 'graph' and 'sources' only
    2 | run: {metrics: "${source}.json"}
      |                 ^^^^^^^^^
""",
    ),
    (
        "an environment variable that is not set",
        """
source: "rtsp://me:${env:NO_SUCH}@cam/1"
graph: {det: detect.dnn}
""",
        """
g.yaml:1:20: source: environment variable NO_SUCH is not set; set it, or write ${env:NO_SUCH:-default}
    1 | source: "rtsp://me:${env:NO_SUCH}@cam/1"
      |                    ^^^^^^^^^^^^^^
""",
    ),
    (
        "a text from the environment for a flag",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: {a: [[0, 0], [1, 1]]}}
  send: {use: sink.http, url: "http://x", verify: "${env:FLAG}"}
""",
        """
g.yaml:6:51: graph.send.verify: expected true or false, got '${env:FLAG}' (from environment variable FLAG)
    6 |   send: {use: sink.http, url: "http://x", verify: "${env:FLAG}"}
      |                                                   ^^^^^^^^^^^^^
""",
    ),
    (
        "a number from the environment out of range",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: {a: [[0, 0], [1, 1]]}}
  send: {use: sink.http, url: "http://x", port: "${env:BIG}"}
""",
        """
g.yaml:6:49: graph.send.port: expected a whole number between 1 and 65535, got ${env:BIG} (from environment variable BIG)
    6 |   send: {use: sink.http, url: "http://x", port: "${env:BIG}"}
      |                                                 ^^^^^^^^^^^^
""",
    ),
    (
        "a secret where a word is expected",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, device: "${env:CAM_PW}"}
""",
        """
g.yaml:3:34: graph.det.device: expected auto, cpu or cuda, got '${env:CAM_PW}' (from environment variable CAM_PW)
    3 |   det: {use: detect.dnn, device: "${env:CAM_PW}"}
      |                                  ^^^^^^^^^^^^^^^
""",
    ),
    (
        "a secret as an unknown stage",
        """
source: clip.mp4
graph:
  det: {use: "${env:CAM_PW}"}
""",
        """
g.yaml:3:14: graph.det: unknown stage '${env:CAM_PW}' (from environment variable CAM_PW); 'stages' lists all
    3 |   det: {use: "${env:CAM_PW}"}
      |              ^^^^^^^^^^^^^^^
""",
    ),
    (
        "a secret as a missing file",
        """
source: clip.mp4
graph:
  draw: {use: draw.overlay, font: "${env:CAM_PW}.ttf"}
""",
        """
g.yaml:3:35: graph.draw.font: file '${env:CAM_PW}.ttf' does not exist (from environment variable CAM_PW); check the path
    3 |   draw: {use: draw.overlay, font: "${env:CAM_PW}.ttf"}
      |                                   ^^^^^^^^^^^^^^^^^^^
""",
    ),
    (
        "a variable in include",
        """
source: clip.mp4
include: ["${a}.yaml"]
graph: {det: detect.dnn}
""",
        """
g.yaml:2:11: include.0: a file to include cannot hold ${...}; write the file's name out
    2 | include: ["${a}.yaml"]
      |           ^^^^^^^^^^^
""",
    ),
    (
        "an include that is missing",
        """
source: clip.mp4
include: [no-such.yaml]
graph: {det: detect.dnn}
""",
        """
g.yaml:2:11: include.0: file 'no-such.yaml' does not exist, or is not a regular file
    2 | include: [no-such.yaml]
      |           ^^^^^^^^^^^^
""",
    ),
    (
        "an include that is a number",
        """
source: clip.mp4
include: [3]
graph: {det: detect.dnn}
""",
        """
g.yaml:2:11: include.0: expected a file to include, got 3
    2 | include: [3]
      |           ^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
