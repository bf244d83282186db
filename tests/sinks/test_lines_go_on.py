"""Text files belong to a run: begun anew with it, continued within it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vidstream.graph.commons import Commons
from vidstream.sinks.csv import CsvSink
from vidstream.types import Detections, FrameInfo, StreamInfo

FRAME = FrameInfo("gate", 0, 0, 0.0, None, 0.0, 64, 48)


def write(folder: Path, commons: Commons, seq: int) -> list[str]:
    """One life of the sink, with one object."""
    sink = CsvSink(CsvSink.Params(Path("table.csv")))  # type: ignore[arg-type]  # a path to write to
    sink.out_root, sink.commons = folder, commons
    sink.open(StreamInfo("gate", 64, 48, fps=10.0))
    sink.process(Detections.of([[1, 2, 3, 4]]), replace(FRAME, seq=seq))
    sink.close()
    return (folder / "table.csv").read_text().splitlines()


def test_a_second_life_in_the_same_run_goes_on_with_the_file(tmp_path: Path) -> None:
    run = Commons()
    first = write(tmp_path, run, 0)
    assert len(first) == 2
    second = write(tmp_path, run, 1)
    assert second[:2] == first
    assert len(second) == 3, "one header"


def test_another_run_begins_it_anew(tmp_path: Path) -> None:
    write(tmp_path, Commons(), 0)
    assert len(write(tmp_path, Commons(), 1)) == 2


def test_a_file_that_was_taken_away_is_begun_anew(tmp_path: Path) -> None:
    run = Commons()
    write(tmp_path, run, 0)
    (tmp_path / "table.csv").unlink()
    assert len(write(tmp_path, run, 1)) == 2
