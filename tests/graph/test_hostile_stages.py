"""Stages that break their promises: the run says so, goes on where it can, and always comes to its end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.toys import ToyFrames, ToySink, describe, entry
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport
from vidstream.graph.stage import Stage, stage
from vidstream.types import Counts, Detections, Events, Tracks, View

NONE = Detections.empty()


def run(*stages: Any, source: Any = None, **options: Any) -> RunReport:
    return Engine(describe(stages, {"cam": (ToyFrames, source or {"frames": 3})}, options)).run()


def notes(report: RunReport, kind: str = "stage-failed") -> list[str]:
    return [n["message"] for n in report.notices.to_json() if n["kind"] == kind]


def one(result: Any) -> Any:
    @stage("hostile.one")
    def give(image: View) -> Detections:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


def one_or_none(result: Any) -> Any:
    @stage("hostile.one_or_none")
    def give(image: View) -> Detections | None:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


def two(result: Any) -> Any:
    @stage("hostile.two")
    def give(image: View) -> tuple[Counts, Events | None]:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


def two_or_none(result: Any) -> Any:
    @stage("hostile.two_or_none")
    def give(image: View) -> tuple[Counts, Events] | None:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


@pytest.mark.parametrize(
    ("stage_", "problem"),
    [
        pytest.param(one(NONE), None, id="the type it said"),
        pytest.param(one(Tracks.of([[0, 0, 1, 1]])), None, id="a subclass of it"),
        pytest.param(one(None), "'process' must give (Detections), but gave (None)", id="a forgotten return"),
        pytest.param(one([1]), "'process' must give (Detections), but gave (list)", id="another type"),
        pytest.param(
            one((NONE, NONE)), "'process' must give (Detections), but gave (tuple)", id="two for one"
        ),
        pytest.param(one_or_none(None), None, id="nothing, as it said"),
        pytest.param(
            one_or_none(3), "'process' must give (Detections or None), but gave (int)", id="3 for nothing"
        ),
        pytest.param(two((Counts({}), Events())), None, id="two values"),
        pytest.param(two((Counts({}), None)), None, id="the second absent, as it said"),
        pytest.param(
            two((None, Events())),
            "'process' must give (Counts, Events or None), but gave (None, Events)",
            id="the first absent",
        ),
        pytest.param(
            two(Counts({})),
            "'process' must give (Counts, Events or None), but gave (Counts)",
            id="one of two",
        ),
        pytest.param(
            two((Counts({}), Events(), Events())),
            "'process' must give (Counts, Events or None), but gave (Counts, Events, Events)",
            id="three for two",
        ),
        pytest.param(
            two(None), "'process' must give (Counts, Events or None), but gave (None, None)", id="no tuple"
        ),
        pytest.param(two_or_none(None), None, id="no tuple, as it said"),
    ],
)
def test_what_a_stage_gives_is_held_against_its_annotation(stage_: Any, problem: str | None) -> None:
    report = run(entry("odd", stage_))
    assert notes(report) == ([] if problem is None else [problem])
    assert report.sources[0].ledger.done == (3 if problem is None else 0)


def test_a_wrong_pair_leaves_no_half_behind() -> None:
    """Under `pass` the frame goes on, and neither value is there."""
    stages = [entry("odd", two((Counts({}), 3)), on_error="pass")]
    packets = list(Engine(describe(stages, {"cam": (ToyFrames, {"frames": 2})})).packets())
    assert [p["odd"] for p in packets] == [(None, None)] * 2


def test_what_flush_gives_is_held_against_the_annotation_too() -> None:
    @stage("hostile.flush")
    class Flush(Stage):
        """Flushes the wrong thing."""

        def process(self, image: View) -> Detections:
            return NONE

        def flush(self) -> Any:
            return "the rest"

    book: list[Any] = []
    report = run(entry("odd", Flush), entry("out", ToySink, book=book))
    assert notes(report) == ["in flush: 'flush' must give (Detections or None), but gave (str)"]
    assert book[-2:] == ["flush", "close"]
    assert report.exit_code == 3


def test_writing_into_an_input_is_an_error_and_changes_nothing() -> None:
    @stage("hostile.scribble")
    def scribble(image: View) -> Detections:
        """Draws into the picture it is given."""
        image.pixels[:] = 255
        return NONE

    stages = [entry("odd", scribble, on_error="pass")]
    engine = Engine(describe(stages, {"cam": (ToyFrames, {"frames": 3})}))
    assert [int(p.image.pixels.max()) for p in engine.packets() if p.image] == [0, 1, 2]
    assert notes(engine.report()) == ["ValueError: assignment destination is read-only"]
