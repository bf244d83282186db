"""Valid YAML that is refused: tags, aliases, keys, depth; to the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "an alias without anchor",
        """
source: clip.mp4
graph:
  det: *other
""",
        """
g.yaml:3:8: graph.det: there is no &other before it; put a text that begins with * in quotes
    3 |   det: *other
      |        ^^^^^^
""",
    ),
    (
        "an alias inside its own anchor",
        """
source: clip.mp4
graph: &g {det: *g}
""",
        """
g.yaml:2:17: graph.det: *g stands inside its own anchor; put a text that begins with * in quotes
    2 | graph: &g {det: *g}
      |                 ^^
""",
    ),
    (
        "a Python tag",
        """
source: !!python/object/apply:os.system [ls]
graph: {det: detect.dnn}
""",
        """
g.yaml:1:9: source: the tag !!python/object/apply:os.system is not allowed; take it away
    1 | source: !!python/object/apply:os.system [ls]
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
""",
    ),
    (
        "a private tag",
        """
source: !secret pw
graph: {det: detect.dnn}
""",
        """
g.yaml:1:9: source: the tag !secret is not allowed; take it away
    1 | source: !secret pw
      |         ^^^^^^^^^^
""",
    ),
    (
        "a core tag that does not fit",
        """
source: clip.mp4
run: {queue: !!int many}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:14: run.queue: the tag !!int does not fit; take it away
    2 | run: {queue: !!int many}
      |              ^^^^^^^^^^
""",
    ),
    (
        "two documents",
        """
source: clip.mp4
graph: {det: detect.dnn}
---
source: other.mp4
""",
        """
g.yaml:3:1: a second document begins; put it in a file of its own
    3 | ---
      | ^^^
""",
    ),
    (
        "a merge key",
        """
source: clip.mp4
graph:
  det: {<<: {use: detect.dnn}}
""",
        """
g.yaml:3:9: graph.det: merge keys (<<) are not read; use vars: or include:
    3 |   det: {<<: {use: detect.dnn}}
      |         ^^
""",
    ),
    (
        "a list as a key",
        """
source: clip.mp4
graph:
  ? [a, b]
  : detect.dnn
""",
        """
g.yaml:3:5: graph: a key must be a single word
    3 |   ? [a, b]
      |     ^
""",
    ),
    (
        "true as a key",
        """
source: clip.mp4
graph: {true: detect.dnn}
""",
        """
g.yaml:2:9: graph: 'true' is no name; put it in quotes
    2 | graph: {true: detect.dnn}
      |         ^^^^
""",
    ),
    (
        "a key given twice",
        """
source: clip.mp4
graph:
  det: detect.dnn
  det: {use: detect.dnn, model: a}
""",
        """
g.yaml:4:3: graph.det: is given twice; the first is in line 3
    4 |   det: {use: detect.dnn, model: a}
      |   ^^^
""",
    ),
    (
        "two options given twice",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: a, model: b}
  log: {use: sink.jsonl, path: a, path: b}
""",
        """
g.yaml:3:36: graph.det.model: is given twice; the first is in line 3
    3 |   det: {use: detect.dnn, model: a, model: b}
      |                                    ^^^^^
g.yaml:4:35: graph.log.path: is given twice; the first is in line 4
    4 |   log: {use: sink.jsonl, path: a, path: b}
      |                                   ^^^^
""",
    ),
    (
        "forty levels",
        """
source: clip.mp4
vars: {a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}
graph: {det: detect.dnn}
""",
        """
g.yaml:2:41: vars.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0: nested deeper than 32 levels
    2 | vars: {a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}
      |                                         ^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
