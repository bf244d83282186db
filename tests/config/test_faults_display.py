"""How faults are shown in long lines, wide characters and large numbers."""

# ruff: noqa: E501 - messages are compared to the letter, so their lines are as long as they are

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "a key given twice hides no other fault",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: a, model: b, confidense: 1}
  det: track.sort
""",
        """
g.yaml:3:36: graph.det.model: is given twice; the first is in line 3
    3 |   det: {use: detect.dnn, model: a, model: b, confidense: 1}
      |                                    ^^^^^
g.yaml:3:46: graph.det.confidense: unknown option of detect.dnn; did you mean 'confidence'?
    3 |   det: {use: detect.dnn, model: a, model: b, confidense: 1}
      |                                              ^^^^^^^^^^
g.yaml:4:3: graph.det: is given twice; the first is in line 3
    4 |   det: track.sort
      |   ^^^
""",
    ),
    (
        "wide characters before the fault",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: 東京カメラ, confidense: 1}
""",
        """
g.yaml:3:40: graph.det.confidense: unknown option of detect.dnn; did you mean 'confidence'?
    3 |   det: {use: detect.dnn, model: 東京カメラ, confidense: 1}
      |                                             ^^^^^^^^^^
""",
    ),
    (
        "a fault far to the right",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, classes: [kind0, kind1, kind2, kind3, kind4, kind5, kind6, kind7, kind8, kind9, kind10, kind11, kind12, kind13, kind14, kind15, kind16, kind17, kind18, kind19, kind20, kind21, kind22, kind23, kind24, kind25, kind26, kind27, kind28, kind29, kind30, kind31, kind32, kind33, kind34, kind35, kind36, kind37, kind38, kind39], confidense: 1, model: a, device: cpu}
""",
        """
g.yaml:3:347: graph.det.confidense: unknown option of detect.dnn; did you mean 'confidence'?
    3 | ...d31, kind32, kind33, kind34, kind35, kind36, kind37, kind38, kind39], confidense: 1, model: a, device: cpu}
      |                                                                          ^^^^^^^^^^
""",
    ),
    (
        "several faults at once",
        """
source: clip.xyz
run: {mode: liv}
graph:
  det: {use: detect.dnn, confidense: 1, device: gpu}
  trak: track.srt
""",
        """
g.yaml:1:9: source: no kind of source takes 'clip.xyz'; there are camera, file, stream; choose one with 'use'
    1 | source: clip.xyz
      |         ^^^^^^^^
g.yaml:2:13: run.mode: expected auto, live or offline, got 'liv'; did you mean 'live'?
    2 | run: {mode: liv}
      |             ^^^
g.yaml:4:26: graph.det.confidense: unknown option of detect.dnn; did you mean 'confidence'?
    4 |   det: {use: detect.dnn, confidense: 1, device: gpu}
      |                          ^^^^^^^^^^
g.yaml:4:49: graph.det.device: expected auto, cpu or cuda, got 'gpu'; did you mean 'cpu'?
    4 |   det: {use: detect.dnn, confidense: 1, device: gpu}
      |                                                 ^^^
g.yaml:5:9: graph.trak: unknown stage 'track.srt'; did you mean 'track.sort'?
    5 |   trak: track.srt
      |         ^^^^^^^^^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
