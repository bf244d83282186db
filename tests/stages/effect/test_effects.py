"""effect.*: backgrounds and networks' pictures, on whole and derived views."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.support.one_stage import OneStage, picture, problems
from vidstream.errors import ParamError, StageError
from vidstream.geometry import scaling
from vidstream.stages.effect.alpha import along_edges
from vidstream.stages.effect.background import EffectBackground
from vidstream.stages.effect.network import EffectNetwork
from vidstream.types import Detections, MaskCrop, Masks, View

SIZE = (320, 180)
BLUE = {"mode": "colour", "colour": "#0000ff", "feather": 0}


def view() -> View:
    """White on the left, grey on the right: the edge is at x = 160."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    pixels[:, 160:] = 90
    return View(pixels)


def left_half(step: int = 1, **more) -> Masks:
    """Label 1 on the left half, on a grid of `step` pixels."""
    labels = np.zeros((SIZE[1] // step, SIZE[0] // step), np.uint8)
    labels[:, : labels.shape[1] // 2] = 1
    return Masks(labels, {1: "person", 2: "car"}, scaling(step, step), **more)


def crop_of_left_half() -> Detections:
    crop = MaskCrop(0, 0, np.ones((SIZE[1], 160), bool))
    return Detections.of([[0, 0, 160, 180]], masks=(crop,), names={0: "person"})


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"masks": left_half()}, id="labels"),
        pytest.param({"masks": left_half(10)}, id="labels on a coarse grid"),
        pytest.param({"masks": left_half(alpha=left_half().labels.astype(np.float32))}, id="alpha"),
        pytest.param({"objects": crop_of_left_half()}, id="masks of objects"),
    ],
)
def test_what_is_in_front_stays_and_the_rest_is_replaced(given):
    pixels = OneStage(EffectBackground, size=SIZE, **BLUE)(image=view(), **given).pixels
    assert (pixels[:, :150] == 255).all()
    assert (pixels[:, 170:] == (255, 0, 0)).all()


@pytest.mark.parametrize(
    ("keep", "front"), [([], True), (["person"], True), (["car"], False)], ids=["all", "people", "cars"]
)
def test_only_classes_to_keep_are_in_front(keep, front):
    for given in ({"masks": left_half()}, {"objects": crop_of_left_half()}):
        pixels = OneStage(EffectBackground, size=SIZE, keep=keep, **BLUE)(image=view(), **given).pixels
        assert bool((pixels[90, 80] == 255).all()) == front


def test_a_class_that_nothing_finds_is_named_once():
    stage = OneStage(EffectBackground, size=SIZE, keep=["persn"], **BLUE)
    stage(image=view(), masks=left_half())
    stage(image=view(), masks=left_half())
    assert stage.notices == [("unknown-class", "nothing here finds 'persn'; did you mean 'person'?")]


def test_half_foreground_is_half_of_both():
    alpha = np.full((18, 32), 0.5, np.float32)
    masks = Masks((alpha > 0.4).astype(np.uint8), {1: "x"}, scaling(10, 10), alpha)
    pixels = OneStage(EffectBackground, size=SIZE, **BLUE)(image=view(), masks=masks).pixels
    assert pixels[90, 80] == pytest.approx([255, 127, 127], abs=1)


def test_a_cropped_and_enlarged_view_is_cut_at_the_same_place():
    part = view().pixels[:, 100:260]
    zoomed = View(np.asarray(cv2.resize(part, None, fx=2, fy=2), np.uint8), scaling(0.5, 0.5, 100, 0))
    pixels = OneStage(EffectBackground, size=SIZE, **BLUE)(image=zoomed, masks=left_half()).pixels
    assert (pixels[:, : 2 * 60 - 8] == 255).all()
    assert (pixels[:, 2 * 60 + 8 :] == (255, 0, 0)).all()


@pytest.mark.parametrize("off", [2, 4, -4], ids=["a little too far", "too far", "not far enough"])
def test_edges_move_onto_the_pictures(off):
    """The alpha's edge is beside the picture's; guided by that, the step comes to where it is."""
    alpha = np.zeros((SIZE[1], SIZE[0]), np.float32)
    alpha[:, : 160 + off] = 1
    row = along_edges(alpha, view(), 12)[90]
    assert np.abs(np.diff(row)).argmax() == 159
    assert row[:140].min() > 0.95
    assert row[180:].max() < 0.05
    assert abs(row[159] - row[160]) > 0.5


def test_nothing_in_front_leaves_no_glow_in_the_blur():
    """The white half has no part in the blurred grey one."""
    stage = OneStage(EffectBackground, size=SIZE, mode="blur", strength=0.1, feather=0)
    pixels = stage(image=view(), masks=left_half()).pixels
    assert (pixels[:, :158] == 255).all()
    assert np.abs(pixels[:, 164:].astype(int) - 90).max() <= 2


def test_blur_grows_with_its_strength(assets):
    image = picture(assets("pictures/zidane.jpg"))
    none = Masks(np.zeros((9, 16), np.uint8), {1: "x"}, scaling(80, 80))
    rough = []
    for strength in (0.005, 0.05):
        given = OneStage(EffectBackground, mode="blur", strength=strength)(image=image, masks=none)
        rough.append(cv2.Laplacian(given.pixels, cv2.CV_32F).std())
    assert rough[1] < rough[0] < cv2.Laplacian(image.pixels, cv2.CV_32F).std()


def test_a_picture_covers_the_frame_without_being_stretched(tmp_path):
    square = np.zeros((50, 50, 3), np.uint8)
    cv2.circle(square, (25, 25), 10, (0, 0, 255), -1)
    cv2.imwrite(str(tmp_path / "sun.png"), square)
    none = Masks(np.zeros((18, 32), np.uint8), {1: "x"}, scaling(10, 10))
    stage = OneStage(EffectBackground, size=SIZE, mode="picture", picture=str(tmp_path / "sun.png"))
    pixels = stage(image=view(), masks=none).pixels
    red = pixels[:, :, 2] > 127
    assert red.any(axis=0).sum() == pytest.approx(red.any(axis=1).sum(), abs=2)
    assert pixels[90, 160, 2] == 255


def test_alpha_is_averaged_over_time_and_forgotten_at_gaps():
    empty = Masks(np.zeros((180, 320), np.uint8), {1: "person"})
    stage = OneStage(EffectBackground, size=SIZE, smooth=1.0, **BLUE)
    stage(0.0, image=view(), masks=left_half())
    half = stage(0.5, image=view(), masks=empty).pixels[90, 80]
    assert half[2] == pytest.approx(255 * np.exp(-0.5), abs=1.5)
    stage.gap()
    assert stage(0.6, image=view(), masks=empty).pixels[90, 80].tolist() == [255, 0, 0]


def test_where_masks_come_on_some_frames_only_the_last_one_holds():
    stage = OneStage(EffectBackground, size=SIZE, **BLUE)
    image = view()
    assert stage(image=image, masks=None) is image
    first = stage(image=view(), masks=left_half()).pixels
    objects = Detections.of([[0, 0, 9, 9]])  # a detector beside the masks changes nothing
    assert (stage(image=view(), masks=None, objects=objects).pixels == first).all()


def test_objects_without_masks_are_an_error():
    with pytest.raises(StageError, match="the objects before it have no masks"):
        OneStage(EffectBackground, size=SIZE)(image=view(), objects=Detections.of([[0, 0, 9, 9]]))


def test_something_must_tell_what_is_in_front():
    (problem,) = EffectBackground.check_inputs(None, ["image"])
    assert "does not know what is in front" in str(problem)
    assert list(EffectBackground.check_inputs(None, ["image", "masks"])) == []


@pytest.mark.parametrize(
    "options", [{"mode": "picture"}, {"mode": "blur", "picture": __file__}], ids=["none", "unused"]
)
def test_mode_and_picture_go_together(options):
    with pytest.raises(ParamError, match="mode: picture, picture: beach.jpg"):
        OneStage(EffectBackground, **options)


def test_a_file_that_is_no_picture_is_named():
    with pytest.raises(StageError, match=r"test_effects\.py': is no picture that can be read"):
        OneStage(EffectBackground, mode="picture", picture=__file__)


@pytest.mark.parametrize("mode", ["blur", "colour", "remove"])
def test_nothing_that_is_given_is_written_to(mode):
    image, masks = view(), left_half(alpha=left_half().labels * np.float32(0.7))
    before = image.pixels.copy(), masks.labels.copy(), masks.alpha.copy()
    stage = OneStage(EffectBackground, size=SIZE, mode=mode, smooth=1.0)
    first = stage(image=image, masks=masks).pixels.copy()
    again = stage(image=image, masks=masks).pixels
    assert np.array_equal(first, again)
    for old, new in zip(before, (image.pixels, masks.labels, masks.alpha), strict=True):
        assert np.array_equal(old, new)


def test_the_networks_picture_goes_on_with_the_views_place(assets, monkeypatch):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights/style_384x288.onnx").parent))
    whole = picture(assets("pictures/dog.jpg"))
    part = View(whole.pixels[100:400, 50:450], scaling(1, 1, 50, 100))
    given = OneStage(EffectNetwork, model="style-26")(image=part)
    assert given.pixels.shape == part.pixels.shape
    assert given.matrix == pytest.approx(part.matrix)
    assert np.abs(given.pixels.astype(int) - part.pixels).mean() > 10
    assert problems(EffectNetwork, model="style-26") == []
    (found,) = problems(EffectNetwork, model="selfie")
    assert "is for another task: matte, not picture" in found
