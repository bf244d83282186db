"""embed.boxes: the vectors that trackers compare, by networks of any shape."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.dnn.network import Network, NetworkOption
from detectors.vision import most_similar
from tests.support.one_stage import OneStage, picture, problems
from tests.support.tiny_networks import conv, network, node
from trackers.appearance import NetworkEmbedder
from vidstream.stages.embed.boxes import EmbedBoxes
from vidstream.stages.track.deepsort import TrackDeepSort
from vidstream.types import Detections

BOXES = np.array([[49, 399, 245, 903], [670, 380, 810, 876], [221, 406, 345, 857]], np.float32)


@pytest.fixture(autouse=True)
def weights(assets, monkeypatch):
    folder = assets("weights/osnet_x0_25_msmt17.onnx").parent
    monkeypatch.setenv("VIDSTREAM_MODELS", str(folder))
    return folder


def test_rows_are_those_of_the_network_itself(weights, assets):
    view = picture(assets("pictures/bus.jpg"))
    given = OneStage(EmbedBoxes)(image=view, objects=Detections.of(BOXES))
    loaded = Network(NetworkOption(model="osnet-x0.25"), ["embed"], models=weights)
    expected = NetworkEmbedder(loaded.engine, loaded.card.input)(view.pixels, BOXES)
    assert given.features.shape == (3, 512)
    assert given.features == pytest.approx(expected, abs=1e-5)
    rows, alike = most_similar(given.features, given.features, 1)
    assert rows[:, 0].tolist() == [0, 1, 2]
    assert alike[:, 0] == pytest.approx([1, 1, 1])


def test_the_tracker_takes_them_as_they_are(assets):
    view = picture(assets("pictures/bus.jpg"))
    given = OneStage(EmbedBoxes)(image=view, objects=Detections.of(BOXES, scores=0.9))
    track = OneStage(TrackDeepSort, size=(810, 1080), n_init=1)
    tracks = track(image=view, detections=given)
    assert tracks.features.shape == (3, 512)


@pytest.mark.parametrize("batch", [1, "n"], ids=["one by one", "in batches"])
def test_deepsorts_shape(assets, tmp_path, batch):
    """128 numbers of 64x128 pixels; mean colours here, so that the answer is known."""
    kernel = np.zeros((128, 3, 1, 1), np.float32)
    kernel[:3, :, 0, 0] = np.eye(3)
    nodes = [conv(["in", "kernel"], "maps"), node("GlobalAveragePool", ["maps"], "mean")]
    nodes.append(node("Flatten", ["mean"], "out", axis=1))
    path = tmp_path / "mars.onnx"
    path.write_bytes(network(nodes, [batch, 3, 128, 64], [batch, 128], {"kernel": kernel}))
    view = picture(assets("pictures/bus.jpg"))
    stage = OneStage(EmbedBoxes, model=str(path), pixels="0..255")
    features = stage(image=view, objects=Detections.of(BOXES)).features
    assert features.shape == (3, 128)
    x1, y1, x2, y2 = BOXES[0].astype(int)
    mean = view.pixels[y1:y2, x1:x2].reshape(-1, 3).mean(axis=0)[::-1]
    assert features[0, :3] == pytest.approx(mean / np.linalg.norm(mean), abs=0.01)


def test_what_is_wrong_is_said_before_anything_opens(weights):
    (found,) = problems(EmbedBoxes, model=str(weights / "style_384x288.onnx"))
    assert "expected one vector (1, D), the file gives (1, 3, 288, 384)" in found
    assert problems(EmbedBoxes) == []
