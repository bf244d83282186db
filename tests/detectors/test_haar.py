from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import cv2.data
import numpy as np
import pytest

from detectors.haar import HaarDetector, HaarParams, cascades, load_cascade
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.types import View
from vidstream.types.values import FileOrName

# one stage, one local binary pattern whose every code votes for the object: all windows pass
LBP = f"""<?xml version="1.0"?>
<opencv_storage><cascade>
  <stageType>BOOST</stageType><featureType>LBP</featureType><height>24</height><width>24</width>
  <stageParams><boostType>GAB</boostType><minHitRate>0.99</minHitRate><maxFalseAlarm>0.5</maxFalseAlarm>
    <weightTrimRate>0.95</weightTrimRate><maxDepth>1</maxDepth><maxWeakCount>1</maxWeakCount></stageParams>
  <featureParams><maxCatCount>256</maxCatCount><featSize>1</featSize></featureParams>
  <stageNum>1</stageNum>
  <stages><_><maxWeakCount>1</maxWeakCount><stageThreshold>0.5</stageThreshold><weakClassifiers><_>
    <internalNodes>0 -1 0 {" ".join(["-1"] * 8)}</internalNodes><leafValues>1.5 1.5</leafValues>
  </_></weakClassifiers></_></stages>
  <features><_><rect>0 0 3 3</rect></_></features>
</cascade></opencv_storage>
"""


@pytest.mark.parametrize(
    ("cascade", "file"),
    [
        pytest.param("frontalface_default", "faces/2008_002506.jpg", id="stumps, faces"),
        pytest.param("frontalface_alt2", "faces/2008_007676.jpg", id="trees, faces"),
        pytest.param("upperbody", "faces/2008_004176.jpg", id="bodies"),
        pytest.param(
            "license_plate_rus_16stages", "faces/Tom_Cruise_avp_2014_4.jpg", id="the old file format"
        ),
    ],
)
def test_gives_the_boxes_of_opencv(picture, cascade, file):
    view = picture(file)
    found = HaarDetector(HaarParams(cascade=cascade, min_neighbours=2, nms=1.0)).detect(view)
    reference = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{cascade}.xml")
    expected = reference.detectMultiScale(view.gray(), scaleFactor=1.1, minNeighbors=2)
    expected = geometry.from_xywh(np.array(expected, np.float32).reshape(-1, 4))
    assert len(found) > 0
    assert sorted(found.boxes.tolist()) == sorted(expected.tolist())
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.scores >= 0.5) & (found.scores <= 1)).all()


def test_finds_the_faces_of_group_photographs(picture, face_truth, count_matches):
    detector = HaarDetector()
    found = {file: detector.detect(picture(file)) for file in face_truth}
    hits = sum(count_matches(found[file].boxes, truth, 0.4) for file, truth in face_truth.items())
    assert hits / sum(map(len, face_truth.values())) >= 0.9
    assert hits / sum(map(len, found.values())) >= 0.9


@pytest.mark.parametrize(
    ("name", "face"),
    # seen by an SSD network trained on faces
    [("obama.jpg", [371, 75, 610, 428]), ("obama2.jpg", [204, 230, 475, 634])],
    ids=["one face", "the same person"],
)
def test_a_portrait_has_its_face_first(picture, zoom, name, face):
    found = HaarDetector().detect(zoom(picture(name), 0.5))
    assert found.name_of(0) == "face"
    assert geometry.iou(found.boxes[:1], np.array([face], np.float32))[0, 0] > 0.4


def test_true_faces_score_above_false_ones(picture, face_truth):
    detector = HaarDetector(HaarParams(cascade="frontalface_default", scale_factor=1.05))
    right, wrong = [], []
    for file, truth in list(face_truth.items())[:2]:
        found = detector.detect(picture(file))
        hit = geometry.iou(found.boxes, truth).max(axis=1) >= 0.4
        right += found.scores[hit].tolist()
        wrong += found.scores[~hit].tolist()
    assert len(wrong) >= 2
    assert np.median(right) > np.max(wrong)


def test_boxes_come_back_from_a_crop_and_a_resize(picture, crop, zoom):
    view = zoom(picture("obama.jpg"), 0.5)
    detector = HaarDetector()
    whole = detector.detect(view)
    for other in (crop(view, 100, 20, 300, 300), zoom(view, 0.5), crop(zoom(view, 2.0), 200, 50, 500, 500)):
        part = detector.detect(other)
        assert geometry.iou(part.boxes[:1], whole.boxes[:1])[0, 0] > 0.75


def test_a_gray_view_gives_what_its_colour_picture_gives(picture):
    view = picture("faces/2008_002506.jpg")
    colour, gray = (HaarDetector().detect(v) for v in (view, View(view.gray())))
    assert colour.boxes.tolist() == gray.boxes.tolist()


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        pytest.param({"max_size": 45}, lambda w: w.max() <= 45, id="nothing above the largest size"),
        pytest.param({"min_size": 60}, lambda w: w.min() >= 60, id="nothing below the smallest size"),
    ],
)
def test_sizes_bound_the_boxes(picture, size, widths):
    view = picture("faces/2008_007676.jpg")
    every, some = (HaarDetector(HaarParams(**s)).detect(view) for s in ({}, size))
    assert 0 < len(some) < len(every)
    assert widths(some.boxes[:, 2] - some.boxes[:, 0])


def test_without_grouping_suppression_leaves_one_window_per_face(picture, zoom):
    view = zoom(picture("obama.jpg"), 0.4)
    raw = HaarDetector(HaarParams(min_neighbours=0, nms=1.0)).detect(view)
    single = HaarDetector(HaarParams(min_neighbours=0, nms=0.3)).detect(view)
    assert len(raw) > 10
    overlap = geometry.iou(single.boxes, single.boxes) - np.eye(len(single), dtype=np.float32)
    assert overlap.max() <= 0.3


@pytest.mark.parametrize("name", cascades())
def test_every_cascade_of_opencv_loads(name):
    cascade = load_cascade(name)
    assert cascade.stages >= 16
    assert cascade.label in {"face", "cat face", "eye", "person", "upper body", "lower body", "smile"} | {
        "licence plate"
    }


@pytest.mark.parametrize(
    ("name", "format_", "file"),
    [
        pytest.param("frontalface_alt2", "<cascade type_id=", "faces/2008_002506.jpg", id="of traincascade"),
        pytest.param(
            "license_plate_rus_16stages", "opencv-haar-classifier", "pictures/bus.jpg", id="of haartraining"
        ),
    ],
)
def test_a_cascade_file_of_ones_own(tmp_path, picture, name, format_, file):
    theirs = Path(f"{cv2.data.haarcascades}haarcascade_{name}.xml")
    assert format_ in theirs.read_text(), "both formats of file are tried"
    own = tmp_path / "my thing.xml"
    shutil.copy(theirs, own)
    view = picture(file)
    found, known = (
        HaarDetector(HaarParams(cascade=FileOrName(c), min_neighbours=1)).detect(view)
        for c in (str(own), name)
    )
    assert found.names == {0: "my thing"}
    assert len(found) > 0
    assert found.boxes.tolist() == known.boxes.tolist()


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("haarcascade_frontalface_mine.xml", "face"),
        ("lbpcascade_frontalface.xml", "face"),
        ("lbpcascade_silverware.xml", "silverware"),
        ("cups.xml", "cups"),
    ],
)
def test_the_name_of_a_file_says_what_it_finds(tmp_path, file, label):
    (tmp_path / file).write_text(LBP)
    assert load_cascade(str(tmp_path / file)).label == label


def test_a_cascade_of_local_binary_patterns(tmp_path):
    file = tmp_path / "anything.xml"
    file.write_text(LBP)
    found = HaarDetector(HaarParams(cascade=str(file), min_neighbours=0)).detect(
        View(np.zeros((60, 60, 3), np.uint8))
    )
    assert len(found) > 0
    # sum 1.5 above threshold 0.5: margin 1
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp(-1.0)), atol=1e-4)


def hog_model(folder: Path) -> str:
    cv2.HOGDescriptor().save(str(folder / "hog.xml"))
    return str(folder / "hog.xml")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda d: "frontalface_defualt", "did you mean 'frontalface_default'", id="a slip"),
        pytest.param(lambda d: "qqq", "known are eye, ", id="nothing like it"),
        pytest.param(lambda d: str(d / "none.xml"), "no such file", id="no file"),
        pytest.param(lambda d: write(d, "<nonsense"), "does not hold a cascade", id="not XML"),
        pytest.param(lambda d: write(d, ""), "does not hold a cascade", id="an empty file"),
        pytest.param(lambda d: write(d, LBP[:600]), "does not hold a cascade", id="a file cut short"),
        pytest.param(
            lambda d: write(d, LBP.replace("<width>24", "<width>0")), "does not hold a cascade", id="no width"
        ),
        pytest.param(hog_model, "does not hold a cascade", id="a model of another kind"),
        pytest.param(lambda d: str(folder(d / "cascade.xml")), "no such file", id="a folder"),
        pytest.param(
            lambda d: write(d, "<?xml version='1.0'?><opencv_storage><a>1</a></opencv_storage>"),
            "does not hold a cascade",
            id="other XML",
        ),
    ],
)
def test_what_is_no_cascade_is_told(tmp_path, make, words):
    with pytest.raises(ModelError, match=words):
        HaarDetector(HaarParams(cascade=make(tmp_path)))


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def write(folder: Path, text: str) -> str:
    path = folder / "bad.xml"
    path.write_text(text)
    return str(path)


def test_a_tiny_picture_holds_nothing():
    assert len(HaarDetector().detect(View(np.zeros((5, 7, 3), np.uint8)))) == 0


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing(assets):
    """OpenCV's threads hand their windows over in any order."""
    view = View(cv2.imread(str(assets("faces/bald_guys.jpg"))))
    before = cv2.getNumThreads()
    found = []
    try:
        for threads in (1, 2, 4, 4, 4):
            cv2.setNumThreads(threads)
            detections = HaarDetector(HaarParams(cascade="frontalface_default")).detect(view)
            found.append((detections.boxes.tolist(), detections.scores.tolist()))
    finally:
        cv2.setNumThreads(before)
    assert len(found[0][0]) > 3
    assert all(f == found[0] for f in found)
