"""JSON Lines are read back with the standard library, and held against docs/results.md."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from vidstream.errors import SinkError
from vidstream.sinks.jsonl import JsonLinesSink
from vidstream.sinks.plain import plain, rounded
from vidstream.sinks.rows import object_rows
from vidstream.types import Counts, Detections, Event, Events, Labels, Texts, Tracks

At = Callable[..., Any]
Make = Callable[..., Any]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"

PEOPLE = Detections.of(
    [[10.5, 20.25, 60, 180], [1 / 3, -0.001, 2 / 3, 1e4]],
    scores=[0.91337, 1.0],
    class_ids=[0, 7],
    track_ids=[3, -1],
    names={0: "person"},
)
CROSSING = Event(
    "line_crossed",
    "gate",
    12,
    0.48,
    name="door",
    track_id=3,
    class_name="person",
    box=(1, 2, 3.456, 4),
    data={"direction": "in"},
)


def texts_of(*strings: str) -> Texts:
    """Texts whose corners are thirds of 0, 1, 2 ..., all with score 0.5, the first read on track 4."""
    corners = np.arange(len(strings) * 8, dtype=np.float32).reshape(-1, 4, 2) / np.float32(3)
    scores = np.full(len(strings), 0.5, np.float32)
    return Texts(corners, strings, scores, np.array([4] + [-1] * (len(strings) - 1), np.int64))


def read(path: Path) -> list[dict[str, Any]]:
    """The lines, strictly: no NaN, no duplicate key, a line feed after each."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({k for k, _ in pairs}) == len(pairs)
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line, object_pairs_hook=once, parse_constant=refuse) for line in text.splitlines()]


def written(make: Make, tmp_path: Path, *frames: dict[str, Any]) -> list[dict[str, Any]]:
    sink = make(JsonLinesSink, path="a.jsonl")
    for values in frames:
        sink.process(**values)
    sink.flush()
    return read(tmp_path / "a.jsonl")


def test_objects(make: Make, at: At, tmp_path: Path) -> None:
    (line,) = written(make, tmp_path, {"frame": at(12, 0.48, wall=1795182638.25), "objects": PEOPLE})
    assert line == {
        "v": 1,
        "type": "frame",
        "source": "gate",
        "segment": 0,
        "seq": 12,
        "pts": 0.48,
        "wall": "2026-11-20T13:50:38.250Z",
        "objects": [
            {"id": 3, "class": "person", "score": 0.9134, "box": [10.5, 20.25, 60.0, 180.0]},
            {"id": None, "class": "7", "score": 1.0, "box": [0.33, 0.0, 0.67, 10000.0]},
        ],
    }


def test_an_event_has_its_own_line_and_its_own_time(make: Make, at: At, tmp_path: Path) -> None:
    lines = written(
        make, tmp_path, {"frame": at(20, 0.8, segment=2), "objects": PEOPLE, "events": (Events((CROSSING,)),)}
    )
    assert [line["type"] for line in lines] == ["frame", "event"]
    assert lines[1] == {
        "v": 1,
        "type": "event",
        "source": "gate",
        "segment": 2,
        "seq": 12,
        "pts": 0.48,
        "wall": None,
        "kind": "line_crossed",
        "name": "door",
        "id": 3,
        "class": "person",
        "box": [1.0, 2.0, 3.46, 4.0],
        "data": {"direction": "in"},
    }


def test_texts(make: Make, at: At, tmp_path: Path) -> None:
    texts = texts_of("SN61 BJV", "京A·12345")
    (line,) = written(make, tmp_path, {"frame": at(0, 0.0), "texts": (texts, Texts.empty())})
    assert [t["text"] for t in line["texts"]] == ["SN61 BJV", "京A·12345"]
    assert line["texts"][0] == {
        "text": "SN61 BJV",
        "score": 0.5,
        "id": 4,
        "polygon": [[0.0, 0.33], [0.67, 1.0], [1.33, 1.67], [2.0, 2.33]],
    }
    assert "京" in (tmp_path / "a.jsonl").read_text(encoding="utf-8"), "readable, not escaped"


def test_counts_are_written_when_they_change(make: Make, at: At, tmp_path: Path) -> None:
    door, hall = {"door": {"in": 1.0}}, {"hall": {"person": 2}}
    lines = written(
        make,
        tmp_path,
        {"frame": at(0, 0.0), "counts": (Counts(door), Counts(hall))},
        {"frame": at(1, 0.1), "counts": (Counts(door), Counts(hall))},
        {"frame": at(2, 0.2), "counts": (Counts({"door": {"in": 2.0}}),)},
        {"frame": at(3, 0.3), "counts": (), "objects": PEOPLE},
    )
    assert [(line["seq"], line.get("counts")) for line in lines] == [
        (0, {"door": {"in": 1.0}, "hall": {"person": 2}}),
        (2, {"door": {"in": 2.0}, "hall": {"person": 2}}),
        (3, None),
    ]


def test_what_was_not_looked_for_differs_from_what_was_not_found(make: Make, at: At, tmp_path: Path) -> None:
    lines = written(
        make,
        tmp_path,
        {"frame": at(0, 0.0), "objects": Detections.empty()},
        {"frame": at(1, 0.1), "objects": None},
        {"frame": at(2, 0.2), "texts": (Texts.empty(),)},
        {"frame": at(3, 0.3), "events": (Events(),)},
    )
    assert [(line["seq"], line.get("objects"), line.get("texts")) for line in lines] == [
        (0, [], None),
        (2, None, []),
    ]


def test_optional_columns(make: Make, at: At, tmp_path: Path) -> None:
    tracks = Tracks.of(
        [[0, 0, 1, 1]],
        track_ids=[1],
        keypoints=np.full((1, 2, 3), 0.126, np.float32),
        angles=np.array([45.006], np.float32),
        features=np.ones((1, 128), np.float32),
        extra={
            "speed": np.array([13.2345678], np.float32),
            "inside": np.array([True]),
            "since_update": np.zeros(1, np.float32),
            "zone": np.array(["hall"]),
            "velocities": np.ones((1, 2), np.float32),
        },
    )
    (line,) = written(make, tmp_path, {"frame": at(0, 0.0), "objects": tracks})
    (row,) = line["objects"]
    assert row["keypoints"] == [[0.13, 0.13, 0.13]] * 2
    assert row["angle"] == 45.01
    assert row["extra"] == {
        "inside": True,
        "since_update": 0.0,
        "speed": 13.234568,
        "velocities": [1.0, 1.0],
        "zone": "hall",
    }
    assert "features" not in row


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(np.float32(0.1), 0.1, id="a NumPy number keeps its decimals"),
        pytest.param(np.int64(3), 3, id="a NumPy whole number"),
        pytest.param(np.bool_(True), True, id="a NumPy truth value"),
        pytest.param(float("nan"), None, id="not a number"),
        pytest.param(float("-inf"), None, id="infinite"),
        pytest.param(np.array([[1.5, np.nan]]), [[1.5, None]], id="an array"),
        pytest.param((1, "a", None), [1, "a", None], id="a tuple"),
        pytest.param({"deep": {"er": (np.float64(2.0),)}}, {"deep": {"er": [2.0]}}, id="nested mappings"),
        pytest.param({1: 2}, {"1": 2}, id="keys become texts"),
        pytest.param('quotes " and \n lines', 'quotes " and \n lines', id="what needs escaping"),
        pytest.param("\ud800", "?", id="half a surrogate pair, which UTF-8 cannot hold"),
    ],
)
def test_evidence_of_any_type(make: Make, at: At, tmp_path: Path, value: Any, expected: Any) -> None:
    event = Event("seen", "gate", 0, 0.0, data={"value": value})
    (line,) = written(make, tmp_path, {"frame": at(0, 0.0), "events": (Events((event,)),)})
    assert line["data"] == {"value": expected}


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object()], ids=["bytes", "a set, which has no order", "an object"]
)
def test_evidence_that_json_cannot_hold(make: Make, at: At, value: Any) -> None:
    sink = make(JsonLinesSink, path="a.jsonl")
    event = Event("seen", "gate", 0, 0.0, data={"value": value})
    with pytest.raises(SinkError, match=f"event.*type {type(value).__name__}") as caught:
        sink.process(at(0, 0.0), events=(Events((event,)),))
    assert caught.value.fix


def test_boxes_that_are_not_numbers(make: Make, at: At, tmp_path: Path) -> None:
    broken = Detections.of([[np.nan, 1, np.inf, 2]], scores=[np.nan])
    (line,) = written(make, tmp_path, {"frame": at(0, 0.0), "objects": broken})
    assert line["objects"][0]["box"] == [None, 1.0, None, 2.0]
    assert line["objects"][0]["score"] is None


def test_equal_input_gives_equal_bytes(make: Make, at: At, tmp_path: Path) -> None:
    texts = texts_of("a")
    for name in ("a.jsonl", "b.jsonl"):
        sink = make(JsonLinesSink, path=name)
        for seq in range(20):
            tracks = Tracks.of(np.random.default_rng(seq).uniform(0, 100, (5, 4)), 0.5, 0, range(5))
            sink.process(
                at(seq, seq / 30),
                tracks,
                (texts,),
                (Counts({"a": {"in": seq // 3}}),),
                (Events((CROSSING,)),),
            )
        sink.close()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@given(nps.arrays(np.float32, (3, 4), elements=st.floats(-1e5, 1e5, width=32)))
def test_rounding_is_that_of_decimal_text(boxes: Any) -> None:
    """What is written has two decimals at most and lies within half of one of what was given."""
    for row, given_row in zip(rounded(boxes, 2), boxes.tolist(), strict=True):
        for value, exact in zip(row, given_row, strict=True):
            assert len(repr(value).partition(".")[2]) <= 2
            assert abs(value - exact) <= 0.005 + 1e-9
            assert repr(value) != "-0.0"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(json_like)
def test_plain_values_are_json_and_stay_as_they_are(value: Any) -> None:
    once = plain(value)
    assert json.loads(json.dumps(once, allow_nan=False)) == once
    assert plain(once) == once


KILLED = """
import os, signal, sys
from pathlib import Path
from vidstream.graph.params import make_params
from vidstream.sinks.jsonl import JsonLinesSink
from vidstream.types import Detections, FrameInfo, StreamInfo
sink = JsonLinesSink(make_params(JsonLinesSink.Params, {"path": "a.jsonl"}, ""))
sink.out_root = Path(sys.argv[1])
sink.open(StreamInfo("gate", 64, 48))
for i in range(100):
    sink.process(FrameInfo("gate", 0, i, i / 25, None, 0.0, 64, 48), Detections.of([[i, 0, 1, 1]]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_no_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == -signal.SIGKILL
    assert [line["seq"] for line in read(tmp_path / "a.jsonl")] == list(range(100))


def test_a_full_disk_keeps_whole_lines(make: Make, at: At, small_disk: Callable[[int], Path]) -> None:
    folder = small_disk(64)
    sink = make(JsonLinesSink, root=folder, path="a.jsonl")
    with pytest.raises(SinkError, match="the disk is full"):
        for seq in range(10_000):
            sink.process(at(seq, seq / 25), PEOPLE)
    assert [line["seq"] for line in read(folder / "a.jsonl")] == list(range(seq))


def tables_of(page: str, heading: str) -> dict[str, set[str]]:
    """Lead-in line -> the fields of the table below it, within one section of the page."""
    section = page.partition(heading)[2]
    found: dict[str, set[str]] = {}
    for lead, table in re.findall(r"([^\n]+)\n\n\| field [^\n]+\n\|[-|]+\n((?:\|[^\n]+\n)+)", section):
        found[lead] = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    return found


def test_the_page_names_every_field_and_no_other(make: Make, at: At, tmp_path: Path) -> None:
    tables = list(tables_of(PAGE.read_text(encoding="utf-8"), "## JSON Lines").values())
    head, frame, of_object, of_text, of_event = tables
    full = Tracks.of(
        [[0, 0, 1, 1]],
        track_ids=[1],
        keypoints=np.zeros((1, 1, 3), np.float32),
        angles=np.zeros(1, np.float32),
        extra={"a": np.zeros(1)},
    )
    texts = texts_of("a")
    first, second = written(
        make,
        tmp_path,
        {
            "frame": at(0, 0.0),
            "objects": full,
            "texts": (texts,),
            "labels": (Labels(np.array([0]), np.ones(1, np.float32)),),
            "counts": (Counts({"a": {"b": 1}}),),
            "events": (Events((CROSSING,)),),
        },
    )
    assert set(first) == head | frame
    assert set(second) == head | of_event
    assert set(first["objects"][0]) == of_object
    assert set(first["texts"][0]) == of_text


def test_the_pages_example_is_what_comes_out(make: Make, at: At, tmp_path: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    sink = make(JsonLinesSink, path="a.jsonl")
    crossing = Event(
        "line_crossed",
        "gate",
        12,
        0.48,
        name="door",
        track_id=3,
        class_name="person",
        box=(10.5, 20.25, 60.0, 180.0),
        data={"direction": "in"},
    )
    sink.process(at(12, 0.48), PEOPLE[:1], (), (Counts({"door": {"in": 1}}),), (Events((crossing,)),))
    assert (tmp_path / "a.jsonl").read_text() == example


def test_no_objects_no_rows() -> None:
    assert object_rows(Detections.empty()) == []
