"""Networks of any shape tell looks: what they are shown, in batches where they allow it, on any engine."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.catalogue import card
from detectors.dnn.engines.opencv import OpenCvEngine
from trackers.appearance import DEEPSORT_INPUT, CropInput, NetworkEmbedder
from vidstream.errors import ModelError

OSNET = "weights/osnet_x0_25_msmt17.onnx"


# ---- a small network of DeepSORT's shape, written in ONNX's protocol buffers


def varint(number):
    digits = []
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def field(number, value):
    """A number, or a length and bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def node(kind, inputs, output, **attributes):
    text = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    for name, value in attributes.items():
        one = isinstance(value, int)
        values = field(3, value) if one else b"".join(field(8, v) for v in value)
        text += field(5, field(1, name) + values + field(20, 2 if one else 7))
    return field(1, text)


def tensor(name, array):
    kind = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}[array.dtype]
    return field(
        5,
        b"".join(field(1, d) for d in array.shape)
        + field(2, kind)
        + field(8, name)
        + field(9, array.tobytes()),
    )


def value(number, name, shape):
    dims = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in shape)
    return field(number, field(1, name) + field(2, field(1, field(1, 1) + field(2, dims))))


def deepsort_like(*, fixed):
    """128x64 in, 128 numbers out, and its weights; with `fixed` a batch of one is built in."""
    rng = np.random.default_rng(4)
    kernel = rng.normal(0, 0.02, (128, 3, 16, 16)).astype(np.float32)
    flat = node("Reshape", ["mean", "shape"], "out") if fixed else node("Flatten", ["mean"], "out", axis=1)
    graph = [
        node("Conv", ["in", "kernel"], "maps", kernel_shape=[16, 16], strides=[16, 16], pads=[0, 0, 0, 0]),
        node("Relu", ["maps"], "positive"),
        node("GlobalAveragePool", ["positive"], "mean"),
        flat,
        field(2, "looks"),
        tensor("kernel", kernel),
        tensor("shape", np.array([1, -1], np.int64)) if fixed else b"",
        value(11, "in", ["batch", 3, 128, 64]),
        value(12, "out", ["batch", 128]),
    ]
    return field(1, 8) + field(8, field(2, 13)) + field(7, b"".join(graph)), kernel


def by_hand(kernel, crops):
    """(N, 128) what that network gives for (N, 3, 128, 64)."""
    blocks = crops.reshape(len(crops), 3, 8, 16, 4, 16)
    maps = np.einsum("ncyixj,ocij->noyx", blocks, kernel.astype(np.float64))
    rows = np.maximum(maps, 0).mean(axis=(2, 3))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


BOXES = np.array([[48, 396, 245, 904], [221, 408, 345, 862], [670, 380, 810, 880]], np.float32)


@pytest.fixture
def picture(assets):
    return cv2.imread(str(assets("pictures/bus.jpg")))


@pytest.mark.parametrize("fixed", [False, True], ids=["free batch", "batch of one built in"])
@pytest.mark.parametrize("batch", [1, 2, 16])
def test_deepsorts_shape_gives_128_numbers(tmp_path, picture, fixed, batch, capfd):
    model, kernel = deepsort_like(fixed=fixed)
    path = tmp_path / "mars.onnx"
    path.write_bytes(model)
    rows = NetworkEmbedder(path, DEEPSORT_INPUT, batch)(picture, BOXES)
    crops = [cv2.resize(picture[y1:y2, x1:x2], (64, 128))[:, :, ::-1] for x1, y1, x2, y2 in BOXES.astype(int)]
    expected = by_hand(kernel, np.stack(crops).transpose(0, 3, 1, 2).astype(np.float64))
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert not capfd.readouterr().err, "finding out about batches is nobody's business"


class Spy:
    """A network that remembers what it was shown, and gives the mean colour."""

    def __init__(self, limit=99):
        self.limit, self.shown = limit, []

    def run(self, blob):
        if len(blob) > self.limit:
            raise ModelError("too many")
        self.shown.append(blob.copy())
        return [blob.mean(axis=(2, 3))]


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [pytest.param(99, [4, 4, 2], id="in batches"), pytest.param(1, [1] * 10, id="one by one")],
)
def test_all_boxes_of_a_frame_go_through_in_as_few_runs_as_the_network_allows(picture, limit, sizes):
    spy = Spy(limit)
    embed = NetworkEmbedder(spy, CropInput(32, 64), batch=4)
    spy.shown.clear()
    boxes = np.tile(BOXES, (4, 1))[:10]
    rows = embed(picture, boxes)
    assert [len(blob) for blob in spy.shown] == sizes
    np.testing.assert_array_equal(rows, np.concatenate([embed(picture, box[None]) for box in boxes]))
    assert embed(picture, boxes[:0]).shape == (0, 3)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_pixels_are_normalised_in_the_order_of_colours_named(colour):
    spy = Spy()
    seen = CropInput(4, 6, colour, mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 5.0))
    embed = NetworkEmbedder(spy, seen)
    blue = np.tile(np.array([250, 120, 30], np.uint8), (9, 9, 1))
    embed(blue, np.array([[0, 0, 9, 9]], np.float32))
    first, last = (30, 250) if colour == "rgb" else (250, 30)
    expected = [(first - 10) / 2, (120 - 20) / 4, (last - 30) / 5]
    np.testing.assert_allclose(
        spy.shown[-1], np.broadcast_to(np.reshape(expected, (1, 3, 1, 1)), (1, 3, 6, 4))
    )


def test_the_detectors_engine_and_card_fit(assets, picture):
    """One engine for all networks: what a stage passes in gives what the file by itself gives."""
    path = assets(OSNET)
    engine = OpenCvEngine(path.read_bytes(), device="cpu")
    rows = NetworkEmbedder(engine, card("osnet-x0.25").input)(picture, BOXES)
    np.testing.assert_allclose(rows, NetworkEmbedder(path)(picture, BOXES), atol=1e-6)
    assert rows.shape == (3, 512)


def test_network_sees_what_opencvs_own_preparation_would_show_it(assets, picture):
    """The golden value takes the other way: cv2 makes the blob, mean and scale per channel."""
    path = assets(OSNET)
    options = cv2.dnn.Image2BlobParams(
        1 / (255 * np.array([0.229, 0.224, 0.225])), (128, 256), np.array([0.485, 0.456, 0.406]) * 255, True
    )
    net = cv2.dnn.readNetFromONNX(str(path))
    expected = []
    for x1, y1, x2, y2 in BOXES.astype(int):
        net.setInput(cv2.dnn.blobFromImageWithParams(picture[y1:y2, x1:x2], options))
        row = net.forward()[0]
        expected.append(row / np.linalg.norm(row))
    np.testing.assert_allclose(NetworkEmbedder(path)(picture, BOXES), expected, atol=2e-3)


def test_a_network_tells_people_apart(mot, pictures, assets):
    """Two looks at one of five people are closer than looks at two of them (town centre, a second apart)."""
    embed, truth = NetworkEmbedder(assets(OSNET)), dict(mot("TUD-Stadtmitte").truth.by_frame())
    frames = {f: im for f, im in enumerate(pictures("video/TUD-Stadtmitte.mp4"), 1) if f in (30, 55)}
    before, after = (embed(frames[f], truth[f].boxes) for f in (30, 55))
    same = truth[55].track_ids[:, None] == truth[30].track_ids
    alike = after @ before.T
    assert alike[same].mean() > alike[~same].mean() + 0.15
    seen_before = same.any(axis=1)
    assert same[np.arange(len(after)), alike.argmax(axis=1)][seen_before].mean() >= 0.6


@pytest.mark.parametrize(
    "content", [pytest.param(None, id="no file"), pytest.param(b"not a network", id="not a network")]
)
def test_a_file_that_is_no_network_is_named(tmp_path, content):
    path = tmp_path / "reid.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"reid\.onnx"):
        NetworkEmbedder(path)


def test_a_network_that_does_not_take_such_crops_is_named(tmp_path):
    path = tmp_path / "reid.onnx"
    wide = deepsort_like(fixed=False)[0]
    path.write_bytes(wide)
    with pytest.raises(ModelError, match=r"reid\.onnx.*\(1, 3, 8, 8\)"):
        NetworkEmbedder(path, CropInput(8, 8))
