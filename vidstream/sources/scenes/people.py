"""People who walk across a square, seen from a low roof: near ones are larger and hide far ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from vidstream.sources.scenes import setting as s
from vidstream.types import Pixels, Tracks

NAMES: Final = {0: "person"}
_SKINS: Final[tuple[s.Colour, ...]] = ((150, 180, 224), (120, 152, 205), (84, 112, 160), (52, 74, 110))
_HAIRS: Final[tuple[s.Colour, ...]] = ((30, 34, 42), (40, 60, 92), (70, 110, 150), (96, 96, 100))
_TOPS: Final[tuple[s.Colour, ...]] = (
    (60, 60, 200),
    (170, 90, 40),
    (70, 140, 60),
    (40, 150, 215),
    (140, 60, 130),
    (205, 200, 190),
    (60, 55, 50),
)
_TROUSERS: Final[tuple[s.Colour, ...]] = ((90, 60, 40), (50, 46, 44), (70, 90, 110), (120, 80, 50))
#: feet of the farthest and the nearest people, as shares of the picture's height
_FAR, _NEAR = 0.46, 0.96
#: seconds between two entries, and before somebody walks in again
_ENTRY_S, _PAUSE_S = 0.7, 1.0


@dataclass(frozen=True, slots=True)
class _Walker:
    """Somebody's way across, walked again and again; every walk is another person to whoever looks."""

    number: int
    rightwards: bool
    depth: float
    drift: float
    pace: float
    enter: float
    skin: s.Colour
    hair: s.Colour
    top: s.Colour
    trousers: s.Colour


@dataclass(frozen=True, slots=True)
class _Figure:
    """A walker at one moment: feet at (x, y), `tall` pixels high."""

    walker: _Walker
    track_id: int
    x: float
    y: float
    tall: float
    phase: float

    @property
    def box(self) -> s.Box:
        """From hair to soles, and as wide as the stride is now."""
        half = self.tall * max(0.13, 0.07 + 0.15 * abs(math.sin(self.phase)))
        return self.x - half, self.y - self.tall, self.x + half, self.y + 0.02 * self.tall


class People:
    """The scene ``synthetic:people``: it begins empty, then people come in from both sides."""

    def __init__(self, setting: s.Setting) -> None:
        self._setting = setting
        rng = np.random.default_rng(setting.seed)
        self._walkers = [_made(number, rng) for number in range(setting.objects)]
        self._square = _square(setting)

    def draw(self, time: float) -> Pixels:
        """The picture, far people first."""
        picture = self._square.copy()
        figures = sorted(self._figures(time), key=lambda f: f.y)
        _draw_shadows(picture, figures)
        for figure in figures:
            _draw(picture, figure)
        return picture

    def truth(self, time: float) -> Tracks:
        """Boxes of whole people, also where a nearer one hides them."""
        seen = [s.Seen(f.track_id, 0, f.box) for f in self._figures(time)]
        return s.tracks_of(seen, self._setting, NAMES)

    def _figures(self, time: float) -> list[_Figure]:
        return [f for w in self._walkers if (f := self._figure(w, time)) is not None]

    def _figure(self, walker: _Walker, time: float) -> _Figure | None:
        """The walker at this moment, if on the way."""
        wide, high = self._setting.width, self._setting.height
        tall = high * (0.2 + 0.24 * walker.depth)
        margin = 0.25 * tall
        crossing = (wide + 2 * margin) / (walker.pace * tall)
        walks, since = divmod(time - walker.enter, crossing + _PAUSE_S)
        if walks < 0 or since > crossing:
            return None
        way = since / crossing
        x = -margin + way * (wide + 2 * margin)
        feet = _FAR + (_NEAR - _FAR) * walker.depth + walker.drift * (way - 0.5)
        return _Figure(
            walker,
            int(walks) * len(self._walkers) + walker.number + 1,
            x if walker.rightwards else wide - x,
            high * feet,
            tall,
            2 * math.pi * walker.pace * since,
        )


def _made(number: int, rng: np.random.Generator) -> _Walker:
    skin, hair, trousers = (
        colours[int(rng.integers(len(colours)))] for colours in (_SKINS, _HAIRS, _TROUSERS)
    )
    return _Walker(
        number,
        number % 2 == 0,
        rng.uniform(0.0, 1.0),
        rng.uniform(-0.06, 0.06),
        rng.uniform(0.8, 1.15),
        number * _ENTRY_S + rng.uniform(0.2, 0.5),
        skin,
        hair,
        _TOPS[number % len(_TOPS)],  # in turn, so that people can be told apart
        trousers,
    )


def _square(setting: s.Setting) -> Pixels:
    """The empty square: lawn, kerb, and slabs that grow towards the viewer."""
    wide, high = setting.width, setting.height
    picture = s.texture(setting, (168, 178, 184), 3.0, max(4, high // 20))
    horizon = round(0.28 * high)
    picture[:horizon] = s.texture(setting, (70, 128, 98), 7.0, max(3, high // 60))[:horizon]
    joint = (150, 160, 166)
    for n in range(9):
        y = horizon + (high - horizon) * (n / 8) ** 1.8
        s.line(picture, (0, y), (wide, y), joint, 1 + n / 4)
    for n in range(-14, 15):
        s.line(picture, (wide / 2 + n * wide / 18, horizon), (wide / 2 + n * wide / 6, high), joint, 1.5)
    s.line(picture, (0, horizon), (wide, horizon), (196, 202, 206), max(2.0, high / 90))
    light = np.linspace(0.86, 1.04, high, dtype=np.float32)[:, None, None]
    return np.asarray(np.clip(picture * light, 0, 255), np.uint8)


def _draw_shadows(picture: Pixels, figures: list[_Figure]) -> None:
    """Soft dark patches at the feet, blended where they are only."""
    for f in figures:
        x1, y1 = max(0, round(f.x - 0.3 * f.tall)), max(0, round(f.y - 0.06 * f.tall))
        x2, y2 = round(f.x + 0.3 * f.tall), round(f.y + 0.06 * f.tall)
        patch = picture[y1:y2, x1 : max(x1, x2)]
        if patch.size:
            shade = patch.copy()
            centre = (round(f.x) - x1, round(f.y) - y1)
            axes = (round(0.24 * f.tall), max(1, round(0.04 * f.tall)))
            cv2.ellipse(shade, centre, axes, 0, 0, 360, (90, 96, 100), cv2.FILLED, cv2.LINE_AA)
            cv2.addWeighted(shade, 0.45, patch, 0.55, 0, dst=patch)


def _draw(picture: Pixels, f: _Figure) -> None:
    """Far arm and leg, near leg, body, head, near arm."""
    w, tall, swing = f.walker, f.tall, math.sin(f.phase)
    ahead = 1.0 if w.rightwards else -1.0
    bob = f.y - 0.012 * tall * abs(math.cos(f.phase))

    def at(right: float, up: float) -> s.Point:
        return f.x + ahead * right * tall, bob - up * tall

    dark = (int(w.top[0] * 0.7), int(w.top[1] * 0.7), int(w.top[2] * 0.7))
    s.line(picture, at(0, 0.76), at(0.13 * swing, 0.5), dark, 0.07 * tall)
    for leg, shade in ((-swing, 0.75), (swing, 1.0)):
        b, g, r = w.trousers
        colour = (int(b * shade), int(g * shade), int(r * shade))
        knee, foot = at(0.08 * leg + 0.03, 0.26), (f.x + ahead * 0.15 * leg * tall, f.y - 0.02 * tall)
        s.line(picture, at(0, 0.47), knee, colour, 0.115 * tall)
        s.line(picture, knee, foot, colour, 0.085 * tall)
        s.line(
            picture, foot, (foot[0] + ahead * 0.05 * tall, foot[1] + 0.01 * tall), (34, 34, 38), 0.06 * tall
        )
    s.line(picture, at(0, 0.52), at(0.01, 0.74), w.top, 0.22 * tall)
    s.line(picture, at(0.01, 0.8), at(0.015, 0.86), w.skin, 0.07 * tall)
    s.disc(picture, at(0.0, 0.925), 0.075 * tall, w.hair)
    s.disc(picture, at(0.025, 0.905), 0.062 * tall, w.skin)
    s.line(picture, at(0, 0.76), at(-0.13 * swing, 0.5), dark, 0.065 * tall)
    s.disc(picture, at(-0.13 * swing, 0.48), 0.035 * tall, w.skin)
