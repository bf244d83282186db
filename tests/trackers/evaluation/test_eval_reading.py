"""Benchmark files: what is read, what counts, and what is said of bad ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trackers.evaluation import Sequence, find_sequences, frames_of, read_results, read_sequence, score
from trackers.evaluation.tables import result_lines
from trackers.motfile import MotRows
from vidstream.errors import SourceError, UsageError, VidstreamError

INFO = "[Sequence]\nname={name}\nframeRate=10\nseqLength=9\nimWidth=100\nimHeight=80\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sequence that is in order."""
    for name in ("det", "gt"):
        (tmp_path / "street" / name).mkdir(parents=True)
    (tmp_path / "street" / "seqinfo.ini").write_text(INFO.format(name="street"))
    (tmp_path / "street" / "gt" / "gt.txt").write_text("1,1,10,10,20,40,1,-1,-1,-1\n")
    (tmp_path / "street" / "det" / "det.txt").write_text("1,-1,10,10,20,40,0.9,-1,-1,-1\n")
    return tmp_path / "street"


@pytest.mark.parametrize(
    ("name", "facts", "counted", "classes"),
    [
        pytest.param("TUD-Campus", (25, 71, 640, 480), 359, ["pedestrian"], id="MOT15"),
        pytest.param("KITTI-17", (10, 145, 1224, 370), 683, ["pedestrian"], id="MOT15: flag 0 is left out"),
        pytest.param("MOT17-09", (30, 525, 1920, 1080), 5325, ["pedestrian"], id="MOT17: class 1, flag 1"),
        pytest.param(
            "KITTI-T-0000", (10, 154, 1242, 375), 265, ["car", "pedestrian"], id="KITTI as MOT text"
        ),
    ],
)
def test_what_a_sequence_is(
    name: str,
    facts: tuple[float, ...],
    counted: int,
    classes: list[str],
    benchmark_sequence: Callable[[str], Sequence],
) -> None:
    sequence = benchmark_sequence(name)
    assert (sequence.fps, sequence.length, sequence.width, sequence.height) == facts
    assert len(sequence.truth) == counted
    assert [target.name for target in sequence.targets] == classes
    assert len(sequence.detections) > 300


def test_cyclists_on_request(assets: Callable[[str], Path]) -> None:
    sequence = read_sequence(assets("mot/KITTI-T-0000"), ("cyclist",))
    assert [target.name for target in sequence.targets] == ["cyclist"]
    assert len(sequence.truth) == 154


def test_kitti_in_its_own_text(tmp_path: Path) -> None:
    (tmp_path / "label_02").mkdir()
    label = tmp_path / "label_02" / "0003.txt"
    rest = "-10 10 20 30 60 -1 -1 -1 -1000 -1000 -1000 -10"
    label.write_text(
        f"0 4 Car 0 0 {rest}\n0 5 Car 1 0 {rest}\n1 6 Pedestrian 0 3 {rest}\n"
        f"1 7 Pedestrian 0 2 {rest}\n2 8 Van 0 0 {rest}\n2 -1 DontCare -1 -1 {rest}\n"
    )
    (tmp_path / "evaluate_tracking.seqmap.training").write_text("0003 empty 000000 000144\n")
    assert find_sequences([tmp_path]) == [label]
    sequence = read_sequence(label)
    assert (sequence.name, sequence.length, sequence.fps) == ("0003", 144, 10)
    assert list(zip(sequence.truth.frames, sequence.truth.ids, strict=True)) == [(1, 4), (2, 7)]
    assert sequence.truth.boxes.tolist() == [[10, 20, 30, 60]] * 2
    assert sequence.regions.frames.tolist() == [3]


def test_folders_of_sequences(folder: Path) -> None:
    assert find_sequences([folder.parent]) == [folder] == find_sequences([folder])


@pytest.mark.parametrize(
    ("part", "length", "frames"),
    [("all", 525, (1, 525)), ("val", 525, (264, 525)), ("val", 600, (302, 600)), ("7-900", 20, (7, 20))],
)
def test_parts(part: str, length: int, frames: tuple[int, int]) -> None:
    assert frames_of(part, length) == frames


@pytest.mark.parametrize("part", ["half", "9-3", "0-4", "5", ""])
def test_parts_that_are_none(part: str) -> None:
    with pytest.raises(UsageError, match="names no frames"):
        frames_of(part, 100)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("gt/gt.txt", "1,1,10,10,20,40,1\n2,1,10,ten,20,40,1\n", "gt.txt:2: 'ten' is not a number"),
        ("gt/gt.txt", "1,1,10,10,20,40,1\n\n2,1,10\n", "gt.txt:3: expected frame, id, left"),
        ("gt/gt.txt", "0,1,10,10,20,40,1\n", "gt.txt:1: frames are whole numbers from 1"),
        ("gt/gt.txt", "1,1,10,10,20,nan,1\n", "gt.txt:1: .*finite"),
        ("gt/gt.txt", "99,1,10,10,20,40,1\n", "has frame 99, but the sequence has 9"),
        ("gt/gt.txt", "0 1 Bus 0 0 -10 1 1 2 2\n", "gt.txt:1: 'Bus' is not a number"),
        ("gt/gt.txt", "\x00\xff", "is not a number|expected frame"),
        ("det/det.txt", "1,-1,10,10,20,forty,0.5\n", "det.txt:1: 'forty' is not a number"),
        ("seqinfo.ini", "", "cannot be read.*needs a section"),
        ("seqinfo.ini", INFO.replace("10", "0"), "must be above 0"),
        ("seqinfo.ini", INFO.replace("seqLength=9", "seqLength=nine"), "cannot be read"),
    ],
)
def test_bad_files_are_named(folder: Path, file: str, content: str, said: str) -> None:
    (folder / file).write_text(content)
    with pytest.raises(SourceError, match=said):
        read_sequence(folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 1 Bus 0 0 -10 1 1 2 2", "0001.txt:1: 'bus' is no type of KITTI"),
        ("0 1 Car 0 0 -10 1 1 2", "0001.txt:1: expected frame, id, type"),
        ("0 1 Car 0 x -10 1 1 2 2", "0001.txt:1: could not convert"),
    ],
)
def test_bad_kitti_lines_are_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "0001.txt"
    file.write_text(line + "\n")
    with pytest.raises(SourceError, match=said):
        read_sequence(file)


def test_two_detection_files_are_one_too_many(folder: Path) -> None:
    (folder / "det" / "other.txt").write_text("")
    with pytest.raises(SourceError, match=r"det.txt, other.txt; leave only one"):
        read_sequence(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,1,0,0,9,9,1\n1,1,5,5,9,9,1\n", "id 1 is there more than once in frame 1"),
        ("10,1,0,0,9,9,1\n", "reports frame 10, but street has 9 frames"),
        (None, "cannot be read: No such file"),
    ],
)
def test_bad_results(folder: Path, text: str | None, said: str) -> None:
    results = folder / "results.txt"
    if text:
        results.write_text(text)
    with pytest.raises(SourceError, match=said):
        read_results(results, read_sequence(folder))


def test_results_are_written_as_they_are_read(folder: Path) -> None:
    sequence = read_sequence(folder)
    boxes = np.array([[1.5, 2.25, 11.5, 22.25]], np.float32)
    one = np.array([4])
    rows = MotRows(one, one, boxes, np.array([0.5], np.float32), one * 0 + 2)
    (folder / "r.txt").write_text(result_lines(rows))
    again = read_results(folder / "r.txt", sequence)
    assert again.boxes.tolist() == boxes.tolist()
    assert (again.frames, again.ids, again.class_ids, again.scores) == (4, 4, 2, 0.5)


@pytest.mark.parametrize(
    ("frames", "ids", "classes", "said"),
    [
        ([0], [1], [1], "frames go beyond"),
        ([155], [1], [1], "frames go beyond"),
        ([3, 3], [1, 1], [1, 1], "id 1 is there more than once in frame 3"),
        ([3], [1], [-1], "no row has a class.*1 for car"),
    ],
)
def test_rows_that_cannot_be_scored(
    frames: list[int],
    ids: list[int],
    classes: list[int],
    said: str,
    benchmark_sequence: Callable[[str], Sequence],
) -> None:
    count = len(frames)
    boxes, scores = np.ones((count, 4), np.float32), np.ones(count, np.float32)
    rows = MotRows(np.array(frames), np.array(ids), boxes, scores, np.array(classes))
    with pytest.raises(VidstreamError, match=said):
        score(benchmark_sequence("KITTI-T-0000"), rows)
