"""Faults of engine keys, inputs and references between stages, to the letter."""

# ruff: noqa: E501 - messages are compared to the letter, so their lines are as long as they are

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "a fraction of a frame",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, every: 0.5}
""",
        """
g.yaml:3:33: graph.det.every: expected a number of frames (3) or a duration with its unit (500ms, 2s), got 0.5
    3 |   det: {use: detect.dnn, every: 0.5}
      |                                 ^^^
""",
    ),
    (
        "every zero frames",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, every: 0}
""",
        """
g.yaml:3:33: graph.det.every: expected a number of frames (3) or a duration with its unit (500ms, 2s), got 0
    3 |   det: {use: detect.dnn, every: 0}
      |                                 ^
""",
    ),
    (
        "every zero seconds",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, every: 0s}
""",
        """
g.yaml:3:33: graph.det.every: expected a number of frames (3) or a duration with its unit (500ms, 2s), got '0s'
    3 |   det: {use: detect.dnn, every: 0s}
      |                                 ^^
""",
    ),
    (
        "a rate of zero",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, max_fps: 0}
""",
        """
g.yaml:3:35: graph.det.max_fps: expected a number above 0, got 0
    3 |   det: {use: detect.dnn, max_fps: 0}
      |                                   ^
""",
    ),
    (
        "two limits of the rate",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, every: 2s, max_fps: 5}
""",
        """
g.yaml:3:37: graph.det.max_fps: 'every' and 'max_fps' both limit the rate; keep one of them
    3 |   det: {use: detect.dnn, every: 2s, max_fps: 5}
      |                                     ^^^^^^^
""",
    ),
    (
        "an unknown policy",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, on_error: ignore}
""",
        """
g.yaml:3:36: graph.det.on_error: expected skip, pass, retry, restart, stop_source or stop, got 'ignore'
    3 |   det: {use: detect.dnn, on_error: ignore}
      |                                    ^^^^^^
""",
    ),
    (
        "several workers for a stage with memory",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, workers: 2}
""",
        """
g.yaml:4:37: graph.track.workers: track.sort keeps state from frame to frame and cannot have several workers; take 'workers' away
    4 |   track: {use: track.sort, workers: 2}
      |                                     ^
""",
    ),
    (
        "enabled by a word",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, enabled: no}
""",
        """
g.yaml:3:35: graph.det.enabled: expected true or false, got 'no'
    3 |   det: {use: detect.dnn, enabled: no}
      |                                   ^^
""",
    ),
    (
        "a stage for an unknown source",
        """
version: 1
sources: {gate: a.mp4, dock: b.mp4}
graph:
  det: {use: detect.dnn, sources: [gat]}
""",
        """
g.yaml:4:36: graph.det.sources.0: there is no source 'gat'; did you mean 'gate'?
    4 |   det: {use: detect.dnn, sources: [gat]}
      |                                    ^^^
""",
    ),
    (
        "a condition on nothing",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, when: motion}
""",
        """
g.yaml:3:32: graph.det.when: there is no stage 'motion'; there are det, source
    3 |   det: {use: detect.dnn, when: motion}
      |                                ^^^^^^
""",
    ),
    (
        "a condition with a misspelt key",
        """
source: clip.mp4
graph:
  det: detect.dnn
  more: {use: detect.dnn, when: {stage: det, atleast: 2}}
""",
        """
g.yaml:4:46: graph.more.when.atleast: unknown option; did you mean 'at_least'?
    4 |   more: {use: detect.dnn, when: {stage: det, atleast: 2}}
      |                                              ^^^^^^^
""",
    ),
    (
        "a condition on a number",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, when: 3}
""",
        """
g.yaml:3:32: graph.det.when: expected the id of a stage, or id.port, got 3
    3 |   det: {use: detect.dnn, when: 3}
      |                                ^
""",
    ),
    (
        "a missing producer",
        """
source: clip.mp4
graph:
  cross: {use: count.line, lines: {a: [[0, 0], [1, 1]]}}
""",
        """
g.yaml:3:3: graph.cross: needs Tracks, which no earlier stage gives; put one before it: track.sort
    3 |   cross: {use: count.line, lines: {a: [[0, 0], [1, 1]]}}
      |   ^^^^^
""",
    ),
    (
        "an input from nowhere",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, in: dett}
""",
        """
g.yaml:4:32: graph.track.in: there is no stage 'dett'; did you mean 'det'?
    4 |   track: {use: track.sort, in: dett}
      |                                ^^^^
""",
    ),
    (
        "an unknown input",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, in: {detection: det}}
""",
        """
g.yaml:4:33: graph.track.in.detection: track.sort has no input 'detection'; did you mean 'detections'?
    4 |   track: {use: track.sort, in: {detection: det}}
      |                                 ^^^^^^^^^
""",
    ),
    (
        "an output that is not there",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, in: det.tracks}
""",
        """
g.yaml:4:32: graph.track.in: there is no output 'det.tracks'; there is det.detections
    4 |   track: {use: track.sort, in: det.tracks}
      |                                ^^^^^^^^^^
""",
    ),
    (
        "an input by number",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, in: 1}
""",
        """
g.yaml:4:32: graph.track.in: expected the id of a stage, or id.port, got 1
    4 |   track: {use: track.sort, in: 1}
      |                                ^
""",
    ),
    (
        "an empty list of inputs",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, in: []}
""",
        """
g.yaml:4:32: graph.track.in: the list is empty; name a stage, or leave 'in' out
    4 |   track: {use: track.sort, in: []}
      |                                ^^
""",
    ),
    (
        "an input named twice",
        """
source: clip.mp4
graph:
  det: detect.dnn
  log: {use: sink.jsonl, path: a, in: [det, det]}
""",
        """
g.yaml:4:45: graph.log.in.1: 'det' is named twice; name it once
    4 |   log: {use: sink.jsonl, path: a, in: [det, det]}
      |                                             ^^^
""",
    ),
    (
        "a reference that is none",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, in: {detections: [a b]}}
""",
        """
g.yaml:4:46: graph.track.in.detections.0: expected the id of a stage, or id.port, got 'a b'
    4 |   track: {use: track.sort, in: {detections: [a b]}}
      |                                              ^^^
""",
    ),
    (
        "an input left out that is needed",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: {use: track.sort, in: {detections: null}}
""",
        """
g.yaml:4:45: graph.track.in.detections: input 'detections' cannot be left out
    4 |   track: {use: track.sort, in: {detections: null}}
      |                                             ^^^^
""",
    ),
    (
        "an input from a stage that is switched off",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, enabled: false}
  spare: detect.dnn
  track: {use: track.sort, in: det}
""",
        """
g.yaml:5:32: graph.track.in: there is no stage 'det'; it is switched off for the source 'clip'
    5 |   track: {use: track.sort, in: det}
      |                                ^^^
""",
    ),
    (
        "a circle",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, when: track}
  track: {use: track.sort, in: det}
""",
        """
g.yaml:3:3: graph.det: runs in a circle: det -> track -> det
    3 |   det: {use: detect.dnn, when: track}
      |   ^^^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
