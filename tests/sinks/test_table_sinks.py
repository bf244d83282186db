"""CSV and MOT, read back with other people's readers."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.motfile import read_mot
from vidstream.errors import SinkError
from vidstream.geometry import from_xywh
from vidstream.sinks.csv import CsvSink, safe
from vidstream.sinks.mot import MotSink
from vidstream.types import Detections, StreamInfo, Tracks

At = Callable[..., Any]
Make = Callable[..., Any]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_csv_has_one_row_per_object(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(CsvSink, path="a.csv")
    both = Detections.of(
        [[1.005, 2, 3, 4], [5, 6, 7, 8.126]],
        scores=[0.5, 0.25],
        class_ids=[0, 1],
        track_ids=[9, -1],
        names={0: "person"},
    )
    sink.process(both, at(0, 0.0))
    sink.process(Detections.empty(), at(1, 0.04))
    sink.process(both[1:], at(2, 1 / 3, wall=0.0))
    sink.close()
    text = (tmp_path / "a.csv").read_text()
    assert text.splitlines() == [
        "source,segment,seq,pts,wall,id,class,score,x1,y1,x2,y2",
        "gate,0,0,0.0,,9,person,0.5,1.0,2.0,3.0,4.0",
        "gate,0,0,0.0,,,1,0.25,5.0,6.0,7.0,8.13",
        "gate,0,2,0.333333,1970-01-01T00:00:00.000Z,,1,0.25,5.0,6.0,7.0,8.13",
    ]


def test_csv_without_objects_has_a_header(make: Make, at: At, tmp_path: Path) -> None:
    make(CsvSink, path="a.csv", extra=["speed"]).process(Detections.empty(), at(0, 0.0))
    assert rows(tmp_path / "a.csv") == []
    assert (tmp_path / "a.csv").read_text().strip().endswith(",y2,speed")


def test_csv_extra_columns(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(CsvSink, path="a.csv", extra=["speed", "zone", "nowhere"])
    columns = {"speed": np.array([1.25, np.nan], np.float32), "zone": np.array(["hall", "=cmd"])}
    sink.process(Detections.of([[0, 0, 1, 1]] * 2, extra=columns), at(0, 0.0))
    assert [(r["speed"], r["zone"], r["nowhere"]) for r in rows(tmp_path / "a.csv")] == [
        ("1.25", "hall", ""),
        ("", "'=cmd", ""),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("person", "person", id="a plain name"),
        pytest.param('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")', id="a formula"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="an old function"),
        pytest.param("-1+1", "'-1+1", id="a difference"),
        pytest.param("+1", "'+1", id="a sum"),
        pytest.param("\t=1", "'\t=1", id="a formula behind a tab"),
        pytest.param("a,b", "a,b", id="a comma"),
        pytest.param('say "hi"', 'say "hi"', id="quotes"),
        pytest.param("two\nlines", "two\nlines", id="a line feed"),
        pytest.param("行人", "行人", id="not Latin"),
    ],
)
def test_csv_names_of_any_kind(make: Make, at: At, tmp_path: Path, name: str, expected: str) -> None:
    sink = make(CsvSink, path="a.csv")
    sink.process(Detections.of([[0, 0, 1, 1]], names={0: name}), at(0, 0.0))
    assert [row["class"] for row in rows(tmp_path / "a.csv")] == [expected]


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    cell = safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == text or cell == text


def test_csv_source_names_are_cells_too(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(CsvSink, path="a.csv")
    sink.process(Detections.of([[0, 0, 1, 1]]), at(0, 0.0, source="=gate"))
    assert rows(tmp_path / "a.csv")[0]["source"] == "'=gate"


def test_csv_on_a_full_disk(make: Make, at: At, tmp_path: Path, file_limit: Callable[..., Any]) -> None:
    sink = make(CsvSink, path="a.csv")
    with file_limit(1000), pytest.raises(SinkError, match="largest size allowed"):
        for seq in range(100):
            sink.process(Detections.of([[0, 0, 1, 1]]), at(seq, seq / 25))
    assert [int(row["seq"]) for row in rows(tmp_path / "a.csv")] == list(range(seq))


def test_mot_lines(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(MotSink, path="a.txt")
    tracks = Tracks.of([[10, 20, 30.5, 60]], 0.87654, 0, [7])
    sink.process(tracks, at(0, 0.0))
    sink.process(Tracks.empty(), at(1, 0.04))
    sink.process(tracks, at(2, 0.08))
    assert (tmp_path / "a.txt").read_text() == (
        "1,7,10.00,20.00,20.50,40.00,0.8765,-1,-1,-1\n3,7,10.00,20.00,20.50,40.00,0.8765,-1,-1,-1\n"
    )


@pytest.mark.parametrize(
    ("coasting", "ids"), [(False, [1, 3]), (True, [1, 2, 3])], ids=["seen only", "with predicted ones"]
)
def test_mot_leaves_out_what_was_not_seen(
    make: Make, at: At, tmp_path: Path, coasting: bool, ids: list[int]
) -> None:
    sink = make(MotSink, path="a.txt", coasting=coasting)
    since = np.array([0.0, 0.2, 0.0], np.float32)
    sink.process(Tracks.of([[0, 0, 1, 1]] * 3, 1.0, 0, [1, 2, 3], extra={"since_update": since}), at(0, 0.0))
    assert read_mot(tmp_path / "a.txt").ids.tolist() == ids


def test_mot_ground_truth_comes_back_the_same(make: Make, at: At, tmp_path: Path, assets: Any) -> None:
    """The benchmark's own file through the sink: nothing moves, nothing is lost."""
    truth = np.loadtxt(assets("mot/TUD-Stadtmitte/gt/gt.txt"), delimiter=",", usecols=range(6))
    truth = truth[np.argsort(truth[:, 0], kind="stable")]
    sink = make(MotSink, path="a.txt", stream=StreamInfo("gate", 640, 480, fps=25.0))
    for number in np.unique(truth[:, 0]).astype(int):
        rows_of_frame = truth[truth[:, 0] == number]
        boxes = from_xywh(rows_of_frame[:, 2:])
        sink.process(Tracks.of(boxes, 1.0, 0, rows_of_frame[:, 1].astype(int)), at(number - 1, number / 25))
    sink.close()
    back = np.loadtxt(tmp_path / "a.txt", delimiter=",")
    assert back.shape == (len(truth), 10)
    assert np.abs(back[:, :6] - truth).max() < 0.011
    assert (back[:, 6:] == [1, -1, -1, -1]).all()
