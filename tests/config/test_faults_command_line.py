"""Faults of the command line, to the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

GOOD = """
source: clip.mp4
vars: {conf: 0.4}
graph:
  det: {use: detect.dnn, confidence: "${conf}", classes: [a]}
"""

CASES = [
    (
        "an override out of range",
        {"overrides": {"graph.det.confidence": "7"}},
        """
--set graph.det.confidence: expected a number between 0 and 1, got 7
""",
    ),
    (
        "an override of an unknown stage",
        {"overrides": {"graph.dett.confidence": "0.3"}},
        """
--set graph.dett.confidence: there is no stage 'dett'; did you mean 'det'?
""",
    ),
    (
        "an override of an unknown option",
        {"overrides": {"graph.det.conf": "0.3"}},
        """
--set graph.det.conf: unknown option of detect.dnn; it has model, confidence, classes, device, size
""",
    ),
    (
        "an override of an unknown section",
        {"overrides": {"grph.det.conf": "0.3"}},
        """
--set grph.det.conf: there is no section 'grph'; did you mean 'graph'?
""",
    ),
    (
        "an override that leads nowhere",
        {"overrides": {"run": "live"}},
        """
--set run: leads to no option; write --set graph.stage.option=value
""",
    ),
    (
        "an override past the end of a list",
        {"overrides": {"graph.det.classes.3": "b"}},
        """
--set graph.det.classes.3: graph.det.classes: there is no entry '3'; it has 1, counted from 0
""",
    ),
    (
        "an override that is no YAML",
        {"overrides": {"graph.det.classes": "[a"}},
        """
--set graph.det.classes: a '[' is not closed, or a ',' is missing; close it with ']'
""",
    ),
    (
        "a variable of the command line out of range",
        {"variables": {"conf": "7"}},
        """
--var conf: graph.det.confidence: expected a number between 0 and 1, got 7
""",
    ),
    (
        "a variable of the command line that nobody uses",
        {"variables": {"cnof": "0.3"}},
        """
--var cnof: no variable 'cnof' is used; did you mean 'conf'?
""",
    ),
    (
        "a source of the command line for no kind",
        {"source": "clip.xyz"},
        """
--source: no kind of source takes 'clip.xyz'; there are camera, file, stream; choose one with 'use'
""",
    ),
]


@pytest.mark.parametrize(("given", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(given: dict[str, object], expected: str, message: Callable[..., str]) -> None:
    assert message(GOOD, **given) == expected.strip("\n")
