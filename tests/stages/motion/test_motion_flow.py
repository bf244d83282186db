"""motion.flow: known shifts, a stereo pair with truth, and when there is nothing to give."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.support.one_stage import OneStage, picture
from vidstream.geometry import scaling
from vidstream.stages.motion.flow import DenseFlow
from vidstream.types import View

SHIFT = (5.5, -3.25)


@pytest.fixture(scope="module")
def shifted(assets):
    """A photograph, and the same moved by SHIFT."""
    first = picture(assets("flow/rubberwhale1.png"))
    matrix = np.array([[1, 0, SHIFT[0]], [0, 1, SHIFT[1]]])
    size = (first.width, first.height)
    return first, View(cv2.warpAffine(first.pixels, matrix, size, borderMode=cv2.BORDER_REFLECT))


def flow_of(first, second, size=None, **options):
    """The flow between two views a quarter of a second apart."""
    stage = OneStage(DenseFlow, size or (first.width, first.height), **options)
    assert stage(pts=1.0, image=first) is None
    return stage(pts=1.25, image=second)


def inner(vectors):
    """Without the rim, where the moved picture was made up."""
    return vectors[10:-10, 10:-10].reshape(-1, 2)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        pytest.param({}, 0.25, id="as set by default"),
        pytest.param({"scale": 1.0}, 0.1, id="full size"),
        pytest.param({"scale": 1.0, "preset": "fast"}, 0.2, id="a faster preset"),
        pytest.param({"scale": 1.0, "preset": "ultrafast"}, 0.4, id="the fastest preset"),
        pytest.param({"scale": 0.5, "method": "farneback"}, 0.4, id="Farneback"),
    ],
)
def test_a_moved_picture_moved_by_that_much(shifted, options, error):
    flow = flow_of(*shifted, **options)
    assert flow.dt == 0.25
    assert flow.vectors.dtype == np.float32
    assert np.hypot(*(inner(flow.vectors) - SHIFT).T).mean() < error


def test_gray_pictures_do_as_well(shifted):
    gray = [View(view.gray()) for view in shifted]
    assert np.array_equal(flow_of(*gray).vectors, flow_of(*shifted).vectors)


def test_the_grid_leads_back_to_source_pixels(shifted):
    flow = flow_of(*shifted, scale=0.5)
    height, width = flow.vectors.shape[:2]
    assert flow.matrix is not None
    corner = flow.matrix @ (width, height, 1)
    assert corner[:2].tolist() == [shifted[0].width, shifted[0].height]


@pytest.mark.parametrize(
    "matrix",
    [
        pytest.param(scaling(2, 2, 100, 50), id="a view that was halved and cropped"),
        pytest.param(scaling(4, 3), id="a view that was squeezed"),
        pytest.param(np.array([[0.0, -2, 800], [2, 0, 0], [0, 0, 1]]), id="a view that was turned"),
        pytest.param(
            np.array([[1.0, 0.1, 3], [0.2, 1.5, 4], [0.0005, 0.001, 1]]), id="a view in perspective"
        ),
    ],
)
def test_vectors_are_in_source_pixels_whatever_the_view(shifted, matrix):
    first, second = (View(view.pixels, matrix) for view in shifted)
    flow = flow_of(first, second)
    plain = flow_of(*shifted)
    for x, y in ((20, 30), (100, 60), (150, 100)):
        start = plain.matrix @ (x, y, 1)
        end = start + np.array([*plain.vectors[y, x], 0])
        moved = [(matrix @ point)[:2] / (matrix @ point)[2] for point in (start, end)]
        np.testing.assert_allclose(flow.vectors[y, x], moved[1] - moved[0], rtol=0.01, atol=0.01)


def test_a_stereo_pair_agrees_with_its_measured_disparity(assets):
    left, right = picture(assets("flow/aloeL.jpg")), picture(assets("flow/aloeR.jpg"))
    truth = cv2.imread(str(assets("flow/aloeGT.png")), cv2.IMREAD_GRAYSCALE).astype(float)
    flow = flow_of(left, right)
    leftwards = -cv2.resize(flow.vectors[..., 0], truth.shape[::-1])
    # disparities here are 30 to 210 px; half occluded pixels are in the truth as well
    error = np.abs(leftwards - truth)[truth > 0]
    assert np.median(error) < 1.5
    assert (error < 3).mean() > 0.55


def test_nothing_where_there_is_nothing_to_compare_with(shifted):
    first, second = shifted
    stage = OneStage(DenseFlow, (first.width, first.height))
    assert stage(pts=0.0, image=first) is None
    stage.gap()
    assert stage(pts=0.1, image=second) is None, "after a gap"
    assert stage(pts=0.1, image=first) is None, "no time has passed"
    assert stage(pts=0.2, image=View(second.pixels[:200])) is None, "another size"
    assert stage(pts=0.3, image=View(second.pixels[:200], scaling(2, 2))) is None, "another place"
    assert stage(pts=0.4, image=View(second.pixels[:200], scaling(2, 2))) is not None


def test_frames_left_out_make_the_step_longer(shifted):
    stage = OneStage(DenseFlow, (584, 388))
    stage(pts=2.0, image=shifted[0])
    assert stage(pts=4.5, image=shifted[1]).dt == 2.5
