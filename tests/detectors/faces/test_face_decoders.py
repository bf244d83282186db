"""Decoders of SCRFD and RetinaFace, on networks whose right answer is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.catalogue import Card, InputSpec, ModelFile
from detectors.dnn.families import family
from detectors.dnn.families.faces import decode_retinaface, decode_scrfd
from detectors.dnn.onnx_header import OnnxHeader
from detectors.faces.detect import FaceParams, find_face_detector
from tests.support.tiny_networks import answering_network
from vidstream.errors import ModelError
from vidstream.types import View

SIDE = 64
#: a face in input pixels, its landmarks, its score
BOX, POINTS = np.array([13.0, 9, 37, 41]), np.array([[19.0, 20], [31, 20], [25, 26], [20, 33], [30, 34]])
SCORE = 0.8


def scrfd_outputs(landmarks: bool = True) -> list[np.ndarray]:
    """Two anchors in each of 8x8, 4x4 and 2x2 cells; the face is the second of cell (2, 1) of the 4x4."""
    counts = [2 * n * n for n in (8, 4, 2)]
    outputs = [np.zeros((1, n, size), np.float32) for size in (1, 4, 10) for n in counts]
    row, corner, stride = 2 * (1 * 4 + 2) + 1, np.array([2.0, 1]) * 16, 16
    outputs[1][0, row] = SCORE
    outputs[4][0, row] = np.concatenate([corner - BOX[:2], BOX[2:] - corner]) / stride
    outputs[7][0, row] = ((POINTS - corner) / stride).ravel()
    return outputs if landmarks else outputs[:6]


def retina_outputs() -> list[np.ndarray]:
    """The same face, told by the larger anchor (side 32) of cell (3, 3) of the finest grid."""
    rows = 2 * (64 + 16 + 4)
    boxes, scores, points = (np.zeros((1, rows, size), np.float32) for size in (4, 2, 10))
    row, middle, side = 2 * (3 * 8 + 3) + 1, np.array([3.5, 3.5]) * 8, 32
    centre, size = (BOX[:2] + BOX[2:]) / 2, BOX[2:] - BOX[:2]
    boxes[0, row] = np.concatenate([(centre - middle) / side / 0.1, np.log(size / side) / 0.2])
    scores[0, row] = [1 - SCORE, SCORE]
    points[0, row] = ((POINTS - middle) / side / 0.1).ravel()
    return [boxes, scores, points]


@pytest.mark.parametrize(
    ("decode", "outputs"),
    [
        pytest.param(decode_scrfd, scrfd_outputs(), id="SCRFD"),
        pytest.param(decode_retinaface, retina_outputs(), id="RetinaFace"),
        pytest.param(decode_retinaface, retina_outputs()[::-1], id="RetinaFace, outputs in another order"),
    ],
)
def test_gives_the_face_that_was_written_into_the_outputs(decode, outputs):
    found = decode(outputs, SIDE, SIDE, 0.5)
    assert found.boxes == pytest.approx(BOX[None], abs=1e-4)
    assert found.scores == pytest.approx([SCORE])
    assert found.keypoints[0, :, :2] == pytest.approx(POINTS, abs=1e-4)
    assert len(decode(outputs, SIDE, SIDE, 0.9)) == 0


def test_scrfd_without_landmarks_gives_boxes():
    found = decode_scrfd(scrfd_outputs(landmarks=False), SIDE, SIDE, 0.5)
    assert found.boxes == pytest.approx(BOX[None], abs=1e-4)
    assert found.keypoints is None


@pytest.mark.parametrize("name", ["yunet", "ssd-face", "blazeface", "scrfd", "retinaface"])
def test_outputs_of_something_else_are_refused(name):
    file = ModelFile("x.onnx", 1, "0" * 64)
    card = Card("x", "face", name, {"model": file}, "", InputSpec(SIDE, SIDE))
    with pytest.raises(ModelError, match=f"family {name}: expected"):
        family(name, "x").decoder(card)([np.zeros((1, 84, 85), np.float32)], 0.5)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        pytest.param("scrfd", [o.shape for o in scrfd_outputs()], id="SCRFD with landmarks"),
        pytest.param("scrfd", [o.shape for o in scrfd_outputs(False)], id="SCRFD without"),
        pytest.param("scrfd", [o.shape[1:] for o in scrfd_outputs()], id="SCRFD without a batch axis"),
        pytest.param("retinaface", [o.shape for o in retina_outputs()], id="RetinaFace"),
        pytest.param("yunet", [(1, n * n, size) for size in (1, 1, 4, 10) for n in (8, 4, 2)], id="YuNet"),
    ],
)
def test_is_told_from_the_shapes_of_its_outputs(name, shapes):
    header = OnnxHeader({}, {str(i): shape for i, shape in enumerate(shapes)}, {})
    fitting = [n for n in ("yunet", "scrfd", "retinaface", "ssd-face", "blazeface", "yolov8", "yolox")
               if family(n, "").classes(header, SIDE, SIDE)]  # fmt: skip
    assert fitting == [name]


def test_a_file_of_one_s_own_is_recognised_and_run(tmp_path):
    """An SCRFD that sees the same face in every picture: constants, plus nothing of what it looks at."""
    outputs = {f"out{i}": output for i, output in enumerate(scrfd_outputs())}
    answering_network(tmp_path / "mine.onnx", outputs, size=(SIDE, SIDE))
    detector = find_face_detector(FaceParams(model=str(tmp_path / "mine.onnx")))
    found = detector.detect(View(np.full((SIDE * 2, SIDE * 2, 3), 90, np.uint8)))
    # the picture is twice as large as the input
    assert found.boxes == pytest.approx(2 * BOX[None], abs=0.01)
    assert found.keypoints[0, :, :2] == pytest.approx(2 * POINTS, abs=0.01)
    assert found.name_of(0) == "face"
