"""Colours for people's eyes: many, distinct, equally bright, the same on every run.

Hues step by the golden angle, so however many ids are on the screen, neighbours in number are far
apart in colour. They are taken in OKLCH (B. Ottosson, 2020, "A perceptual color space for image
processing"), where equal steps look equal and no hue is darker than another.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias
from zlib import crc32

Bgr: TypeAlias = tuple[int, int, int]

WHITE: Bgr = (255, 255, 255)
INK: Bgr = (24, 18, 16)
#: secondary text on a dark card
DIM: Bgr = (186, 178, 172)
#: what a bar runs in, on a dark card
GROOVE: Bgr = (70, 62, 58)

_GOLDEN = (math.sqrt(5) - 1) / 2
#: lightness alternates, so that ids whose hues come close still differ
_LIGHTNESS = (0.72, 0.82, 0.62)
_CHROMA = 0.19
#: with this start the commonest classes (person, the vehicles, face, plate, pets) are well spread
_SALT = 160272


@lru_cache(maxsize=512)
def track_colour(track_id: int) -> Bgr:
    """The colour of a track, from its id alone.

    >>> track_colour(1) == track_colour(1) != track_colour(2)
    True
    """
    return _oklch(_LIGHTNESS[track_id % len(_LIGHTNESS)], _CHROMA, (0.08 + track_id * _GOLDEN) % 1.0)


@lru_cache(maxsize=512)
def name_colour(name: str) -> Bgr:
    """The colour of a class, line or zone, from its name alone: the same in every graph."""
    code = crc32(name.encode(), _SALT)
    return _oklch(0.78, _CHROMA, (code // 3 % 9973) / 9973)


def text_on(background: Bgr) -> Bgr:
    """Dark or white, whichever is read more easily on `background`."""
    light = luminance(background)
    on_white, on_ink = 1.05 / (light + 0.05), (light + 0.05) / (luminance(INK) + 0.05)
    return WHITE if on_white >= on_ink else INK


def luminance(colour: Bgr) -> float:
    """Relative luminance in [0, 1] (WCAG 2, from sRGB).

    >>> round(luminance((255, 255, 255)), 3)
    1.0
    """
    blue, green, red = (_to_linear(c / 255) for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklch(lightness: float, chroma: float, turn: float) -> Bgr:
    """The sRGB colour nearest to this OKLCH one: chroma gives way until the screen can show it."""
    hue = 2 * math.pi * turn
    while True:
        linear = _oklab_to_linear(lightness, chroma * math.cos(hue), chroma * math.sin(hue))
        if chroma <= 0 or all(-1e-4 <= c <= 1.0001 for c in linear):
            red, green, blue = (round(255 * _from_linear(min(max(c, 0.0), 1.0))) for c in linear)
            return blue, green, red
        chroma -= 0.005


def _oklab_to_linear(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """OKLab to linear sRGB, Ottosson's matrices."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _to_linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _from_linear(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)
