"""What all scenes share: their settings, textures, and drawing between pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vidstream.types import Pixels, Tracks

#: OpenCV draws at fractions of 1 / 2**4 pixel, so that slow things glide
_SHIFT = 4
#: an object counts as present once so much of it is inside the picture
_PRESENT = 0.3

Point = tuple[float, float]
Colour = tuple[int, int, int]
#: x1 y1 x2 y2
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Setting:
    """Size in pixels, how many objects, and the seed of everything that varies."""

    width: int
    height: int
    objects: int
    seed: int


@dataclass(frozen=True, slots=True)
class Seen:
    """An object of the truth."""

    track_id: int
    class_id: int
    box: Box


def tracks_of(seen: Sequence[Seen], setting: Setting, names: Mapping[int, str]) -> Tracks:
    """The truth of one moment: boxes clipped to the picture, without what is all but outside."""
    inside = [(s, _clipped(s.box, setting)) for s in seen]
    kept = [(s, box) for s, box in inside if _area(box) >= _PRESENT * _area(s.box)]
    return Tracks.of(
        [box for _, box in kept],
        1.0,
        [s.class_id for s, _ in kept],
        [s.track_id for s, _ in kept],
        names=names,
    )


def texture(setting: Setting, base: Colour, strength: float, grain: int) -> Pixels:
    """A cloudy surface around a colour; `grain` is the size of its patches in pixels."""
    rng = np.random.default_rng(setting.seed)
    small = rng.normal(size=(setting.height // grain + 2, setting.width // grain + 2)).astype(np.float32)
    clouds = cv2.resize(small, (setting.width, setting.height), interpolation=cv2.INTER_CUBIC)
    fine = rng.normal(size=(setting.height, setting.width)).astype(np.float32)
    shade = strength * (clouds + 0.5 * fine)
    picture = np.asarray(base, np.float32) + shade[:, :, None]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def line(picture: Pixels, a: Point, b: Point, colour: Colour, thickness: float) -> None:
    """A line with round ends."""
    cv2.line(picture, _fixed(a), _fixed(b), colour, max(1, round(thickness)), cv2.LINE_AA, _SHIFT)


def disc(picture: Pixels, centre: Point, radius: float, colour: Colour) -> None:
    """A filled circle."""
    cv2.circle(picture, _fixed(centre), round(radius * 2**_SHIFT), colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def polygon(picture: Pixels, points: Sequence[Point], colour: Colour) -> None:
    """A filled polygon."""
    corners = np.array([_fixed(p) for p in points], np.int32)
    cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA, _SHIFT)


def _fixed(point: Point) -> tuple[int, int]:
    return round(point[0] * 2**_SHIFT), round(point[1] * 2**_SHIFT)


def _clipped(box: Box, setting: Setting) -> Box:
    x1, y1, x2, y2 = box
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(setting.width)), min(y2, float(setting.height))


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
