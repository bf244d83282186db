"""Stages that change pixels in place: each does what it says, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.one_stage import OneStage, picture
from vidstream.errors import ParamError
from vidstream.graph.params import make_params
from vidstream.graph.stage import Stage
from vidstream.stages.image.adjust import Adjust
from vidstream.stages.image.blur import Blur
from vidstream.stages.image.color import Color
from vidstream.stages.image.denoise import Denoise
from vidstream.stages.image.edges import Edges
from vidstream.stages.image.equalize import Equalize
from vidstream.stages.image.gray import Gray
from vidstream.stages.image.sharpen import Sharpen
from vidstream.stages.image.threshold import Threshold
from vidstream.types import View

EVERY = [
    (Gray, {}),
    (Adjust, {"gamma": 2.0}),
    *((Blur, {"method": m}) for m in ("gaussian", "median", "bilateral", "box")),
    *((Color, {"to": to}) for to in ("gray", "rgb", "hsv", "lab", "ycrcb")),
    (Denoise, {}),
    (Edges, {}),
    *((Equalize, {"method": m}) for m in ("clahe", "global")),
    (Sharpen, {}),
    *((Threshold, {"method": m}) for m in ("fixed", "otsu", "adaptive")),
]
IDS = [" ".join([cls.spec.name, *map(str, options.values())]) for cls, options in EVERY]


def of(value: Any, height: int = 8, width: int = 8) -> View:
    return View(np.full((height, width, 3), value, np.uint8))


def noisy(value: int = 120, sigma: float = 12.0) -> View:
    noise = np.random.default_rng(1).normal(value, sigma, (96, 96, 3))
    return View(np.clip(noise, 0, 255).astype(np.uint8))


def run(cls: type[Stage], view: View, **options: Any) -> View:
    return OneStage(cls, **options)(image=view)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("cls", "options"), EVERY, ids=IDS)
@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
def test_size_and_place_stay_and_the_input_is_left_alone(
    assets: Callable[[str], Path], cls: type[Stage], options: dict[str, Any], gray: bool
) -> None:
    whole = picture(assets("pictures/bus.jpg")).pixels[400:480, 100:180]
    matrix = np.array([[2.0, 0, 100], [0, 2.0, 400], [0, 0, 1]])
    pixels = np.ascontiguousarray(whole[:, :, 0] if gray else whole)
    before = pixels.copy()
    result = run(cls, View(pixels, matrix), **options)
    assert np.array_equal(pixels, before)
    assert result.matrix is matrix
    assert (result.height, result.width) == (80, 80)
    assert result.pixels.dtype == np.uint8
    assert not result.pixels.flags.writeable
    assert not np.array_equal(result.bgr(), View(pixels).bgr()) or (gray and cls in (Gray, Color))
    assert np.array_equal(result.pixels, run(cls, View(pixels, matrix), **options).pixels)


def test_gray_is_luminance() -> None:
    view = of([50, 100, 200])
    assert run(Gray, view).pixels.tolist() == [[round(0.114 * 50 + 0.587 * 100 + 0.299 * 200)] * 8] * 8


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        pytest.param("rgb", [255, 0, 0], id="rgb"),
        pytest.param("hsv", [0, 255, 255], id="hue 0, full saturation and value"),
        pytest.param("lab", [136, 208, 195], id="L 53.2, a 80.1, b 67.2 in 8 bits"),
        pytest.param("ycrcb", [76, 255, 85], id="BT.601"),
        pytest.param("gray", [76, 76, 76], id="luminance three times"),
    ],
)
def test_pure_red_in_other_spaces(to: str, expected: list[int]) -> None:
    assert run(Color, of([0, 0, 255]), to=to).pixels[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"brightness": 0.2}, 151, id="brighter by a fifth of the range"),
        pytest.param({"brightness": -1}, 0, id="black at the least"),
        pytest.param({"contrast": 2}, 72, id="twice as far from the middle"),
        pytest.param({"contrast": 0}, 128, id="no contrast is gray"),
        pytest.param({"gamma": 2}, 160, id="255 * sqrt(100 / 255)"),
        pytest.param({}, 100, id="as it was"),
    ],
)
def test_adjusted_levels(options: dict[str, float], expected: int) -> None:
    assert (run(Adjust, of(100), **options).pixels == expected).all()


@pytest.mark.parametrize("method", ["gaussian", "median", "bilateral", "box"])
def test_every_blur_lessens_noise_and_keeps_the_level(method: str) -> None:
    view = noisy()
    soft = run(Blur, view, method=method, radius=2)
    assert soft.pixels.std() < 0.7 * view.pixels.std()
    assert soft.pixels.mean() == pytest.approx(view.pixels.mean(), abs=1)


def test_what_each_blur_is_for() -> None:
    salt = np.full((9, 9, 3), 100, np.uint8)
    salt[4, 4] = 255
    assert (run(Blur, View(salt), method="median", radius=1).pixels == 100).all()
    step = np.full((16, 16, 3), 20, np.uint8)
    step[:, 8:] = 220
    kept = run(Blur, View(step), method="bilateral", radius=3).pixels[8, :, 0].astype(int)
    lost = run(Blur, View(step), method="gaussian", radius=3).pixels[8, :, 0].astype(int)
    assert np.abs(np.diff(kept)).max() > 190 > 100 > np.abs(np.diff(lost)).max()


@pytest.mark.parametrize("method", ["clahe", "global"])
def test_dark_pictures_get_contrast_and_keep_their_colours(
    assets: Callable[[str], Path], method: str
) -> None:
    dark = picture(assets("pictures/bus.jpg")).pixels[::4, ::4] // 4
    before, after = (
        cv2.cvtColor(pixels, cv2.COLOR_BGR2Lab).astype(int)
        for pixels in (dark, run(Equalize, View(dark), method=method, clip=4).pixels)
    )
    assert after[:, :, 0].std() > 1.5 * before[:, :, 0].std()
    assert np.abs(after[:, :, 1:] - before[:, :, 1:]).mean() < 2


def test_sharpening_steepens_an_edge_and_leaves_flat_parts() -> None:
    soft = cv2.GaussianBlur(np.repeat(np.array([[60] * 16 + [180] * 16], np.uint8), 8, 0), (9, 9), 2)
    crisp = run(Sharpen, View(soft), amount=2, radius=4).pixels
    steep = [int(np.abs(np.diff(p[4].astype(int))).max()) for p in (soft, crisp)]
    assert steep[1] > 1.4 * steep[0]
    assert (crisp[:, 0] == 60).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"method": "fixed", "level": 100}, [0, 0, 255, 255], id="brighter than the level"),
        pytest.param({"method": "fixed", "level": 99}, [0, 255, 255, 255], id="the level itself is black"),
        pytest.param({"method": "fixed", "level": 100, "invert": True}, [255, 255, 0, 0], id="swapped"),
        pytest.param({"method": "otsu"}, [0, 0, 255, 255], id="where it splits best"),
    ],
)
def test_black_and_white(options: dict[str, Any], expected: list[int]) -> None:
    levels = np.repeat(np.array([[90, 100, 200, 210]], np.uint8), 4, 0)
    assert run(Threshold, View(levels), **options).pixels[0].tolist() == expected


def test_adaptive_reads_ink_under_uneven_light() -> None:
    light = np.repeat(np.linspace(60, 250, 120)[None], 40, 0)
    page = light.copy()
    ink = np.zeros((40, 120), bool)
    ink[18:22, 5:115:10] = True
    page[ink] -= 40
    read = run(Threshold, View(page.astype(np.uint8)), method="adaptive", invert=True).pixels > 0
    assert (read & ink).sum() == ink.sum()
    assert (read & ~ink).sum() < 0.01 * ink.size


def test_edges_are_where_brightness_steps() -> None:
    step = np.full((32, 32, 3), 30, np.uint8)
    step[:, 16:] = 200
    edges = run(Edges, View(step)).pixels
    assert set(np.unique(edges)) == {0, 255}
    assert set(np.nonzero(edges)[1].tolist()) <= {15, 16}
    assert not run(Edges, of(90, 32, 32)).pixels.any()


def test_denoising_takes_noise_and_leaves_an_edge() -> None:
    pixels = noisy(100, 8).pixels.copy()
    pixels[:, 48:] += 100
    clean = run(Denoise, View(pixels), strength=10).pixels
    assert clean[:, :40].std() < 0.5 * pixels[:, :40].std()
    assert clean[:, 52:].mean() - clean[:, :44].mean() == pytest.approx(100, abs=3)


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        pytest.param(Edges, {"low": 200, "high": 100}, "low: 200 is above high", id="thresholds swapped"),
        pytest.param(Blur, {"radius": 0}, "radius", id="no radius"),
        pytest.param(Blur, {"method": "gausian"}, "did you mean 'gaussian'", id="misspelt"),
        pytest.param(Color, {}, "'to' is missing", id="no space"),
        pytest.param(Adjust, {"brightness": 2}, "between -1 and 1", id="too bright"),
        pytest.param(Equalize, {"clip": 0}, "clip", id="no contrast to add"),
        pytest.param(Threshold, {"level": 256}, "between 0 and 255", id="level beyond white"),
        pytest.param(Denoise, {"strength": 0}, "strength", id="nothing to remove"),
    ],
)
def test_wrong_options_are_named(cls: type[Stage], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamError, match=message):
        make_params(cls.Params, options, "image")
