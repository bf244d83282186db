"""Finding and reading text on real pictures; what they say was read by eye."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from detectors.text.finder import FinderParams, TextFinder
from detectors.text.quads import polygons_of
from detectors.text.reader import ReaderParams, TextReader
from tests.support.tiny_networks import network, node
from vidstream.errors import ModelError
from vidstream.types import View

#: real networks on real pictures take their time
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finder(weights):
    return TextFinder(models=weights)


@pytest.fixture(scope="module")
def reader(weights):
    return TextReader(models=weights)


LINES = {
    "pictures/text.png": ["STATION ROAD 42", "Speed limit 30 km/h", "hello@example.com", "AB12 CDE"],
    "ocr/scenetext01.jpg": ["NOTICE", "DOUBLE", "PARKING", "PROHIBITED"],
    "ocr/scenetext03.jpg": ["the", "copy centre"],
    "ocr/scenetext05.jpg": ["NO PARKING", "NO PARKING"],
}


@pytest.mark.parametrize("name", LINES)
def test_reads_what_stands_there_in_reading_order(finder, reader, picture, name):
    view = picture(name)
    found = finder.detect(view)
    strings, scores = reader.read(view, polygons_of(found))
    sure = [squeezed(text) for text, score in zip(strings, scores, strict=True) if score > 0.6]
    wanted = [squeezed(line) for line in LINES[name]]
    assert [text for text in sure if text in wanted] == wanted


def squeezed(text: str) -> str:
    """Small recognisers drop spaces of wide gaps."""
    return text.replace(" ", "")


def test_reads_a_page_with_accents_and_signs(finder, reader, picture):
    view = picture("ocr/eurotext.png")
    strings, _ = reader.read(view, polygons_of(finder.detect(view)))
    read = " ".join(strings)
    for words in ("Over the $43,456.78", "12.5% of E-mail", "über den faulen Hund", "cão preguiçoso"):
        assert squeezed(words) in squeezed(read)
    assert len(strings) == 12


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("scenetext_word01.jpg", "CHINA"),
        ("scenetext_word02.jpg", "HERE"),
        ("scenetext_word03.jpg", "riser"),
        ("scenetext_word04.jpg", "Produkt"),
    ],
)
def test_reads_single_words(reader, picture, name, word):
    assert reader.read_line(picture(f"ocr/{name}").pixels)[0] == word


def test_a_long_line_is_not_squeezed(finder, reader, picture):
    page = picture("ocr/imageTextN.png")
    found = finder.detect(page)[1:2]
    assert found.boxes[0, 2] - found.boxes[0, 0] > 20 * (found.boxes[0, 3] - found.boxes[0, 1])
    (text,), _ = reader.read(page, polygons_of(found))
    assert "it useful for the students to attempt a number of" in text


@pytest.mark.parametrize("how", ["cropped", "zoomed"])
def test_corners_are_source_pixels(finder, reader, picture, crop, zoom, how):
    view = picture("pictures/text.png")
    other = crop(view, 40, 40, 600, 200) if how == "cropped" else zoom(view, 1.5)
    found = finder.detect(other)
    strings, _ = reader.read(other, polygons_of(found))
    (row,) = [i for i, text in enumerate(strings) if re.match("STATION", text)]
    np.testing.assert_allclose(found.boxes[row], [56, 56, 572, 118], atol=10)
    assert found.angles[row] == pytest.approx(0, abs=1)


@pytest.mark.parametrize("turn", [25, -30, 90, -90, 180])
def test_reads_at_any_angle(finder, reader, picture, turn):
    page = picture("pictures/text.png").pixels
    matrix = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), -turn, 0.8)
    matrix[:, 2] += (500 - page.shape[1] / 2, 500 - page.shape[0] / 2)
    view = View(cv2.warpAffine(page, matrix, (1000, 1000), borderValue=(255, 255, 255)))
    strings, _ = reader.read(view, polygons_of(finder.detect(view)))
    assert sorted(map(squeezed, strings)) == sorted(map(squeezed, LINES["pictures/text.png"]))


def test_a_picture_without_text(finder):
    found = finder.detect(View(np.full((240, 320, 3), 90, np.uint8)))
    assert len(found) == 0
    assert found.extra["polygon"].shape == (0, 4, 2)


def test_a_plain_file_is_a_model_too(weights, picture):
    finder = TextFinder(FinderParams(model=str(weights / "PP-OCRv6_det_tiny_416x960.onnx")))
    reader = TextReader(ReaderParams(model=str(weights / "PP-OCRv6_rec_tiny_48x320.onnx")))
    view = picture("pictures/text.png")
    strings, _ = reader.read(view, polygons_of(finder.detect(view)))
    assert "STATION ROAD 42" in strings


def test_a_recogniser_of_gray_pictures_is_fed_gray(tmp_path):
    """CRNN's shape: 32 x 100 gray in, (T, 1, C) logits out; here each step tells how bright its part is."""
    nodes = [
        node("AveragePool", ["in"], "steps", kernel_shape=[32, 25], strides=[32, 25]),  # (1, 1, 1, 4)
        node("Reshape", ["steps", "shape"], "column"),  # (4, 1, 1)
        node("Concat", ["column", "zeros"], "out", axis=2),  # blank where it is bright
    ]
    weights = {"shape": np.array([4, 1, 1]), "zeros": np.zeros((4, 1, 1), np.float32)}
    (tmp_path / "crnn.onnx").write_bytes(network(nodes, (1, 1, 32, 100), (4, 1, 2), weights))
    reader = TextReader(ReaderParams(model=str(tmp_path / "crnn.onnx"), names=("x",)))
    assert reader.card.input.colour == "gray"
    bars = np.repeat(np.array([[0, 255, 0, 0]], np.uint8), 25, axis=1).repeat(32, axis=0)
    text, score = reader.read_line(bars)
    assert text == "xx"  # dark, bright between, dark and dark again
    assert 0.5 < score < 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(
            lambda w: TextFinder(FinderParams(model="ppocr-v6-rec"), models=w), "another task", id="rec"
        ),
        pytest.param(
            lambda w: TextReader(ReaderParams(model="ppocr-v6-det"), models=w), "another task", id="det"
        ),
        pytest.param(
            lambda w: TextFinder(FinderParams(model=str(w / "yolov8n.onnx"), family="dbb")),
            "did you mean 'db'",
            id="a slip in the family",
        ),
        pytest.param(
            lambda w: TextReader(ReaderParams(model=str(w / "yolov8n.onnx"))),
            "nothing tells which characters",
            id="no characters",
        ),
        pytest.param(lambda w: TextReader(ReaderParams(model="./none.onnx")), "no such file", id="no file"),
        pytest.param(
            lambda w: TextFinder(FinderParams(model=str(w / "coco.names"))),
            "is not an ONNX file|no such",
            id="no net",
        ),
    ],
)
def test_what_is_wrong_is_told(weights, make, words):
    with pytest.raises(ModelError, match=words):
        make(weights)
