"""Decoders of text networks, against OpenCV's own and against answers known by construction."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.text.decode import decode_ctc, decode_db, decode_east
from detectors.text.quads import angles_of, boxes_of, clockwise, grown, reading_order, upright
from tests.support.tiny_networks import answering_network
from vidstream.errors import ModelError


def constant_network(path: Path, **outputs: np.ndarray) -> cv2.dnn.Net:
    """A network that gives these outputs whatever it sees: OpenCV's decoders then decode them."""
    return cv2.dnn.readNetFromONNX(str(answering_network(path / "n.onnx", outputs, size=(256, 128))))


PICTURE = np.zeros((128, 256, 3), np.uint8)


def painted(*rectangles: tuple) -> np.ndarray:
    """A map (1, 1, 128, 256) with 0.9 inside turned rectangles."""
    chance = np.zeros((128, 256), np.float32)
    for rectangle in rectangles:
        cv2.fillPoly(chance, [np.rint(cv2.boxPoints(rectangle)).astype(np.int32)], 0.9)
    return chance[None, None]


TEXTS = [((60, 30), (80, 14), 0), ((170, 80), (90, 16), 30), ((60, 95), (60, 12), -15)]


@pytest.mark.parametrize("unclip", [0.0, 1.5, 2.0])
def test_db_finds_the_texts_whose_cores_were_painted(unclip):
    # OpenCV's own TextDetectionModel_DB finds nothing on any map, so the truth is what was painted
    ours = decode_db([painted(*TEXTS)], 0.6, 0.3, unclip)
    assert len(ours.quads) == 3
    for centre, (width, height), angle in TEXTS:
        # painting includes the outline, half a pixel on each side, and corners are pixel edges
        middle, size = (centre[0] + 0.5, centre[1] + 0.5), np.array([width + 1, height + 1])
        growth = 2 * size.prod() * unclip / (2 * size.sum())
        truth = clockwise(cv2.boxPoints((middle, (size + growth).tolist(), angle)))
        # the steps of a turned edge are up to one more pixel
        assert max(overlap(quad, truth) for quad in ours.quads) > 0.85
    assert ours.scores.tolist() == pytest.approx([0.9] * 3, abs=0.02)


def test_db_leaves_out_what_is_weak_or_tiny():
    chance = painted(TEXTS[0], ((200, 20), (1, 1), 0))
    assert len(decode_db([chance], 0.6, 0.3, 1.5).quads) == 1
    assert len(decode_db([chance * 0.6], 0.6, 0.3, 1.5).quads) == 0
    assert len(decode_db([chance * 0.0], 0.0, 0.3, 1.5).quads) == 0


def east_maps(*rectangles: tuple) -> tuple[np.ndarray, np.ndarray]:
    """The maps that an ideal EAST gives for turned rectangles ((cx, cy), (w, h), degrees clockwise)."""
    scores, geometry = np.zeros((1, 1, 32, 64)), np.zeros((1, 5, 32, 64))
    for (cx, cy), (width, height), degrees in rectangles:
        turn = np.radians(degrees)
        for row in range(32):
            for column in range(64):
                dx, dy = column * 4 - cx, row * 4 - cy
                along, across = (
                    dx * np.cos(turn) + dy * np.sin(turn),
                    -dx * np.sin(turn) + dy * np.cos(turn),
                )
                if abs(along) < width / 3 and abs(across) < height / 3:
                    scores[0, 0, row, column] = 0.9 - 0.001 * abs(along)
                    geometry[0, :, row, column] = [
                        height / 2 + across,
                        width / 2 - along,
                        height / 2 - across,
                        width / 2 + along,
                        -turn,
                    ]
    return scores, geometry


def test_east_finds_what_opencv_finds_and_what_is_there(tmp_path):
    scores, geometry = east_maps(*TEXTS)
    network = constant_network(tmp_path, scores=scores, geometry=geometry)
    model = cv2.dnn.TextDetectionModel_EAST(network)
    model.setConfidenceThreshold(0.5)
    model.setNMSThreshold(0.2)
    model.setInputSize(256, 128)
    theirs = [np.array(quad, np.float32) for quad in model.detect(PICTURE)[0]]
    ours = decode_east([geometry, scores], 0.5, 0.2)
    assert len(ours.quads) == len(theirs) == 3
    for quad in ours.quads:
        assert max(overlap(quad, other) for other in theirs) > 0.9  # OpenCV rounds corners to whole pixels
        truth = [clockwise(cv2.boxPoints(rectangle)) for rectangle in TEXTS]
        assert max(overlap(quad, other) for other in truth) > 0.97


CHARACTERS = tuple("abc ")


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        pytest.param([1, 1, 0, 1, 2], "aab", id="a blank parts doubles"),
        pytest.param([0, 0, 3, 3, 0], "c", id="blanks and doubles go"),
        pytest.param([1, 4, 2], "a b", id="the last class is a space"),
        pytest.param([0, 0, 0], "", id="nothing"),
    ],
)
def test_ctc(steps, text):
    output = np.full((1, len(steps), 5), 0.025, np.float32)  # shares: they add up to one
    output[0, np.arange(len(steps)), steps] = 0.9
    read, score = decode_ctc([output], CHARACTERS)
    assert read == text
    assert score == pytest.approx(0.9 if text else 0.0)


def test_ctc_reads_what_opencv_reads(tmp_path):
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (24, 1, 5)).astype(np.float32)  # (T, 1, C), as CRNN gives them
    model = cv2.dnn.TextRecognitionModel(constant_network(tmp_path, y=logits))
    model.setDecodeType("CTC-greedy")
    model.setVocabulary(list(CHARACTERS))
    model.setInputParams(1.0, (256, 128))
    text, score = decode_ctc([logits], CHARACTERS)
    assert text == model.recognize(PICTURE)
    assert 0 < score < 1


@pytest.mark.parametrize(
    ("decode", "outputs"),
    [
        pytest.param(lambda o: decode_db(o, 0.5, 0.3, 1.5), [(1, 2, 8, 8)], id="db: two maps"),
        pytest.param(lambda o: decode_east(o, 0.5, 0.2), [(1, 1, 8, 8)], id="east: no geometry"),
        pytest.param(lambda o: decode_ctc(o, CHARACTERS), [(1, 9, 7)], id="ctc: 7 classes"),
        pytest.param(lambda o: decode_ctc(o, CHARACTERS), [], id="ctc: no output"),
    ],
)
def test_outputs_of_another_family_are_told(decode, outputs):
    with pytest.raises(ModelError, match=r"family (db|east|ctc): expected"):
        decode([np.zeros(shape, np.float32) for shape in outputs])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    shared = cv2.intersectConvexConvex(a, b)[0]
    return shared / (cv2.contourArea(a) + cv2.contourArea(b) - shared)


@pytest.mark.parametrize(
    ("angle", "first"),
    [
        pytest.param(0, (10, 20), id="upright"),
        pytest.param(20, None, id="falling to the right"),
        pytest.param(-20, None, id="rising to the right"),
    ],
)
def test_corners_run_clockwise_from_the_texts_top_left(angle, first):
    quad = clockwise(cv2.boxPoints(((60, 40), (100, 40), angle)))
    assert first is None or quad[0].tolist() == pytest.approx(first)
    assert cv2.contourArea(quad, oriented=True) > 0  # clockwise on a picture, whose y points down
    assert angles_of(quad[None])[0] == pytest.approx(angle, abs=1e-3)


def test_growing_moves_every_side_out():
    quad = grown(np.array([[10, 10], [50, 10], [50, 20], [10, 20]], np.float32), 3.0)
    assert boxes_of(quad[None])[0].tolist() == pytest.approx([7, 7, 53, 23])


def test_a_turned_word_comes_out_upright_and_exact():
    word = np.zeros((40, 120), np.uint8)
    word[10:30, 10:50], word[10:20, 60:110] = 255, 128
    matrix = cv2.getRotationMatrix2D((60, 20), 25, 1.0)
    matrix[:, 2] += (40, 60)
    picture = cv2.warpAffine(word, matrix, (200, 160), flags=cv2.INTER_CUBIC)
    # pixel centres turn with the matrix; corners are pixel edges
    corners = np.array([[0, 0], [120, 0], [120, 40], [0, 40]], np.float32) - 0.5
    quad = (corners @ matrix[:, :2].T + matrix[:, 2] + 0.5).astype(np.float32)
    again = upright(picture, quad)
    assert again.shape == word.shape
    assert np.abs(again[2:-2, 2:-2].astype(int) - word[2:-2, 2:-2]).mean() < 4


def test_text_that_runs_down_is_turned():
    picture = np.zeros((100, 50), np.uint8)
    picture[8:25, 20:30] = 255  # the first letter is at the top
    crop = upright(picture, np.array([[15, 5], [35, 5], [35, 98], [15, 98]], np.float32))
    assert crop.shape == (20, 93)
    assert crop[:, :30].mean() > 10 * crop[:, 60:].mean()


def test_reading_order_is_lines_then_columns():
    boxes = {"b": (60, 2, 90, 12), "a": (0, 0, 50, 10), "d": (70, 22, 90, 30), "c": (5, 20, 60, 31)}
    quads = np.array([[(x, y), (u, y), (u, v), (x, v)] for x, y, u, v in boxes.values()], np.float32)
    assert [list(boxes)[i] for i in reading_order(quads)] == ["a", "b", "c", "d"]
    assert reading_order(np.zeros((0, 4, 2), np.float32)).tolist() == []
