"""Parameters: what each annotation accepts, what it says, and its JSON Schema agreeing with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from vidstream.errors import ParamError
from vidstream.graph.kinds import INVALID, Reading
from vidstream.graph.params import kind_of, make_params, parameters, params_schema, read_params
from vidstream.types.values import (
    Box,
    Colour,
    InputFile,
    Line,
    OutputFile,
    Point,
    Polygon,
    Positive,
    Range,
    Ratio,
    Seconds,
    Secret,
    SharedFile,
    Uri,
)

FRACTIONS = "fractions of the picture are meant; write {px: [...]} for pixels"


@dataclass(frozen=True, slots=True)
class Inner:
    depth: int  #: how deep


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        pytest.param(bool, True, True, id="a flag"),
        pytest.param(int, 3, 3, id="a whole number"),
        pytest.param(float, 3, 3.0, id="a whole number where a real one is meant"),
        pytest.param(Ratio, 1, 1.0, id="the end of a range"),
        pytest.param(str, "no", "no", id="a word"),
        pytest.param(Seconds, 2, 2.0, id="seconds"),
        pytest.param(Seconds, "500ms", 0.5, id="milliseconds"),
        pytest.param(Seconds, "90d", 7776000.0, id="days"),
        pytest.param(Seconds, "2m", 120.0, id="minutes"),
        pytest.param(Seconds, "1.5 h", 5400.0, id="hours"),
        pytest.param(Literal["a", "b"], "b", "b", id="a choice"),
        pytest.param(tuple[str, ...], "person", ("person",), id="one for a list"),
        pytest.param(tuple[str, ...], ["a", "b"], ("a", "b"), id="a list"),
        pytest.param(tuple[int, int], [640, 480], (640, 480), id="a pair"),
        pytest.param(Mapping[str, int], {"a": 1}, {"a": 1}, id="a mapping"),
        pytest.param(int | None, None, None, id="left out"),
        pytest.param(Literal["auto"] | Positive, 4, 4, id="a word or a number"),
        pytest.param(Point, [0.5, 1], Point(0.5, 1.0), id="a point in fractions"),
        pytest.param(Point, {"px": [10, 20]}, Point(10.0, 20.0, px=True), id="a point in pixels"),
        pytest.param(Line, [[0, 0], [1, 1]], Line(Point(0, 0), Point(1, 1)), id="a line"),
        pytest.param(
            Line, {"px": [[0, 9], [5, 9]]}, Line(Point(0, 9, True), Point(5, 9, True)), id="a line in pixels"
        ),
        pytest.param(
            Polygon,
            [[0, 0], [1, 0], {"px": [3, 4]}],
            Polygon((Point(0, 0), Point(1, 0), Point(3, 4, True))),
            id="a polygon with a corner in pixels",
        ),
        pytest.param(Box, [0, 0, 0.5, 1], Box(Point(0, 0), Point(0.5, 1)), id="a box"),
        pytest.param(Colour, "#ff8800", Colour(255, 136, 0), id="a colour"),
        pytest.param(Colour, [1, 2, 3], Colour(1, 2, 3), id="a colour in numbers"),
        pytest.param(Inner, {"depth": 2}, Inner(2), id="a nested mapping"),
        pytest.param(OutputFile, "out/x.mp4", Path("out/x.mp4"), id="an output"),
        pytest.param(SharedFile, "out/x.db", Path("out/x.db"), id="an output of several"),
    ],
)
def test_accepted(annotation: Any, value: Any, expected: Any) -> None:
    reading = Reading()
    kind = kind_of(annotation)
    assert kind.read(value, (), reading) == expected
    assert reading.problems == []
    Draft202012Validator(kind.schema()).validate(value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        pytest.param(bool, "yes", "x: expected true or false, got 'yes'", id="a word for a flag"),
        pytest.param(bool, 1, "x: expected true or false, got 1", id="one for a flag"),
        pytest.param(int, True, "x: expected a whole number, got true", id="a flag for a number"),
        pytest.param(int, 1.5, "x: expected a whole number, got 1.5", id="a real for a whole"),
        pytest.param(float, float("nan"), "x: expected a number, got nan", id="not a number"),
        pytest.param(Ratio, 1.5, "x: expected a number between 0 and 1, got 1.5", id="beyond a range"),
        pytest.param(Positive, 0, "x: expected a whole number 1 or more, got 0", id="below a range"),
        pytest.param(
            Annotated[float, Range(0.0, open_low=True)],
            0,
            "x: expected a number above 0, got 0",
            id="the open end of a range",
        ),
        pytest.param(str, 5, "x: expected a text, got 5; put it in quotes", id="a number for a text"),
        pytest.param(str, "", "x: expected a text, got ''", id="an empty text"),
        pytest.param(
            Seconds,
            "2 days",
            "x: expected a duration (seconds, or 500ms, 2s, 5m, 1h, 7d), got '2 days'",
            id="an unknown unit",
        ),
        pytest.param(
            Seconds,
            -1,
            "x: expected a duration (seconds, or 500ms, 2s, 5m, 1h, 7d), got -1",
            id="negative time",
        ),
        pytest.param(
            Literal["corners", "full"],
            "corner",
            "x: expected corners or full, got 'corner'; did you mean 'corners'?",
            id="nearly a choice",
        ),
        pytest.param(
            tuple[int, int],
            [1, 2, 3],
            "x: expected a list of 2, each a whole number, got a list of 3",
            id="too many of them",
        ),
        pytest.param(
            Point, [0.5, 2], f"x.1: expected a number between 0 and 1, got 2; {FRACTIONS}", id="pixels"
        ),
        pytest.param(Point, [0.5], "x: expected a point [x, y], got a list of 1", id="half a point"),
        pytest.param(
            Line,
            [[0, 0], [0, 0]],
            "x: the line's two points are the same; give two different points",
            id="a line without length",
        ),
        pytest.param(
            Polygon,
            [[0, 0], [1, 1]],
            "x: expected a polygon of three or more points [x, y], got a list of 2",
            id="two corners",
        ),
        pytest.param(
            Box,
            [0.5, 0, 0.5, 1],
            "x: the box is empty; give x1, y1, x2, y2 with x1 < x2 and y1 < y2",
            id="an empty box",
        ),
        pytest.param(
            Colour,
            "rde",
            "x: expected a colour (a name such as red, \"#rrggbb\", or [red, green, blue]), got 'rde'; "
            "did you mean 'red'?",
            id="nearly a colour",
        ),
        pytest.param(Inner, {"dept": 1}, "x.dept: unknown option; did you mean 'depth'?", id="a nested typo"),
    ],
)
def test_refused(annotation: Any, value: Any, message: str) -> None:
    reading = Reading()
    assert kind_of(annotation).read(value, ("x",), reading) is INVALID
    assert str(reading.problems[0]) == message


def test_inputs_are_resolved_and_must_exist(tmp_path: Path) -> None:
    (tmp_path / "here.mp4").write_bytes(b"x")
    kind = kind_of(InputFile)
    assert kind.read("here.mp4", (), Reading(tmp_path)) == tmp_path / "here.mp4"
    reading = Reading(tmp_path)
    for name in ("gone.mp4", "."):
        kind.read(name, ("uri",), reading)
    assert [str(p) for p in reading.problems] == [
        f"uri: file '{tmp_path / 'gone.mp4'}' does not exist; check the path",
        f"uri: file '{tmp_path}' exists, but is not a regular file; check the path",
    ]


@dataclass(frozen=True, slots=True)
class Options:
    """As a stage would have them."""

    lines: Mapping[str, Line]  #: name -> two points
    settle: Seconds = 0.2  #: time on the far side
    #: where an object
    #: stands
    anchor: Literal["feet", "centre"] = "feet"
    extra: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.settle > 60:
            raise ParamError("is longer than a minute", path=("settle",), fix="give less")


def test_meanings_come_from_the_comments() -> None:
    assert [(p.name, p.meaning, p.unit, p.required) for p in parameters(Options)] == [
        ("lines", "name -> two points", "", True),
        ("settle", "time on the far side", "s", False),
        ("anchor", "where an object stands", "", False),
        ("extra", "", "", False),
    ]


def test_meanings_may_stand_where_a_formatter_has_moved_them() -> None:
    @dataclass(frozen=True)
    class Long:
        wait: float = (
            0.25  #: longest wait
        )  # fmt: skip
        zones: tuple[
            str, ...
        ] = ()  #: where it begins  # fmt: skip
        plain: int = 1
        many: tuple[int, ...] = (
            1,
            2,
        )  # fmt: skip

    found = {p.name: p.meaning.partition("  #")[0] for p in parameters(Long)}
    assert found == {"wait": "longest wait", "zones": "where it begins", "plain": "", "many": ""}


def test_all_problems_are_reported_together() -> None:
    reading = Reading()
    read_params(Options, {"anchor": "foot", "setle": 1, "extra": {}}, ("graph", "count"), reading)
    assert [str(p) for p in reading.problems] == [
        "graph.count.setle: unknown option; did you mean 'settle'?",
        "graph.count: 'lines' is missing; give a mapping, each value a line of two points [[x, y], [x, y]]",
        "graph.count.anchor: expected feet or centre, got 'foot'",
        "graph.count.extra: expected a list, each a text, got a mapping",
    ]


def test_fields_may_be_checked_against_each_other() -> None:
    with pytest.raises(ParamError, match="count.settle: is longer than a minute; give less"):
        make_params(Options, {"lines": {}, "settle": "2m"}, "count")


def test_secrets_never_show() -> None:
    reading = Reading()
    secret = kind_of(Secret).read("hunter2", (), reading)
    uri = kind_of(Uri).read("rtsp://me:hunter2@cam/1", (), reading)
    assert "hunter2" not in f"{secret} {secret!r} {uri} {uri!r}"
    assert uri.reveal() == "rtsp://me:hunter2@cam/1"


@dataclass(frozen=True, slots=True)
class Reserved:
    """An option whose name is a word of Python."""

    for_: Seconds = 0.0  #: how long


def test_an_option_may_be_named_like_a_word_of_python() -> None:
    assert make_params(Reserved, {"for": "2s"}, "").for_ == 2.0
    assert [(p.name, p.meaning) for p in parameters(Reserved)] == [("for", "how long")]
    with pytest.raises(ParamError, match="for_: unknown option; did you mean 'for'"):
        make_params(Reserved, {"for_": 2}, "")


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(-2, 2), st.text(max_size=4))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    value=st.fixed_dictionaries(
        {"lines": VALUES}, optional={"settle": VALUES, "anchor": VALUES, "extra": VALUES}
    )
)
def test_the_schema_accepts_whatever_the_reader_accepts(value: dict[str, Any]) -> None:
    reading = Reading()
    read_params(Options, value, (), reading)
    if not reading.problems:
        Draft202012Validator(params_schema(Options)).validate(value)
