from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.hog import HogDetector, HogModel, HogParams, Usage
from detectors.hog.model import load_model
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.types import View
from vidstream.types.values import FileOrName


def frames(assets: Callable[[str], Path], every: int) -> Iterator[tuple[int, View]]:
    """Every so many frames of the clip, with their numbers from 0."""
    clip = cv2.VideoCapture(str(assets("video/vtest.avi")))
    number = 0
    while clip.grab():
        if number % every == 0:
            yield number, View(clip.retrieve()[1])
        number += 1
    clip.release()


@pytest.fixture(scope="module")
def truth(assets):
    """Frame from 0 -> true boxes; the file counts frames and pixels from 1, and marks rows to leave out."""
    table = np.loadtxt(assets("mot/PETS09-S2L1/gt/gt.txt"), delimiter=",")
    table = table[table[:, 6] == 1]
    return {
        int(n) - 1: geometry.from_xywh(table[table[:, 0] == n, 2:6] - [1, 1, 0, 0])
        for n in np.unique(table[:, 0])
    }


@pytest.fixture(scope="module")
def some_frames(assets):
    return list(frames(assets, 60))


@pytest.fixture(scope="module")
def first_frame(some_frames):
    return some_frames[0][1]


def precision_recall(params, views, truth, count_matches):
    detector = HogDetector(params)
    hits = found = wanted = 0
    for number, view in views:
        boxes = detector.detect(view).boxes
        hits += count_matches(boxes, truth[number], 0.5)
        found += len(boxes)
        wanted += len(truth[number])
    return hits / found, hits / wanted


@pytest.mark.parametrize(
    ("params", "precision", "recall"),
    [
        pytest.param(HogParams(), 0.88, 0.78, id="default"),
        pytest.param(HogParams(model="daimler"), 0.85, 0.75, id="daimler"),
    ],
)
def test_finds_the_people_of_pets(some_frames, truth, count_matches, params, precision, recall):
    p, r = precision_recall(params, some_frames, truth, count_matches)
    assert p >= precision
    assert r >= recall


@pytest.mark.slow
def test_precision_and_recall_as_documented(assets, truth, count_matches):
    p, r = precision_recall(HogParams(), frames(assets, 10), truth, count_matches)
    assert p == pytest.approx(0.923, abs=0.02)
    assert r == pytest.approx(0.831, abs=0.02)


def test_gives_the_windows_of_opencv(first_frame):
    whole = {"shrink_width": 1.0, "shrink_height": 1.0, "nms": 1.0, "nested": 1.0}
    raw = HogParams(scale=1.0, pyramid=1.2, hit_threshold=0.0, **whole)
    found = HogDetector(raw).detect(first_frame)
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
    windows, margins = hog.detectMultiScale(
        first_frame.pixels, winStride=(8, 8), padding=(8, 8), scale=1.2, groupThreshold=0
    )
    order = np.argsort(-margins.ravel(), kind="stable")
    np.testing.assert_allclose(found.boxes, geometry.from_xywh(windows[order]), atol=1e-3)
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp(1.7 - 2.3 * margins.ravel()[order])), atol=1e-5)


def test_boxes_come_back_from_a_crop_and_a_resize(first_frame, crop, zoom):
    detector = HogDetector()
    whole = detector.detect(first_frame).boxes
    half = crop(first_frame, 320, 0, 448, 576)
    # at twice the size with half the scale, the detector sees what it saw
    for view, params in ((half, HogParams()), (zoom(first_frame, 2.0), HogParams(scale=0.7))):
        part = HogDetector(params).detect(view).boxes
        best = geometry.iou(part, whole).max(axis=1)
        assert len(part) >= 2
        assert np.median(best) > 0.8


def test_a_gray_view_works(first_frame):
    found = HogDetector().detect(View(first_frame.gray()))
    assert len(found) >= 3


@pytest.mark.parametrize(("width", "height"), [(20, 20), (100, 50), (200, 10), (50, 200), (1, 1)])
def test_a_picture_smaller_than_the_window_holds_nothing(width, height):
    # OpenCV itself crashes on some of these
    view = View(np.full((height, width, 3), 127, np.uint8))
    assert len(HogDetector(HogParams(scale=1.0)).detect(view)) == 0


@pytest.mark.parametrize("suffix", [".xml", ".yml", ".json"])
def test_a_trained_file_of_ones_own(tmp_path, first_frame, suffix):
    file = tmp_path / f"mine{suffix}"
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
    hog.save(str(file))
    own = HogDetector(HogParams(model=str(file), label="walker")).detect(first_frame)
    assert own.names == {0: "walker"}
    np.testing.assert_allclose(own.boxes, HogDetector().detect(first_frame).boxes, atol=1e-3)


NOTES = Usage("walker", 1.3, 0.35, 0.5, 0.7, 3.25, -0.75, 'a <clip> & "another": ü')


@pytest.mark.parametrize("name", ["mine.xml", "mine.hog.yml", "mine.yaml", "1.json"])
def test_notes_come_back_and_opencv_loads_the_file_as_its_own(tmp_path, name):
    people = load_model("default")
    HogModel(people.descriptor, NOTES).save(tmp_path / name)
    back = load_model(str(tmp_path / name))
    assert back.usage == NOTES
    bare = cv2.HOGDescriptor()
    assert bare.load(str(tmp_path / name))
    assert bare.winSize == (64, 128)
    np.testing.assert_array_equal(bare.svmDetector, people.descriptor.svmDetector)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_model_is_used_as_its_notes_say_unless_told_otherwise(tmp_path, first_frame):
    people = load_model("default")
    HogModel(people.descriptor, NOTES).save(tmp_path / "mine.xml")
    name = FileOrName(str(tmp_path / "mine.xml"))
    noted = HogDetector(HogParams(model=name)).detect(first_frame)
    told = HogParams(scale=1.3, hit_threshold=0.35, shrink_width=0.5, shrink_height=0.7, label="walker")
    plain = HogDetector(told).detect(first_frame)
    assert len(noted) > 0
    assert noted.names == plain.names
    np.testing.assert_allclose(noted.boxes, plain.boxes, atol=1e-3)
    usage = people.usage
    margins = (np.log(plain.scores / (1 - plain.scores)) - usage.offset) / usage.slope
    np.testing.assert_allclose(noted.scores, 1 / (1 + np.exp(0.75 - 3.25 * margins)), atol=1e-4)
    again = HogDetector(HogParams(model=name, hit_threshold=1.0, label="guest")).detect(first_frame)
    assert again.names == {0: "guest"}
    assert len(again) == (margins > 1.0).sum() < len(noted)


@pytest.mark.parametrize(
    ("path", "problem", "words"),
    [
        pytest.param("mine.bin", ModelError, "use .xml, .yml, .yaml, .json", id="an unknown ending"),
        pytest.param("none/mine.xml", OSError, "No such file", id="no folder"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path, path, problem, words):
    with pytest.raises(problem, match=words):
        load_model("default").save(tmp_path / path)


def with_note(line: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        load_model("default").save(folder / "noted.xml")
        text = (folder / "noted.xml").read_text()
        key = line.partition(">")[0] + ">"
        start, end = text.index(key), text.index("\n", text.index(key))
        (folder / "noted.xml").write_text(text[:start] + line + text[end:])
        return str(folder / "noted.xml")

    return make


def with_size(key: str, value: str) -> Callable[[Path], str]:
    """The people detector's file with one of its sizes changed."""

    def make(folder: Path) -> str:
        load_model("default").descriptor.save(str(folder / "sizes.xml"))
        text = (folder / "sizes.xml").read_text()
        changed = re.sub(f"<{key}>[^<]*</{key}>", f"<{key}>{value}</{key}>", text)
        assert changed != text
        (folder / "sizes.xml").write_text(changed)
        return str(folder / "sizes.xml")

    return make


def untrained(folder: Path) -> str:
    cv2.HOGDescriptor().save(str(folder / "empty.xml"))
    return str(folder / "empty.xml")


def text(folder: Path) -> str:
    (folder / "text.yml").write_text("just text")
    return str(folder / "text.yml")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda d: "defualt", "did you mean 'default'", id="a slip"),
        pytest.param(lambda d: "model.npy", "use default, daimler or a file", id="another kind of file"),
        pytest.param(lambda d: str(d / "none.xml"), "no such file", id="no file"),
        pytest.param(untrained, "does not hold a HOG descriptor with its SVM", id="no SVM inside"),
        pytest.param(text, "does not hold a HOG descriptor with its SVM", id="not such a file"),
        pytest.param(with_size("blockStride", "0 0"), "does not hold a HOG", id="a step of nothing"),
        pytest.param(with_size("cellSize", "0 0"), "does not hold a HOG", id="cells of nothing"),
        pytest.param(with_size("winSize", "-64 128"), "does not hold a HOG", id="a window inside out"),
        pytest.param(with_size("winSize", "72 128"), "does not hold a HOG", id="an SVM of another window"),
        pytest.param(with_size("nbins", "-9"), "does not hold a HOG", id="fewer than no bins"),
        pytest.param(with_note("<slope>steep</slope>"), "its note 'slope' is 'steep'", id="a note in words"),
        pytest.param(with_note("<scale>0.</scale>"), "impossible sizes", id="a scale of nothing"),
        pytest.param(with_note("<shrink_width>-1.</shrink_width>"), "impossible sizes", id="a share below 0"),
    ],
)
def test_what_is_no_model_is_told(tmp_path, make, words):
    with pytest.raises(ModelError, match=words):
        HogDetector(HogParams(model=make(tmp_path)))
