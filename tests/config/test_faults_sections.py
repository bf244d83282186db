"""Faults of the outermost sections, ids and the `run:` section, to the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "an unknown section",
        """
source: clip.mp4
grap:
  det: detect.dnn
""",
        """
g.yaml:2:1: grap: unknown section; did you mean 'graph'?
    2 | grap:
      | ^^^^
""",
    ),
    (
        "no graph",
        """
source: clip.mp4
""",
        """
g.yaml: there is no graph; add 'graph:' with stages, e.g. 'move: detect.motion'
""",
    ),
    (
        "an empty graph",
        """
source: clip.mp4
graph: {}
""",
        """
g.yaml:2:1: graph: it is empty; add a stage
    2 | graph: {}
      | ^^^^^
""",
    ),
    (
        "a graph that is a word",
        """
source: clip.mp4
graph: detect.dnn
""",
        """
g.yaml:2:8: graph: expected a mapping; the stages by id, in order, indented below it
    2 | graph: detect.dnn
      |        ^^^^^^^^^^
""",
    ),
    (
        "a graph that is a list",
        """
source: clip.mp4
graph:
  - detect.dnn
""",
        """
g.yaml:3:3: graph: expected a mapping; the stages by id, in order, indented below it
    3 |   - detect.dnn
      |   ^^^^^^^^^^^^
""",
    ),
    (
        "a future version",
        """
version: 2
source: clip.mp4
graph: {det: detect.dnn}
""",
        """
g.yaml:1:10: version: this program reads version 1, got 2; write 'version: 1'
    1 | version: 2
      |          ^
""",
    ),
    (
        "several sources without version",
        """
sources: {a: a.mp4}
graph: {det: detect.dnn}
""",
        """
g.yaml:1:1: 'version' is missing; write 'version: 1' at the top
    1 | sources: {a: a.mp4}
      | ^^^^^^^
""",
    ),
    (
        "source and sources",
        """
version: 1
source: a.mp4
sources: {b: b.mp4}
graph: {det: detect.dnn}
""",
        """
g.yaml:3:1: sources: 'source' and 'sources' are both given; keep one of them
    3 | sources: {b: b.mp4}
      | ^^^^^^^
""",
    ),
    (
        "no source",
        """
graph: {det: detect.dnn}
""",
        """
g.yaml: there is no source; add 'source: clip.mp4', or give one on the command line
""",
    ),
    (
        "an empty list of sources",
        """
version: 1
sources: {}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:1: sources: it is empty; add a source
    2 | sources: {}
      | ^^^^^^^
""",
    ),
    (
        "an id in capitals",
        """
source: clip.mp4
graph:
  Det: detect.dnn
""",
        """
g.yaml:3:3: graph.Det: 'Det' cannot be a name here; an id is a small letter, then small letters, digits or _
    3 |   Det: detect.dnn
      |   ^^^
""",
    ),
    (
        "an id that is a number",
        """
source: clip.mp4
graph:
  1: detect.dnn
""",
        """
g.yaml:3:3: graph.1: '1' cannot be a name here; an id is a small letter, then small letters, digits or _
    3 |   1: detect.dnn
      |   ^
""",
    ),
    (
        "the reserved id",
        """
source: clip.mp4
graph:
  source: detect.dnn
""",
        """
g.yaml:3:3: graph.source: 'source' already stands for the source; choose another name
    3 |   source: detect.dnn
      |   ^^^^^^
""",
    ),
    (
        "a source's name with a blank",
        """
version: 1
sources: {"my cam": a.mp4}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:11: sources.my cam: 'my cam' cannot be a name here; a name is a letter, then letters, digits, _ or -
    2 | sources: {"my cam": a.mp4}
      |           ^^^^^^^^
""",
    ),
    (
        "a variable called source",
        """
source: clip.mp4
vars: {source: 1}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:8: vars.source: 'source' already stands for the source; choose another name
    2 | vars: {source: 1}
      |        ^^^^^^
""",
    ),
    (
        "an unknown run option",
        """
source: clip.mp4
run: {mod: live}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:7: run.mod: unknown option; did you mean 'mode'?
    2 | run: {mod: live}
      |       ^^^
""",
    ),
    (
        "a near miss among words",
        """
source: clip.mp4
run: {mode: liv}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:13: run.mode: expected auto, live or offline, got 'liv'; did you mean 'live'?
    2 | run: {mode: liv}
      |             ^^^
""",
    ),
    (
        "yes is a word",
        """
source: clip.mp4
graph:
  det: detect.dnn
  track: track.sort
  cross: {use: count.line, lines: {a: [[0, 0], [1, 1]]}}
  send: {use: sink.http, url: "http://x", verify: yes}
""",
        """
g.yaml:6:51: graph.send.verify: expected true or false, got 'yes'
    6 |   send: {use: sink.http, url: "http://x", verify: yes}
      |                                                   ^^^
""",
    ),
    (
        "a queue of zero",
        """
source: clip.mp4
run: {queue: 0}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:14: run.queue: expected a whole number 1 or more, got 0
    2 | run: {queue: 0}
      |              ^
""",
    ),
    (
        "run as a word",
        """
source: clip.mp4
run: live
graph: {det: detect.dnn}
""",
        """
g.yaml:2:6: run: expected a mapping of options
    2 | run: live
      |      ^^^^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
