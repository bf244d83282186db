"""What the tests of detectors share: views of real pictures, true boxes, the folder of weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import linear_sum_assignment

from vidstream import geometry
from vidstream.types import View


@pytest.fixture(scope="session")
def picture(assets: Callable[[str], Path]) -> Callable[[str], View]:
    """``picture("bus.jpg")``: a picture as a view."""

    def read(name: str) -> View:
        return View(cv2.imread(str(assets(name if "/" in name else f"pictures/{name}"))))

    return read


@pytest.fixture(scope="session")
def weights(assets: Callable[[str], Path]) -> Path:
    """The folder of model files."""
    return assets("weights/yolox_nano.onnx").parent


@pytest.fixture(scope="session")
def face_truth(assets: Callable[[str], Path]) -> dict[str, npt.NDArray[np.float32]]:
    """Picture name -> true face boxes x1 y1 x2 y2: 9 pictures, 43 faces."""
    truth = {}
    for file in ("testing.xml", "training.xml"):
        for image in ET.parse(assets(f"faces/{file}")).getroot().iter("image"):
            xywh = [
                [float(b.attrib[k]) for k in ("left", "top", "width", "height")] for b in image.iter("box")
            ]
            truth[f"faces/{image.attrib['file']}"] = geometry.from_xywh(np.array(xywh, np.float32))
    return truth


def matched(found: npt.NDArray[np.float32], truth: npt.NDArray[np.float32], iou: float) -> int:
    """How many true boxes are found, one to one, at this overlap."""
    overlap = geometry.iou(found, truth)
    rows, columns = linear_sum_assignment(-overlap)
    return int((overlap[rows, columns] >= iou).sum())


@pytest.fixture(scope="session")
def count_matches() -> Callable[..., int]:
    return matched


def zoomed(view: View, scale: float) -> View:
    """The view resized, as an image stage would do it."""
    size = (round(view.width * scale), round(view.height * scale))
    pixels = np.asarray(cv2.resize(view.pixels, size), np.uint8)
    return view.derive(pixels, geometry.scaling(view.width / size[0], view.height / size[1]))


def cropped(view: View, x: int, y: int, width: int, height: int) -> View:
    """A window of the view."""
    return view.derive(view.pixels[y : y + height, x : x + width], geometry.scaling(1, 1, x, y))


@pytest.fixture(scope="session")
def zoom() -> Callable[[View, float], View]:
    return zoomed


@pytest.fixture(scope="session")
def crop() -> Callable[..., View]:
    return cropped
