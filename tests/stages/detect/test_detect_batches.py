"""detect.dnn across cameras: on a graphics card their frames go through the network together."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.dnn import network
from vidstream import Pipeline


class Card:
    """Stands for a network on CUDA; finds one person of 40 x 40 in each picture."""

    name, device = "opencv", "cuda"

    def __init__(self, batches):
        self.batches = batches

    def run(self, blob):
        self.batches.append(len(blob))
        output = np.zeros((len(blob), 3549, 85), np.float32)
        output[:, 0, [2, 3, 4, 5]] = [np.log(10), np.log(10), 1.0, 0.9]
        return [output]


@pytest.fixture
def batches(monkeypatch, assets):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights/yolox_nano.onnx").parent))
    noted: list[int] = []
    monkeypatch.setattr(network, "open_engine", lambda *args, **options: (Card(noted), ()))
    return noted


def test_cameras_share_one_network_and_its_runs(batches):
    pipeline = Pipeline.build(
        sources={f"cam{i}": "synthetic:people" for i in range(2)},
        graph={"find": {"use": "detect.dnn", "model": "yolox-nano"}},
        run={"frames": 8},
    )
    found = [len(packet["find"]) for packet in pipeline]
    assert found == [1] * 16
    tried = 3  # two pictures alone and both together, before it is used
    assert sum(batches[tried:]) == 16
    assert max(batches[tried:]) == 2
    assert len(batches[tried:]) < 14
