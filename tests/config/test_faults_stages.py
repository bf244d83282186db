"""Faults in the entries of the graph, to the letter."""

# ruff: noqa: E501 - messages are compared to the letter, so their lines are as long as they are

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "an unknown stage",
        """
source: clip.mp4
graph:
  det: detect.dn
""",
        """
g.yaml:3:8: graph.det: unknown stage 'detect.dn'; did you mean 'detect.dnn'?
    3 |   det: detect.dn
      |        ^^^^^^^^^
""",
    ),
    (
        "a stage by its last name",
        """
source: clip.mp4
graph:
  det: {use: dnn}
""",
        """
g.yaml:3:14: graph.det: unknown stage 'dnn'; did you mean 'detect.dnn'?
    3 |   det: {use: dnn}
      |              ^^^
""",
    ),
    (
        "an entry without use",
        """
source: clip.mp4
graph:
  det: {model: a}
""",
        """
g.yaml:3:3: graph.det: 'use' is missing; name the stage: use: family.name
    3 |   det: {model: a}
      |   ^^^
""",
    ),
    (
        "an empty entry",
        """
source: clip.mp4
graph:
  det:
""",
        """
g.yaml:3:7: graph.det: expected a stage; write its name, or {use: name, option: ...}
    3 |   det:
      |       ^
""",
    ),
    (
        "a list as an entry",
        """
source: clip.mp4
graph:
  det: [detect.dnn]
""",
        """
g.yaml:3:8: graph.det: expected a stage; write its name, or {use: name, option: ...}
    3 |   det: [detect.dnn]
      |        ^^^^^^^^^^^^
""",
    ),
    (
        "a number as a stage",
        """
source: clip.mp4
graph:
  det: {use: 3}
""",
        """
g.yaml:3:14: graph.det.use: expected the name of a stage, got 3; put it in quotes
    3 |   det: {use: 3}
      |              ^
""",
    ),
    (
        "an unknown option",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, confidense: 0.4}
""",
        """
g.yaml:3:26: graph.det.confidense: unknown option of detect.dnn; did you mean 'confidence'?
    3 |   det: {use: detect.dnn, confidense: 0.4}
      |                          ^^^^^^^^^^
""",
    ),
    (
        "an unknown option far from all",
        """
source: clip.mp4
graph:
  track: {use: detect.dnn, zzz: 1}
""",
        """
g.yaml:3:28: graph.track.zzz: unknown option of detect.dnn; it has model, confidence, classes, device, size
    3 |   track: {use: detect.dnn, zzz: 1}
      |                            ^^^
""",
    ),
    (
        "a misspelt key of the engine",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, evry: 3}
""",
        """
g.yaml:3:26: graph.det.evry: unknown option of detect.dnn; did you mean 'every'?
    3 |   det: {use: detect.dnn, evry: 3}
      |                          ^^^^
""",
    ),
    (
        "a missing option",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  cross: count.line
""",
        """
g.yaml:5:3: graph.cross: 'lines' is missing; give a mapping, each value a line of two points [[x, y], [x, y]]
    5 |   cross: count.line
      |   ^^^^^
""",
    ),
    (
        "a number out of range",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, confidence: 40}
""",
        """
g.yaml:3:38: graph.det.confidence: expected a number between 0 and 1, got 40
    3 |   det: {use: detect.dnn, confidence: 40}
      |                                      ^^
""",
    ),
    (
        "a text for a number",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, confidence: high}
""",
        """
g.yaml:3:38: graph.det.confidence: expected a number between 0 and 1, got 'high'
    3 |   det: {use: detect.dnn, confidence: high}
      |                                      ^^^^
""",
    ),
    (
        "a number for a text",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: 8}
""",
        """
g.yaml:3:33: graph.det.model: expected a text, got 8; put it in quotes
    3 |   det: {use: detect.dnn, model: 8}
      |                                 ^
""",
    ),
    (
        "a nested list of the wrong length",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, size: [640]}
""",
        """
g.yaml:3:32: graph.det.size: expected a list of 2, each a whole number, got a list of 1
    3 |   det: {use: detect.dnn, size: [640]}
      |                                ^^^^^
""",
    ),
    (
        "one wrong item of a list",
        """
source: clip.mp4
graph:
  det:
    use: detect.dnn
    classes:
      - person
      - 3
""",
        """
g.yaml:7:9: graph.det.classes.1: expected a text, got 3; put it in quotes
    7 |       - 3
      |         ^
""",
    ),
    (
        "a point outside of the picture",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: {door: [[0, 0.6], [640, 0.6]]}}
""",
        """
g.yaml:5:54: graph.cross.lines.door.1.0: expected a number between 0 and 1, got 640; fractions of the picture are meant; write {px: [...]} for pixels
    5 |   cross: {use: count.line, lines: {door: [[0, 0.6], [640, 0.6]]}}
      |                                                      ^^^
""",
    ),
    (
        "pixels with a missing number",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: {door: {px: [[0, 6], [640]]}}}
""",
        """
g.yaml:5:56: graph.cross.lines.door.px.1: expected a point [x, y], got a list of 1
    5 |   cross: {use: count.line, lines: {door: {px: [[0, 6], [640]]}}}
      |                                                        ^^^^^
""",
    ),
    (
        "a fault inside a nested mapping",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  zone: {use: count.zone, zones: [{area: [[0, 0], [1, 0], [1, 1]], limt: 3}]}
""",
        """
g.yaml:5:68: graph.zone.zones.0.limt: unknown option; did you mean 'limit'?
    5 |   zone: {use: count.zone, zones: [{area: [[0, 0], [1, 0], [1, 1]], limt: 3}]}
      |                                                                    ^^^^
""",
    ),
    (
        "two options that contradict",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  zone: {use: count.zone, zones: [{area: [[0, 0], [1, 0], [1, 1]]}], low: 0.9}
""",
        """
g.yaml:5:75: graph.zone.low: 'low' (0.9) is above 'high' (0.8)
    5 |   zone: {use: count.zone, zones: [{area: [[0, 0], [1, 0], [1, 1]]}], low: 0.9}
      |                                                                           ^^^
""",
    ),
    (
        "a colour nobody knows",
        """
source: clip.mp4
graph:
  draw: {use: draw.overlay, colour: redd}
""",
        """
g.yaml:3:37: graph.draw.colour: expected a colour (a name such as red, "#rrggbb", or [red, green, blue]), got 'redd'; did you mean 'red'?
    3 |   draw: {use: draw.overlay, colour: redd}
      |                                     ^^^^
""",
    ),
    (
        "a file that is missing",
        """
source: clip.mp4
graph:
  draw: {use: draw.overlay, font: no-such.ttf}
""",
        """
g.yaml:3:35: graph.draw.font: file 'no-such.ttf' does not exist; check the path
    3 |   draw: {use: draw.overlay, font: no-such.ttf}
      |                                   ^^^^^^^^^^^
""",
    ),
    (
        "a model that is missing",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: yolox-giant}
""",
        """
g.yaml:3:33: graph.det.model: there is no model 'yolox-giant'; 'models list' shows all
    3 |   det: {use: detect.dnn, model: yolox-giant}
      |                                 ^^^^^^^^^^^
""",
    ),
    (
        "a duration without sense",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, coast: 5 parsecs}
""",
        """
g.yaml:4:35: graph.track.coast: expected a duration (seconds, or 500ms, 2s, 5m, 1h, 7d), got '5 parsecs'
    4 |   track: {use: track.sort, coast: 5 parsecs}
      |                                   ^^^^^^^^^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
