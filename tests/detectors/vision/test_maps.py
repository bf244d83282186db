"""Every pixel of a map at its place, for any size of picture, network and map, and every way to fit them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.catalogue import InputSpec
from detectors.dnn.preprocess import Preprocessor
from detectors.vision.maps import channels_first, cut, sampled, seen, to_view
from vidstream.types import View

SIDE = st.integers(20, 150)
FITS = st.sampled_from(["corner", "centre", "stretch", "crop"])


@st.composite
def fitted(draw):
    """A view, what the network takes, the way back, and the size of the network's map."""
    view = View(np.zeros((draw(SIDE), draw(SIDE), 3), np.uint8))
    spec = InputSpec(draw(SIDE), draw(SIDE), fit=draw(FITS))
    step = draw(st.sampled_from([1, 2, 4]))
    _, back = Preprocessor(spec)(view)
    return view, spec, back, (max(1, spec.height // step), max(1, spec.width // step))


@given(fitted())
def test_what_is_cut_out_covers_what_was_seen_and_less_than_a_pixel_more(case):
    view, spec, back, (height, width) = case
    matrix = to_view(spec, height, width, back)
    part, to_source = cut(np.zeros((3, height, width)), matrix, view)
    hull = View(np.zeros((*part.shape[1:], 3), np.uint8), to_source).boxes_to_source(
        np.array([[0, 0, part.shape[2], part.shape[1]]])
    )[0]
    left, top, right, bottom = seen(spec, back, view)
    across, down = matrix[0, 0], matrix[1, 1]  # a map's pixel in the view's
    assert (hull[:2] <= np.array([left, top]) + 1.01).all()
    assert (hull[2:] >= np.array([right, bottom]) - 1.01).all()
    assert (hull[:2] > np.array([-across, -down]) - 0.01).all()
    assert (hull[2:] < np.array([view.width + across, view.height + down]) + 0.01).all()


@given(fitted())
def test_values_are_taken_at_the_middle_of_each_pixel(case):
    """A map of its own x coordinates in the view gives back the x of each of the view's pixels."""
    view, spec, back, (height, width) = case
    matrix = to_view(spec, height, width, back)
    places = matrix[0, 0] * (np.arange(width) + 0.5) + matrix[0, 2]
    left, top, right, bottom = seen(spec, back, view)
    values = sampled(np.tile(places, (height, 1)), matrix, left, top, (right - left, bottom - top))
    wanted = np.arange(left, right) + 0.5
    inside = (wanted >= places[0]) & (wanted <= places[-1])  # beyond, the last value goes on
    # OpenCV interpolates in steps of 1/32 of a map's pixel
    assert np.abs(values[0] - wanted)[inside] == pytest.approx(0, abs=matrix[0, 0] / 16 + 0.01)


@pytest.mark.parametrize(
    ("shape", "count", "layout", "channels"),
    [
        pytest.param((1, 21, 33, 65), 21, "nhwc", 21, id="the number of classes fits the second axis"),
        pytest.param((1, 33, 65, 21), 21, "nchw", 21, id="the number of classes fits the last axis"),
        pytest.param((1, 150, 128, 128), 150, "nchw", 150, id="more classes than rows"),
        pytest.param((1, 1, 33, 65), 0, "nhwc", 1, id="a single channel in the second axis"),
        pytest.param((1, 33, 65, 1), 0, "nchw", 1, id="a single channel in the last axis"),
        pytest.param((1, 5, 5, 5), 5, "nhwc", 5, id="as the input, where all would fit"),
        pytest.param((1, 7, 33, 65), 0, "nchw", 7, id="as the input, where nothing is known"),
    ],
)
def test_channels_are_found(shape, count, layout, channels):
    assert channels_first(np.zeros(shape), count, layout).shape[0] == channels
