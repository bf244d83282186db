"""`train hog` as a user meets it: clips, folders, the file it writes, errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.hog.model import load_model
from tests.support.truth import mot_truth
from vidstream.cli import main
from vidstream.cli.train_data import Annotated, clip

QUICK = ["--window", "48x96", "--share", "0.8", "--costs", "0.01", "--folds", "2", "--rounds", "1"]


@pytest.fixture(scope="module")
def frames(assets) -> list[np.ndarray]:
    """Frames 0 to 63 of vtest.avi."""
    video = cv2.VideoCapture(str(assets("video/vtest.avi")))
    pictures = [video.read()[1] for _ in range(64)]
    video.release()
    return pictures


@pytest.fixture(scope="module")
def truth(assets) -> Path:
    return assets("mot/PETS09-S2L1/gt/gt.txt")


@pytest.fixture
def boxes(truth: Path, tmp_path: Path) -> Path:
    """The truth of those frames."""
    lines = [line for line in truth.read_text().splitlines() if int(line.partition(",")[0]) <= 64]
    (tmp_path / "gt.txt").write_text("\n".join(lines))
    return tmp_path / "gt.txt"


def test_a_clip_becomes_a_model_that_a_graph_reads(assets, boxes, tmp_path, capsys, monkeypatch):
    out, report = tmp_path / "models" / "walker.hog.xml", tmp_path / "report.json"
    files = ["--out", str(out), "--report", str(report)]
    film = ["--video", str(assets("video/vtest.avi")), "--boxes", str(boxes), "--every", "8"]
    assert main(["train", "hog", *film, "--label", "walker", *QUICK, "--held-out", "0.25", *files]) == 0
    printed = capsys.readouterr()
    for line in ("window 48x96", "false alarms per picture", "all folds", "held out", f"written: {out}"):
        assert line in printed.out
    assert "hard negatives, round 1 ..." in printed.err
    numbers = json.loads(report.read_text())
    assert numbers["held_out"]["pictures"] == 2
    assert len(numbers["folds"]) == 2
    assert numbers["held_out"]["right"][-1] >= 1
    usage = load_model(str(out)).usage
    assert (usage.label, usage.trained_on) == ("walker", "vtest.avi")
    # the file is looked for beside the YAML file, wherever one stands
    job = tmp_path / "job.yaml"
    job.write_text(
        "source: synthetic:people\ngraph: {find: {use: detect.hog, model: models/walker.hog.xml}}\n"
    )
    monkeypatch.chdir(assets("video/vtest.avi").parent)
    assert main(["check", str(job)]) == 0
    job.write_text(job.read_text().replace("walker.hog", "wolker.hog"))
    assert main(["check", str(job)]) == 2
    assert f"HOG model '{tmp_path}/models/wolker.hog.xml': no such file" in capsys.readouterr().err


def test_only_frames_with_boxes_are_used(assets, tmp_path):
    rows = ["5,-1,11,21,30,60,1", "5,-1,101,21,30,60,0", "9,-1,12,21,30,60,1", "20,-1,13,21,30,60,1"]
    (tmp_path / "gt.txt").write_text("\n".join(rows))
    scenes = Annotated(clip(assets("video/vtest.avi"), tmp_path / "gt.txt", None))
    assert len(scenes) == 3
    assert len(clip(assets("video/vtest.avi"), tmp_path / "gt.txt", 2).pictures) == 2
    first, last = scenes.read([0, 2])
    assert first.boxes.tolist() == [[10, 20, 40, 80]], "MOT counts pixels from 1"
    assert first.ignored.tolist() == [[100, 20, 130, 80]]
    assert last.boxes.tolist() == [[12, 20, 42, 80]]
    assert (first.pixels != last.pixels).any()


def test_folders_of_objects_and_of_background(frames, truth, tmp_path, capsys):
    known = mot_truth(truth)
    (tmp_path / "people").mkdir()
    (tmp_path / "ground" / "more").mkdir(parents=True)
    for number in range(0, 64, 8):
        for row, (x1, y1, x2, y2) in enumerate(known[number].boxes.tolist()):
            high = (y2 - y1) / 0.8
            middle, top = (x1 + x2) / 2, (y1 + y2 - high) / 2
            left, right, bottom = round(middle - high / 4), round(middle + high / 4), round(top + high)
            cut = frames[number][max(round(top), 0) : bottom, max(left, 0) : right]
            cv2.imwrite(str(tmp_path / "people" / f"{number:03d}-{row}.png"), cut)
        cv2.imwrite(str(tmp_path / "ground" / "more" / f"{number}.png"), frames[number][300:, :300])
    folders = ["--positives", str(tmp_path / "people"), "--negatives", str(tmp_path / "ground")]
    out = tmp_path / "own.yml"
    assert main(["train", "hog", *folders, *QUICK, "--held-out", "0", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "held out" not in printed
    assert load_model(str(out)).usage.trained_on == "people, ground"


@pytest.mark.slow
def test_pictures_with_labels(frames, truth, tmp_path):
    known = mot_truth(truth)
    for folder in ("images", "labels"):
        (tmp_path / "yard" / folder).mkdir(parents=True)
    (tmp_path / "yard" / "classes.txt").write_text("person\ndog\n")
    for number in range(0, 64, 10):
        cv2.imwrite(str(tmp_path / "yard" / "images" / f"{number:02d}.png"), frames[number])
        boxes = known[number].boxes / [768, 576, 768, 576]
        lines = [f"0 {(a + c) / 2} {(b + d) / 2} {c - a} {d - b}" for a, b, c, d in boxes.tolist()]
        (tmp_path / "yard" / "labels" / f"{number:02d}.txt").write_text("\n".join(lines))
    data = ["--data", str(tmp_path / "yard"), "--out", str(tmp_path / "own.json"), "--held-out", "0"]
    assert main(["train", "hog", *data, "--classes", "person", *QUICK]) == 0
    assert load_model(str(tmp_path / "own.json")).window == (48, 96)


def names(folder: Path) -> list[str]:
    """A folder of YOLO with two classes."""
    for part in ("images", "labels"):
        (folder / part).mkdir()
    (folder / "classes.txt").write_text("person\ndog\n")
    cv2.imwrite(str(folder / "images" / "1.png"), np.zeros((99, 99, 3), np.uint8))
    return ["--data", str(folder)]


def text(folder: Path, words: str) -> str:
    (folder / "gt.txt").write_text(words)
    return str(folder / "gt.txt")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(lambda d: [], "there is nothing to learn from; give --video and --boxes", id="nothing"),
        pytest.param(lambda d: ["--video", "a.avi"], "each clip needs its boxes", id="a clip alone"),
        pytest.param(
            lambda d: ["--video", "a.avi", "--boxes", text(d, "words")],
            "cannot be read as MOT text",
            id="boxes that are none",
        ),
        pytest.param(
            lambda d: ["--video", "a.avi", "--boxes", text(d, "")], "names no frames from 1 on", id="no boxes"
        ),
        pytest.param(
            lambda d: ["--video", "a.avi", "--boxes", text(d, "1,1,1,1,9,9,1")],
            "'a.avi' does not exist",
            id="no clip",
        ),
        pytest.param(lambda d: ["--positives", str(d / "none")], "is no folder", id="no folder"),
        pytest.param(lambda d: ["--negatives", str(d)], "has no pictures", id="an empty folder"),
        pytest.param(names, "has several classes; choose some with --classes", id="several classes"),
        pytest.param(lambda d: ["--window", "60x128"], "60x128 is no window", id="an odd window"),
        pytest.param(lambda d: ["--costs", "much"], "'much' are no costs", id="costs that are none"),
        pytest.param(lambda d: ["--folds", "1", *names(d)], "folds: is 1", id="one fold"),
        pytest.param(lambda d: ["--every", "0", *names(d)], "0 is no step", id="no step"),
    ],
)
def test_what_cannot_be_learnt_from_is_told(
    options: Callable[[Path], list[str]], words: str, tmp_path: Path, capsys
):
    given = options(tmp_path)
    assert main(["train", "hog", *given, "--out", str(tmp_path / "own.xml")]) in (1, 2)
    assert words in capsys.readouterr().err
    assert not (tmp_path / "own.xml").exists()


def test_a_wrong_ending_is_told_before_any_work(tmp_path, capsys):
    assert main(["train", "hog", "--positives", "none", "--out", str(tmp_path / "own.npy")]) == 2
    assert "use .xml, .yml, .yaml, .json" in capsys.readouterr().err
