from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from detectors.catalogue import InputSpec
from detectors.dnn.engines.batches import takes_batches
from detectors.dnn.engines.opencv import OpenCvEngine
from detectors.dnn.network import Network, NetworkOption
from vidstream.errors import ModelError
from vidstream.types import View

SQUARES = [View(np.full((60 + 10 * i, 80, 3), 40 * i, np.uint8)) for i in range(5)]


FILE = "squeezenet1.0_imagenet.onnx"


class Means:
    """A network whose answer is known: the mean of each picture; notes how many it is given at once."""

    name = "opencv"

    def __init__(self, device: str = "cuda", most: int = 99, mixes: bool = False) -> None:
        self.device, self.most, self.mixes = device, most, mixes
        self.batches: list[int] = []

    def run(self, blob):
        self.batches.append(len(blob))
        if len(blob) > self.most:
            raise ModelError("a batch of one is built in")
        rows = blob.mean(axis=(1, 2, 3)).reshape(-1, 1)
        if self.mixes and len(rows) > 1:
            rows = rows[::-1]
        return [rows.astype(np.float32), np.repeat(rows, 3, 1)[:, None]]


def opened(engine, weights):
    return Network(NetworkOption(), ["detect"], models=weights, engine=engine)


@pytest.mark.parametrize(
    ("engine", "sizes"),
    [
        pytest.param(Means(), [5], id="CUDA: all at once"),
        pytest.param(Means("cuda_fp16"), [5], id="half precision: all at once"),
        pytest.param(Means("cpu"), [1] * 5, id="CPU: one by one, as batches gain nothing"),
        pytest.param(Means(most=1), [1] * 5, id="a batch of one built in"),
        pytest.param(Means(mixes=True), [1] * 5, id="a batch that mixes the pictures up"),
    ],
)
def test_batches_give_what_each_alone_gives(engine, sizes, weights):
    net = opened(engine, weights)
    engine.batches.clear()
    together = net.run_batch(SQUARES)
    assert engine.batches == sizes
    assert net.batch_limit == (16 if len(sizes) == 1 else 1)
    for (outputs, back), view in zip(together, SQUARES, strict=True):
        alone, its_back = net.run(view)
        np.testing.assert_array_equal(back, its_back)
        assert [o.shape for o in outputs] == [(1, 1), (1, 1, 3)]
        for one, other in zip(outputs, alone, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


def test_more_than_the_limit_go_in_several_runs(weights):
    engine = Means()
    net = opened(engine, weights)
    engine.batches.clear()
    assert len(net.run_batch(SQUARES * 4)) == 20
    assert engine.batches == [16, 4]
    assert net.run_batch([]) == []


@pytest.mark.parametrize(
    ("file", "can"),
    [
        pytest.param("squeezenet1.0_imagenet.onnx", True, id="convolutions alone"),
        pytest.param("yolo-fastestv2.onnx", False, id="outputs without a batch"),
    ],
)
def test_real_networks_are_asked(file, can, weights):
    engine = OpenCvEngine((weights / file).read_bytes(), device="cpu")
    shape = (224, 224) if "squeeze" in file else (352, 352)
    assert takes_batches(engine, InputSpec(*shape, std=(58.0,) * 3)) is can


def test_a_real_batch_equals_single_runs(weights, picture):
    class OnACard:
        """OpenCV on the CPU, said to be a graphics card."""

        name, device = "opencv", "cuda"

        def __init__(self):
            self._engine = OpenCvEngine((weights / FILE).read_bytes(), device="cpu")

        def run(self, blob):
            assert not isinstance(blob, Mapping)
            return self._engine.run(blob)

    option = NetworkOption(model="squeezenet")
    net = Network(option, ["classify"], models=weights, engine=OnACard())
    views = [View(cv2.flip(picture("bus.jpg").pixels, flip)) for flip in (-1, 0, 1)]
    assert net.batch_limit == 16
    for (outputs, _), view in zip(net.run_batch(views), views, strict=True):
        np.testing.assert_allclose(outputs[0], net.run(view)[0][0], atol=1e-4)
