"""All numbers against TrackEval's own way from files, and against motmetrics."""

from __future__ import annotations

import re
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers.evaluation import Scores, Sequence, combine, read_results, read_sequence, score, score_classes
from trackers.evaluation.fast import fast_classes, fast_score
from trackers.evaluation.sequences import Annotations, Target
from trackers.motfile import MotRows
from vidstream.errors import MissingDependency

MOT15 = ["TUD-Campus", "KITTI-17"]


def assert_same(ours: Scores, theirs: dict[str, Any]) -> None:
    hota, clear, identity = theirs["HOTA"], theirs["CLEAR"], theirs["Identity"]
    shares = {
        "hota": hota["HOTA"].mean(),
        "det_a": hota["DetA"].mean(),
        "ass_a": hota["AssA"].mean(),
        "ass_re": hota["AssRe"].mean(),
        "ass_pr": hota["AssPr"].mean(),
        "loc_a": hota["LocA"].mean(),
        "mota": clear["MOTA"],
        "recall": clear["CLR_Re"],
        "precision": clear["CLR_Pr"],
        "idf1": identity["IDF1"],
    }
    assert {name: getattr(ours, name) for name in shares} == pytest.approx(shares, abs=1e-9)
    counts = {
        "tp": clear["CLR_TP"],
        "fp": clear["CLR_FP"],
        "fn": clear["CLR_FN"],
        "switches": clear["IDSW"],
        "fragmentations": clear["Frag"],
        "mostly_tracked": clear["MT"],
        "partly_tracked": clear["PT"],
        "mostly_lost": clear["ML"],
        "idtp": identity["IDTP"],
        "idfp": identity["IDFP"],
        "idfn": identity["IDFN"],
    }
    assert {name: getattr(ours, name) for name in counts} == counts


def assert_equal(a: Scores, b: Scores) -> None:
    for field in fields(Scores):
        assert np.allclose(getattr(a, field.name), getattr(b, field.name), rtol=1e-9, atol=1e-9), field.name


def write_exactly(rows: MotRows, file: Path) -> None:
    """MOT text that keeps every digit."""
    file.parent.mkdir(parents=True, exist_ok=True)
    boxes = rows.boxes.astype(np.float64)
    with file.open("w") as out:
        for frame, track, (x1, y1, x2, y2) in zip(rows.frames, rows.ids, boxes.tolist(), strict=True):
            out.write(f"{frame},{track},{x1!r},{y1!r},{x2 - x1!r},{y2 - y1!r},1,-1,-1,-1\n")


def cut(source: Path, target: Path, length: int | None) -> None:
    """A copy of a sequence under another name, perhaps of its beginning only."""
    shutil.copytree(source / "det", target / "det")
    (target / "gt").mkdir()
    info = (source / "seqinfo.ini").read_text().replace(f"name={source.name}", f"name={target.name}")
    lines = (source / "gt" / "gt.txt").read_text().splitlines()
    if length:
        info = re.sub(r"seqLength=\d+", f"seqLength={length}", info)
        lines = [line for line in lines if int(line.split(",")[0]) <= length]
    (target / "seqinfo.ini").write_text(info)
    (target / "gt" / "gt.txt").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("benchmark_name", "names", "min_score", "length"),
    [
        pytest.param("MOT15", MOT15, None, None, id="MOT15: two sequences together"),
        pytest.param("MOT15", ["TUD-Stadtmitte"], 0.5, None, id="MOT15: one sequence"),
        pytest.param("MOT17", ["MOT17-09"], 0.4, 150, id="MOT17: distractors are left out"),
        pytest.param("MOT20", ["MOT17-09"], 0.4, None, marks=pytest.mark.slow, id="MOT20: so are vehicles"),
        pytest.param("MOT17", ["MOT17-13"], 0.1, None, marks=pytest.mark.slow, id="MOT17: a moving camera"),
    ],
)
def test_mot_numbers_are_those_of_trackeval_from_files(
    benchmark_name: str,
    names: list[str],
    min_score: float | None,
    length: int | None,
    assets: Callable[[str], Path],
    followed: Callable[..., MotRows],
    run_trackeval: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    truth, results = tmp_path / "truth", tmp_path / "results"
    scores, lengths = [], {}
    for name in names:
        copy = name.replace("MOT17", benchmark_name)
        rows = followed(name, min_score, frames=(1, length) if length else None)
        cut(assets(f"mot/{name}"), truth / copy, length)
        sequence = read_sequence(truth / copy)
        write_exactly(rows, results / "ours" / "data" / f"{copy}.txt")
        lengths[copy] = sequence.length
        scores.append(score(sequence, rows))
        assert_equal(scores[-1], fast_score(sequence, rows))
    theirs = run_trackeval(
        "MotChallenge2DBox",
        {
            "GT_FOLDER": str(truth),
            "TRACKERS_FOLDER": str(results),
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": lengths,
            "BENCHMARK": benchmark_name,
        },
    )
    assert_same(combine(scores), theirs["pedestrian"])


def kitti_text(rows: MotRows, extra: Callable[[int], str]) -> str:
    """KITTI's own text; `extra` gives truncation and occlusion of a row."""
    words = {1: "Car", 2: "Pedestrian", 3: "Cyclist", 9: "Van", 10: "Person", 11: "DontCare"}
    columns = zip(rows.frames, rows.ids, rows.class_ids, rows.boxes.astype(np.float64).tolist(), strict=True)
    return "".join(
        f"{frame - 1} {track} {words[kind]} {extra(row)} -10 {x1!r} {y1!r} {x2!r} {y2!r} "
        "-1 -1 -1 -1000 -1000 -1000 -10 1.5\n"
        for row, (frame, track, kind, (x1, y1, x2, y2)) in enumerate(columns)
    )


@pytest.mark.parametrize("name", ["KITTI-T-0000", pytest.param("KITTI-T-0004", marks=pytest.mark.slow)])
def test_kitti_numbers_are_those_of_trackeval_from_files(
    name: str,
    benchmark_sequence: Callable[[str], Sequence],
    followed: Callable[..., MotRows],
    run_trackeval: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    """Hidden and cut-off objects, vans, sitting people and areas without annotation are all there."""
    known, reported = benchmark_sequence(name), followed(name, 1.0)
    rng = np.random.default_rng(5)
    annotated = known.annotations
    kinds = annotated.class_ids.copy()
    kinds[(kinds == 2) & (annotated.ids % 5 == 0)] = 10
    areas = np.flatnonzero(rng.random(len(annotated)) < 0.1)
    truth = MotRows(
        np.concatenate([annotated.frames, annotated.frames[areas]]),
        np.concatenate([annotated.ids, np.full(len(areas), -1)]),
        np.concatenate([annotated.boxes, annotated.boxes[areas] + [80, 10, 140, 40]]).astype(np.float32),
        np.ones(len(kinds) + len(areas), np.float32),
        np.concatenate([kinds, np.full(len(areas), 11)]),
    )
    cut, hidden = rng.choice([0, 0, 0, 0, 1], len(truth)), rng.choice([0, 1, 2, 2, 3], len(truth))
    labels, results = tmp_path / "truth" / "label_02", tmp_path / "results" / "ours" / "data"
    for folder in (labels, results):
        folder.mkdir(parents=True)
    (labels / "0000.txt").write_text(kitti_text(truth, lambda row: f"{cut[row]} {hidden[row]}"))
    (results / "0000.txt").write_text(kitti_text(reported, lambda row: "-1 -1"))
    seqmap = tmp_path / "truth" / "evaluate_tracking.seqmap.training"
    seqmap.write_text(f"0000 empty 000000 {known.length:06d}\n")

    sequence = read_sequence(labels / "0000.txt")
    rows = read_results(results / "0000.txt", sequence)
    ours = score_classes(sequence, rows)
    folders = {"GT_FOLDER": str(tmp_path / "truth"), "TRACKERS_FOLDER": str(tmp_path / "results")}
    theirs = run_trackeval("Kitti2DBox", folders)
    assert sequence.length == known.length
    assert set(ours) == {"car", "pedestrian"}
    assert sum(scores.tp for scores in ours.values()) > 50, "there is something to compare"
    for kind, scores in ours.items():
        assert_same(scores, theirs[kind])
        assert_equal(scores, fast_classes(sequence, rows)[kind])


def random_case(seed: int) -> tuple[Sequence, MotRows]:
    """Boxes that crowd, jitter, vanish and swap identities."""
    rng = np.random.default_rng(seed)
    length, people = int(rng.integers(1, 12)), int(rng.integers(0, 7))
    places = rng.uniform(0, 60, (people, 2)) + np.cumsum(rng.normal(0, 3, (length, people, 2)), axis=0)
    frames, ids = (grid.ravel() for grid in np.meshgrid(np.arange(1, length + 1), np.arange(people)))
    boxes = np.concatenate(
        [places[frames - 1, ids], places[frames - 1, ids] + rng.uniform(15, 30, 2)], axis=1
    )
    there, roles = rng.random(len(frames)) < 0.8, rng.choice(4, people, p=[0.7, 0.1, 0.1, 0.1])[ids]
    annotated = Annotations(frames, ids, boxes, roles)[there]
    counted, neutral, other = (annotated.class_ids == role for role in (0, 1, 2))
    target = Target("thing", None, counted, neutral, other, min_height=18 * (seed % 2))
    found = rng.random(len(frames)) < 0.85
    swapped = np.where(rng.random(len(frames)) < 0.15, (ids + 1) % max(people, 1), ids)
    _, first = np.unique(np.stack([frames, swapped])[:, found], axis=1, return_index=True)
    rows = np.flatnonzero(found)[first]
    jitter = boxes[rows] + rng.normal(0, 3, (len(rows), 4))
    ones = np.ones(len(rows), np.float32)
    reported = MotRows(
        frames[rows], swapped[rows] + 100, jitter.astype(np.float32), ones, ones.astype(np.int64)
    )
    nothing = Annotations.none()
    sequence = Sequence("x", 25.0, length, 100, 100, MotRows.concat([]), annotated, (target,), nothing)
    return sequence, reported


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_fast_numbers_are_those_of_trackeval_on_any_crowd(seed: int) -> None:
    sequence, reported = random_case(seed)
    assert_equal(score(sequence, reported), fast_score(sequence, reported))


@pytest.mark.parametrize("name", ["TUD-Stadtmitte", "ETH-Sunnyday"])
def test_fast_numbers_are_those_of_trackeval_on_real_runs(
    name: str, benchmark_sequence: Callable[[str], Sequence], followed: Callable[..., MotRows]
) -> None:
    sequence, rows = benchmark_sequence(name), followed(name, 0.5)
    assert_equal(score(sequence, rows), fast_score(sequence, rows))


@pytest.mark.parametrize(
    ("truth", "reported"),
    [(False, True), (True, False), (False, False)],
    ids=["nothing is there", "nothing is reported", "neither"],
)
def test_empty_sides(truth: bool, reported: bool, benchmark_sequence: Callable[[str], Sequence]) -> None:
    sequence = benchmark_sequence("TUD-Campus")
    rows = sequence.truth if reported else MotRows.concat([])
    frames = None if truth else (1000, 1010)
    if not truth:
        rows = MotRows.concat([])
    ours = score(sequence, rows, frames)
    assert_equal(ours, fast_score(sequence, rows, frames))
    assert (ours.hota, ours.mota, ours.fn) == (0, 0, len(sequence.truth) if truth else 0)


def test_the_truth_scores_one(benchmark_sequence: Callable[[str], Sequence]) -> None:
    sequence = benchmark_sequence("MOT17-09")
    scores = fast_score(sequence, sequence.truth)
    assert (scores.mota, scores.idf1, scores.fp, scores.fn) == (1, 1, 0, 0)
    assert scores.hota == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "min_score"), [("TUD-Campus", None), ("TUD-Stadtmitte", None), ("ETH-Sunnyday", 0.5)]
)
def test_motmetrics_agrees(
    name: str,
    min_score: float | None,
    benchmark_sequence: Callable[[str], Sequence],
    followed: Callable[..., MotRows],
) -> None:
    """Nearly: it keeps a pair for as long as it is valid, TrackEval only from one frame to the next."""
    if not hasattr(np, "asfarray"):
        np.asfarray = lambda a, dtype=np.float64: np.asarray(a, dtype)  # gone in NumPy 2, wanted by 1.4
    sequence, rows = benchmark_sequence(name), followed(name, min_score)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        motmetrics = pytest.importorskip("motmetrics")
        accumulator = motmetrics.MOTAccumulator()
        both = zip(sequence.truth.by_frame(sequence.length), rows.by_frame(sequence.length), strict=True)
        for (frame, true), (_, found) in both:
            sides = [
                np.column_stack([d.boxes[:, :2], d.boxes[:, 2:] - d.boxes[:, :2]]) for d in (true, found)
            ]
            distances = motmetrics.distances.iou_matrix(*(side.astype(float) for side in sides), max_iou=0.5)
            accumulator.update(true.track_ids, found.track_ids, distances, frameid=frame)
        names = ["mota", "idf1", "num_switches"]
        theirs = motmetrics.metrics.create().compute(accumulator, metrics=names).iloc[0]
    ours = score(sequence, rows)
    assert ours.mota == pytest.approx(theirs["mota"], abs=2e-3)
    assert ours.idf1 == pytest.approx(theirs["idf1"], abs=1e-6)
    assert abs(ours.switches - theirs["num_switches"]) <= max(1, 0.05 * ours.switches)


def test_without_trackeval_the_install_line_is_told(
    benchmark_sequence: Callable[[str], Sequence], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trackeval.metrics", None)
    sequence = benchmark_sequence("TUD-Campus")
    with pytest.raises(MissingDependency, match=r"pip install -r requirements/eval\.txt"):
        score(sequence, sequence.truth)
    assert fast_score(sequence, sequence.truth).mota == 1
