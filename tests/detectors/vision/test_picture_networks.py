"""Pictures from pictures: style against another engine, and networks whose answer is known."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest

from detectors import catalogue
from detectors.vision import PictureNetwork, PictureParams
from tests.support.tiny_networks import conv, network, node
from vidstream.errors import ModelError
from vidstream.geometry import scaling
from vidstream.types import View


def own(tmp_path, data: bytes, **options) -> PictureNetwork:
    path = tmp_path / "own.onnx"
    path.write_bytes(data)
    return PictureNetwork(PictureParams(model=str(path), **options))


def noise(width: int, height: int) -> View:
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    return View(cv2.GaussianBlur(pixels, (5, 5), 0))


@pytest.fixture(scope="module")
def style(weights):
    return PictureNetwork(PictureParams(model="style-26"), models=weights)


def test_style_is_painted_as_another_engine_paints_it(style, weights, picture):
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(weights / "style_384x288.onnx"))
    view = picture("dog.jpg")
    small = cv2.resize(view.pixels, (384, 288))[:, :, ::-1].astype(np.float32) / 255
    painted = session.run(None, {"image": np.ascontiguousarray(small.transpose(2, 0, 1))[None]})[0][0]
    expected = np.clip(painted.transpose(1, 2, 0)[:, :, ::-1] * 255, 0, 255)
    own_size = PictureNetwork(PictureParams(model="style-26", result="network"), models=weights).transform(
        view
    )
    assert np.abs(own_size.pixels - expected).max() <= 1
    given = style.transform(view)
    assert given.pixels.shape == view.pixels.shape
    enlarged = cv2.resize(expected, (view.width, view.height), interpolation=cv2.INTER_CUBIC)
    assert np.abs(given.pixels - np.clip(enlarged, 0, 255)).mean() < 1


def test_source_coordinates_stay_what_they_are(weights, picture, crop):
    view = crop(picture("dog.jpg"), 40, 60, 400, 300)
    small = PictureNetwork(PictureParams(model="style-26", result="network"), models=weights).transform(view)
    assert (small.width, small.height) == (384, 288)
    assert small.boxes_to_source(np.array([[0, 0, 384, 288]]))[0] == pytest.approx([40, 60, 440, 360])


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
@pytest.mark.parametrize("pixels", ["0..1", "-1..1", "0..255", "imagenet"])
def test_a_network_that_changes_nothing_changes_nothing(tmp_path, pixels, colour):
    data = network([node("Identity", ["in"], "out")], [1, 3, "h", "w"], [1, 3, "h", "w"])
    view = noise(41, 30)
    options = {"output": "0..1"} if pixels == "imagenet" else {}
    if pixels == "imagenet":  # undoes the normalisation itself
        mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
        if colour == "bgr":
            mean, std = mean[::-1], std[::-1]
        weights = {"m": mean.reshape(1, 3, 1, 1).copy(), "s": std.reshape(1, 3, 1, 1).copy()}
        nodes = [node("Mul", ["in", "s"], "t"), node("Add", ["t", "m"], "out")]
        data = network(nodes, [1, 3, "h", "w"], [1, 3, "h", "w"], weights)
    same = own(tmp_path, data, pixels=pixels, colour=colour, **options).transform(view)
    assert np.abs(same.pixels.astype(int) - view.pixels).max() <= 1
    assert same.matrix == pytest.approx(np.eye(3))


def test_channels_go_where_the_network_puts_them(tmp_path):
    """One that gives red alone, of a picture with another value in each channel."""
    kernel = np.diag([1, 0, 0]).astype(np.float32)[:, :, None, None]
    data = network([conv(["in", "kernel"], "out")], [1, 3, 8, 8], [1, 3, 8, 8], {"kernel": kernel})
    view = View(np.full((8, 8, 3), (10, 20, 30), np.uint8))
    assert own(tmp_path, data).transform(view).pixels[4, 4].tolist() == [0, 0, 30]
    assert own(tmp_path, data, colour="bgr").transform(view).pixels[4, 4].tolist() == [10, 0, 0]


def espcn_like(channels: int, factor: int = 2, taken: tuple = ("h", "w")) -> bytes:
    """Every pixel `factor` squared times, in the way of ESPCN: channels become space."""
    square = factor * factor
    kernel = np.zeros((channels * square, channels, 1, 1), np.float32)
    for channel in range(channels):
        kernel[channel * square : (channel + 1) * square, channel] = 1
    nodes = [
        conv(["in", "kernel"], "many"),
        node("DepthToSpace", ["many"], "out", blocksize=factor, mode="CRD"),
    ]
    return network(nodes, [1, channels, *taken], [1, channels, "H", "W"], {"kernel": kernel})


@pytest.mark.parametrize("channels", [1, 3], ids=["luminance", "colours"])
def test_super_resolution_gives_the_larger_picture(tmp_path, channels):
    view = noise(37, 24)
    large = own(tmp_path, espcn_like(channels)).transform(view)
    assert (large.width, large.height) == (74, 48)
    assert large.matrix == pytest.approx(scaling(0.5, 0.5))
    expected = np.repeat(np.repeat(view.pixels, 2, axis=0), 2, axis=1)
    if channels == 3:
        assert np.abs(large.pixels.astype(int) - expected).max() <= 1
    luma = [cv2.cvtColor(p, cv2.COLOR_BGR2YCrCb)[:, :, 0].astype(int) for p in (large.pixels, expected)]
    assert np.abs(luma[0] - luma[1]).mean() < 1
    back = own(tmp_path, espcn_like(channels), result="picture").transform(view)
    assert back.pixels.shape == view.pixels.shape


def test_colours_beside_the_luminance_are_those_of_opencvs_own_recipe(tmp_path):
    """As `cv2.dnn_superres` puts the picture together: colours enlarged by cubic interpolation."""
    view = noise(20, 16)
    large = own(tmp_path, espcn_like(1)).transform(view)
    luma, red, blue = cv2.split(cv2.cvtColor(view.pixels, cv2.COLOR_BGR2YCrCb))
    planes = [np.repeat(np.repeat(luma, 2, axis=0), 2, axis=1)]
    planes += [cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for p in (red, blue)]
    expected = cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2BGR)
    assert np.abs(large.pixels.astype(int) - expected).max() <= 2


def test_a_picture_of_another_size_goes_through_too(tmp_path):
    enlarge = own(tmp_path, espcn_like(1))
    for width, height in ((20, 16), (33, 9), (20, 16)):
        large = enlarge.transform(noise(width, height))
        assert (large.width, large.height) == (2 * width, 2 * height)


def test_a_fixed_size_is_kept_to(tmp_path):
    large = own(tmp_path, espcn_like(1, taken=(16, 16))).transform(noise(20, 12))
    assert (large.width, large.height) == (32, 32)


# ---- colours for grey pictures

ORANGE = (30.0, 60.0)  # ab


def ab_network() -> bytes:
    """The same colour everywhere, whatever the lightness."""
    kernel, bias = np.zeros((2, 1, 4, 4), np.float32), np.float32(ORANGE)
    nodes = [conv(["in", "kernel", "bias"], "out", side=4, stride=4)]
    return network(nodes, [1, 1, 32, 32], [1, 2, 8, 8], {"kernel": kernel, "bias": bias})


def scores_network(count: int, best: int) -> bytes:
    kernel, bias = np.zeros((count, 1, 4, 4), np.float32), np.zeros(count, np.float32)
    bias[best] = 30
    nodes = [conv(["in", "kernel", "bias"], "out", side=4, stride=4)]
    return network(nodes, [1, 1, 32, 32], [1, count, 8, 8], {"kernel": kernel, "bias": bias})


def coloured(view: View) -> np.ndarray:
    """What the picture looks like with that colour and its own lightness, by OpenCV."""
    lab = cv2.cvtColor(view.pixels.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    lab[:, :, 1:] = ORANGE
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2BGR) * 255, 0, 255)


def test_lightness_stays_and_colours_are_the_networks(tmp_path):
    view = noise(50, 40)
    given = own(tmp_path, ab_network()).transform(view)
    assert np.abs(given.pixels - coloured(view)).max() <= 1.01


def test_scores_choose_among_the_colours_given(tmp_path):
    centres = np.random.default_rng(1).uniform(-80, 80, (313, 2)).astype(np.float32)
    centres[7] = ORANGE
    np.save(tmp_path / "pts.npy", centres)
    view = noise(50, 40)
    given = own(tmp_path, scores_network(313, 7), centres=tmp_path / "pts.npy").transform(view)
    assert np.abs(given.pixels - coloured(view)).max() <= 1.01


def test_colours_are_annealed_as_equation_5_says(tmp_path):
    """Two equal scores: the colour in between."""
    kernel, bias = np.zeros((2, 1, 4, 4), np.float32), np.float32([3, 3])
    nodes = [
        conv(["in", "kernel", "bias"], "many", side=4, stride=4),
        node("Concat", ["many", "many"], "out", axis=1),
    ]
    data = network(nodes, [1, 1, 32, 32], [1, 4, 8, 8], {"kernel": kernel, "bias": bias})
    np.save(tmp_path / "pts.npy", np.array([[0, 60], [60, 60], [0, 60], [60, 60]], np.float32))
    view = noise(50, 40)
    given = own(tmp_path, data, centres=tmp_path / "pts.npy").transform(view)
    assert np.abs(given.pixels - coloured(view)).max() <= 1.01


def test_the_network_is_shown_lightness_less_50(tmp_path):
    """One that gives what it takes as a: on a grey picture it can be read off the result."""
    kernel = np.zeros((2, 1, 1, 1), np.float32)
    kernel[0] = 1
    data = network([conv(["in", "kernel"], "out")], [1, 1, 16, 16], [1, 2, 16, 16], {"kernel": kernel})
    view = View(np.full((16, 16, 3), 160, np.uint8))
    given = own(tmp_path, data).transform(view)
    lab = cv2.cvtColor(given.pixels.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)[8, 8]
    assert lab[1] == pytest.approx(lab[0] - 50, abs=0.7)


def test_colours_on_a_card_are_checked_and_read(tmp_path):
    from hashlib import sha256

    points = io.BytesIO()
    np.save(points, np.array([ORANGE, (0, 0)], np.float32).repeat(2, axis=0))
    files = {"model": scores_network(4, 0), "centres": points.getvalue()}
    names = {"model": "zhang.onnx", "centres": "pts.npy"}
    for role, data in files.items():
        (tmp_path / names[role]).write_bytes(data)
    entries = {
        role: catalogue.ModelFile(names[role], len(data), sha256(data).hexdigest())
        for role, data in files.items()
    }
    spec = catalogue.InputSpec(32, 32, "gray", (127.5,) * 3, (2.55,) * 3, "stretch")
    card = catalogue.Card("zhang", "picture", "colourise", entries, "BSD", spec)
    (tmp_path / "zhang.card.yaml").write_text(card.to_yaml())
    view = noise(50, 40)
    given = PictureNetwork(PictureParams(model="zhang"), models=tmp_path).transform(view)
    assert np.abs(given.pixels - coloured(view)).max() <= 1.01
    (tmp_path / "pts.npy").write_bytes(files["centres"][:-1] + b"!")
    with pytest.raises(ModelError, match="is not the file on its card"):
        PictureNetwork(PictureParams(model="zhang"), models=tmp_path)


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        pytest.param(scores_network(313, 0), {}, "give the colours it chooses from", id="scores alone"),
        pytest.param(
            espcn_like(3), {"family": "luma"}, "expected a picture of 1 channels", id="wrong family"
        ),
        pytest.param(espcn_like(1), {"family": "lumma"}, "did you mean 'luma'", id="no such family"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, data, options, words):
    with pytest.raises(ModelError, match=words):
        own(tmp_path, data, **options).transform(noise(32, 32))


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY junk", b"cos\nsystem\n"], ids=["empty", "damaged", "pickle"]
)
def test_a_file_of_colours_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "pts.npy"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"pts\.npy.*is no NumPy array"):
        own(tmp_path, scores_network(313, 0), centres=path)


def test_the_view_stays_as_it_was(style, picture):
    view = picture("eagle.jpg")
    before = view.pixels.copy()
    style.transform(view)
    assert (view.pixels == before).all()
