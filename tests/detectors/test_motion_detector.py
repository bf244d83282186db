from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.motion import MotionDetector, MotionParams
from vidstream import geometry
from vidstream.types import View

ALGORITHMS = ["mog2", "knn"]


def scene(seconds: float, fps: float, paint: Callable[[np.ndarray, float], None]) -> Iterator[View]:
    """A noisy gray wall of 160x120 on which `paint` draws what there is at a time."""
    rng = np.random.default_rng(0)
    wall = rng.integers(90, 110, (120, 160, 3))
    for i in range(round(seconds * fps)):
        picture = wall.copy()
        paint(picture, i / fps)
        yield View(np.clip(picture + rng.integers(-3, 4, wall.shape), 0, 255).astype(np.uint8))


def nothing(picture: np.ndarray, t: float) -> None:
    pass


def walker(picture: np.ndarray, t: float) -> None:
    """A square that enters after 5 s and walks right at 40 pixels a second: it ends at x = 76."""
    if t >= 5:
        x = round((t - 5) * 40)
        picture[40:70, x : x + 30] = 220


#: where the walker is on the last picture of 7 s at 10 pictures a second
WALKER = np.array([[76, 40, 106, 70]], np.float32)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_finds_the_square_that_walks(algorithm, scale):
    detector = MotionDetector(MotionParams(algorithm=algorithm, scale=scale))
    for view in scene(7, 10, walker):
        found, masks = detector.segment(view, 0.1)
    assert found.name_of(0) == "motion"
    assert geometry.iou(found.boxes, WALKER).tolist() == [[pytest.approx(1.0, abs=0.15)]]
    assert found.scores[0] > 0.9
    share = masks.labels.mean() / (30 * 30 / (120 * 160))
    assert share == pytest.approx(1.0, abs=0.15)
    assert masks.labels.dtype == np.uint8


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_wall_with_noise_does_not_move(algorithm):
    detector = MotionDetector(MotionParams(algorithm=algorithm))
    assert sum(len(detector.detect(view, 0.1)) for view in scene(6, 10, nothing)) == 0


@pytest.mark.parametrize("fps", [4, 16])
@pytest.mark.parametrize(("algorithm", "seconds"), [("mog2", 2.0), ("knn", 4.0)])
def test_what_stands_still_fades_with_time_not_frames(algorithm, seconds, fps):
    def parked(picture: np.ndarray, t: float) -> None:
        if t >= 20:
            picture[40:70, 50:80] = 220

    detector = MotionDetector(MotionParams(algorithm=algorithm, history=20.0))
    seen = [len(detector.detect(view, 1 / fps)) for view in scene(27, fps, parked)]
    assert sum(seen[: 20 * fps]) == 0
    assert sum(seen) / fps == pytest.approx(seconds, rel=0.3)


def test_learns_before_it_speaks():
    def busy(picture: np.ndarray, t: float) -> None:
        x = round(t * 30)
        picture[40:70, x : x + 30] = 220

    detector = MotionDetector(MotionParams(warm_up=2.0))
    results = [detector.segment(view, 0.1) for view in scene(4, 10, busy)]
    early, late = results[:19], results[20:]
    assert not any(len(found) or masks for found, masks in early)
    assert all(len(found) and masks for found, masks in late)


def test_reset_and_a_new_size_begin_anew():
    detector = MotionDetector()
    views = list(scene(7, 10, walker))
    assert [len(detector.detect(view, 0.1)) for view in views][-1] == 1
    detector.reset()
    assert len(detector.detect(views[-1], 0.1)) == 0
    for view in views:
        detector.detect(view, 0.1)
    assert len(detector.detect(View(views[-1].pixels[:100]), 0.1)) == 0


@pytest.mark.parametrize(("remove", "found"), [(True, 0), (False, 1)], ids=["left out", "kept"])
def test_shadows(remove, found):
    def shade(picture: np.ndarray, t: float) -> None:
        if t >= 4:
            x = round((t - 4) * 20)
            picture[40:70, x : x + 40] = picture[40:70, x : x + 40] * 7 // 10

    detector = MotionDetector(MotionParams(remove_shadows=remove))
    assert [len(detector.detect(view, 0.1)) for view in scene(6, 10, shade)][-1] == found


def two(picture: np.ndarray, t: float) -> None:
    """Two squares side by side, 20x20 and 30x30, 16 pixels apart, that appear together."""
    if t >= 3:
        picture[40:60, 40:60] = 220
        picture[40:70, 76:106] = 220


@pytest.mark.parametrize(
    ("params", "boxes"),
    [
        pytest.param({}, [[40, 40, 60, 60], [76, 40, 106, 70]], id="both"),
        pytest.param({"min_area": 600 / (160 * 120)}, [[76, 40, 106, 70]], id="a share of the picture"),
        pytest.param({"min_area_px": 600}, [[76, 40, 106, 70]], id="pixels"),
        pytest.param({"min_area_px": 600, "scale": 0.5}, [[76, 40, 106, 70]], id="pixels, before shrinking"),
        pytest.param({"min_area_px": 950}, [], id="both too small"),
        pytest.param({"merge": 18}, [[40, 40, 106, 70]], id="merged"),
        pytest.param({"merge": 18, "scale": 0.5}, [[40, 40, 106, 70]], id="merged, before shrinking"),
        pytest.param({"merge": 12}, [[40, 40, 60, 60], [76, 40, 106, 70]], id="too far to merge"),
        pytest.param({"merge": 18, "min_area_px": 1200}, [[40, 40, 106, 70]], id="large enough together"),
    ],
)
def test_area_and_distance(params, boxes):
    detector = MotionDetector(MotionParams(**params))
    for view in scene(3.5, 10, two):
        found = detector.detect(view, 0.1)
    assert len(found) == len(boxes)
    np.testing.assert_allclose(found.boxes[found.boxes[:, 0].argsort()].ravel(), np.ravel(boxes), atol=2.5)


def test_specks_are_wiped_out():
    def specks(picture: np.ndarray, t: float) -> None:
        if t >= 3:
            picture[10::20, 10::20] = 255

    def last(**params: int) -> int:
        detector = MotionDetector(MotionParams(min_area=0.0, **params))
        return [detector.segment(view, 0.1)[1].labels.sum() for view in scene(3.5, 10, specks)][-1]

    assert last(open=0, close=0) > 40
    assert last(open=3, close=7) == 0


def test_equal_input_gives_equal_output_in_any_thread(assets):
    views = clip(assets("video/highway_320.avi"), 40)

    def run(_: int) -> list[list[list[float]]]:
        detector = MotionDetector(MotionParams(algorithm="knn", warm_up=0.1))
        return [detector.detect(view, 1 / 30).boxes.tolist() for view in views]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, range(2))
    assert first == second == run(0)
    assert any(first)


def clip(path: Path, count: int) -> list[View]:
    capture = cv2.VideoCapture(str(path))
    views = [View(capture.read()[1]) for _ in range(count)]
    capture.release()
    return views


@pytest.mark.parametrize(("scale", "share"), [(1.0, 0.7), (0.5, 0.6)])
def test_cars_on_a_highway_move(assets, weights, scale, share):
    views = clip(assets("video/highway_320.avi"), 260)
    detector = MotionDetector(MotionParams(scale=scale))
    cars = DnnDetector(DnnParams(classes=("car", "truck")), models=weights)
    hits = wanted = 0
    for i, view in enumerate(views):
        moving = detector.detect(view, 1 / 30)
        if i in (140, 180, 220, 250):
            seen = cars.detect(view)
            wanted += len(seen)
            hits += int((geometry.iou(seen.boxes, moving.boxes).max(axis=1, initial=0) > 0.4).sum())
    assert wanted >= 6
    assert hits / wanted >= share


def test_results_are_in_source_pixels(crop, zoom):
    views = [zoom(crop(view, 20, 10, 140, 110), 2.0) for view in scene(7, 10, walker)]
    detector = MotionDetector(MotionParams(scale=0.5))
    for view in views:
        found, masks = detector.segment(view, 0.1)
    assert geometry.iou(found.boxes, WALKER)[0, 0] > 0.8
    rows, columns = np.nonzero(masks.labels)
    inside = geometry.transform_points(np.stack([columns, rows], axis=1) + 0.5, masks.matrix)
    assert np.abs(inside.mean(axis=0) - [91, 55]).max() < 2
