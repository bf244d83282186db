"""What YAML itself does not allow, to the letter."""

# ruff: noqa: E501 - messages are compared to the letter, so their lines are as long as they are

from __future__ import annotations

from collections.abc import Callable

import pytest

CASES = [
    (
        "an empty file",
        """
""",
        """
g.yaml: the file is empty; begin with 'source:' and 'graph:', each on a line of its own
""",
    ),
    (
        "a comment only",
        """
# nothing
""",
        """
g.yaml: the file is empty; begin with 'source:' and 'graph:', each on a line of its own
""",
    ),
    (
        "a list instead of a mapping",
        """
- source: clip.mp4
""",
        """
g.yaml:1:1: the file is not a mapping; begin with 'source:' and 'graph:', each on a line of its own
    1 | - source: clip.mp4
      | ^^^^^^^^^^^^^^^^^^
""",
    ),
    (
        "a single word",
        """
hello
""",
        """
g.yaml:1:1: the file is not a mapping; begin with 'source:' and 'graph:', each on a line of its own
    1 | hello
      | ^^^^^
""",
    ),
    (
        "a tab indents",
        """
source: clip.mp4
graph:
\tdet: detect.dnn
""",
        """
g.yaml:3:1: a tab stands where spaces belong; indent with spaces
    3 |  det: detect.dnn
      | ^
""",
    ),
    (
        "a colon inside an unquoted text",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, model: a: b}
""",
        """
g.yaml:3:34: a ':' cannot stand here; put a text that holds ': ' in quotes
    3 |   det: {use: detect.dnn, model: a: b}
      |                                  ^
""",
    ),
    (
        "a colon in a block value",
        """
source: rtsp: //cam
graph: {det: detect.dnn}
""",
        """
g.yaml:1:13: a ':' cannot stand here; put a text that holds ': ' in quotes, or look above for a key without a space after its ':'
    1 | source: rtsp: //cam
      |             ^
""",
    ),
    (
        "a list is not closed",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, classes: [person, car}
""",
        """
g.yaml:3:35: a '[' is not closed, or a ',' is missing; close it with ']'
    3 |   det: {use: detect.dnn, classes: [person, car}
      |                                   ^
""",
    ),
    (
        "a mapping is not closed",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn
""",
        """
g.yaml:3:8: a '{' is not closed, or a ',' is missing; close it with '}'
    3 |   det: {use: detect.dnn
      |        ^
""",
    ),
    (
        "a quote is not closed",
        """
source: "clip.mp4
graph: {det: detect.dnn}
""",
        """
g.yaml:1:9: a quote is opened but not closed; close it, or write '' for a quote inside
    1 | source: "clip.mp4
      |         ^
""",
    ),
    (
        "a key without a colon",
        """
source: clip.mp4
graph
  det: detect.dnn
""",
        """
g.yaml:2:1: a key without ':'; write 'key: value' with a space after the colon
    2 | graph
      | ^
""",
    ),
    (
        "a colon without a space",
        """
source: clip.mp4
graph:
  det:detect.dnn
  track: track.sort
""",
        """
g.yaml:4:8: a ':' cannot stand here; put a text that holds ': ' in quotes, or look above for a key without a space after its ':'
    4 |   track: track.sort
      |        ^
""",
    ),
    (
        "crooked indentation",
        """
source: clip.mp4
graph:
   det: detect.dnn
  track: track.sort
""",
        """
g.yaml:4:3: the indentation does not fit the lines above; line keys of one mapping up
    4 |   track: track.sort
      |   ^
""",
    ),
    (
        "a Windows path in double quotes",
        r"""
source: "C:\Users\clip.mp4"
graph: {det: detect.dnn}
""",
        r"""
g.yaml:1:14: in double quotes a \ begins an escape; use single quotes, or write \\
    1 | source: "C:\Users\clip.mp4"
      |              ^
""",
    ),
    (
        "a text that begins with a star",
        """
source: clip.mp4
graph:
  det: {use: detect.dnn, classes: *}
""",
        """
g.yaml:3:35: a '*' refers to an anchor; put a text that begins with * in quotes
    3 |   det: {use: detect.dnn, classes: *}
      |                                   ^
""",
    ),
    (
        "a percent sign begins a text",
        """
source: clip.mp4
graph: {det: detect.dnn}
vars: {share: %5}
""",
        """
g.yaml:3:15: a text cannot begin with %; put the text in quotes
    3 | vars: {share: %5}
      |               ^
""",
    ),
    (
        "a reference without quotes in flow style",
        """
source: clip.mp4
vars: {conf: 0.4}
graph:
  det: {use: detect.dnn, confidence: ${conf}}
""",
        """
g.yaml:4:39: a ${...} stands here without quotes; inside { } and [ ] write "${name}" in quotes
    4 |   det: {use: detect.dnn, confidence: ${conf}}
      |                                       ^
""",
    ),
    (
        "an impossible escape",
        r"""
source: "\UFFFFFFFF"
graph: {det: detect.dnn}
""",
        r"""
g.yaml:1:12: a character's number is too large
    1 | source: "\UFFFFFFFF"
      |            ^
""",
    ),
    (
        "a null character",
        """
source: clip.mp4
graph: {det: "a\0b"}
""",
        """
g.yaml:2:16: the character U+0000 cannot stand in YAML; is this a text file? take it away
    2 | graph: {det: "a?b"}
      |                ^
""",
    ),
    (
        "half a surrogate pair",
        r"""
source: "\ud800"
graph: {det: detect.dnn}
""",
        r"""
g.yaml:1:9: source: half of a surrogate pair is no character
    1 | source: "\ud800"
      |         ^^^^^^^^
""",
    ),
]


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(text: str, expected: str, message: Callable[..., str]) -> None:
    assert message(text) == expected.strip("\n")
