from __future__ import annotations

import pytest

from detectors.dnn.detector import DnnParams
from detectors.haar import HaarParams
from detectors.hog import HogParams
from detectors.motion import MotionParams
from vidstream.graph.params import make_params, parameters

CLASSES = [DnnParams, HaarParams, HogParams, MotionParams]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_option_says_what_it_means(cls):
    assert [p.name for p in parameters(cls) if not p.meaning] == []


@pytest.mark.parametrize("cls", CLASSES)
def test_can_be_read_from_a_graph(cls):
    assert make_params(cls, {}, "detect") == cls()
