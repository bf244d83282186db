"""Coloured shapes that drift over a dark ground, bounce at its edges and cross each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from vidstream.sources.scenes import setting as s
from vidstream.types import Pixels, Tracks

NAMES: Final = {0: "circle", 1: "square", 2: "triangle"}
_COLOURS: Final[tuple[s.Colour, ...]] = (
    (80, 180, 255),
    (120, 220, 120),
    (255, 170, 90),
    (110, 110, 250),
    (230, 130, 220),
    (90, 230, 240),
)


@dataclass(frozen=True, slots=True)
class _Shape:
    number: int
    radius: float
    start: s.Point
    speed: s.Point
    spin: float

    @property
    def class_id(self) -> int:
        return self.number % 3


class Shapes:
    """The scene ``synthetic:shapes``: every object is there from the first frame to the last."""

    def __init__(self, setting: s.Setting) -> None:
        self._setting = setting
        rng = np.random.default_rng(setting.seed)
        unit = min(setting.width, setting.height)
        self._shapes = [_made(number, rng, unit) for number in range(setting.objects)]
        self._ground = s.texture(setting, (46, 38, 34), 5.0, max(4, unit // 12))

    def draw(self, time: float) -> Pixels:
        """The picture; higher numbers lie on top."""
        picture = self._ground.copy()
        for shape in self._shapes:
            colour = _COLOURS[shape.number % len(_COLOURS)]
            centre = self._centre(shape, time)
            if shape.class_id == 0:
                s.disc(picture, centre, shape.radius, colour)
            else:
                s.polygon(picture, _corners(shape, centre, time), colour)
        return picture

    def truth(self, time: float) -> Tracks:
        """Boxes of whole shapes, also where another lies on top."""
        seen = []
        for shape in self._shapes:
            x, y = centre = self._centre(shape, time)
            box = (x - shape.radius, y - shape.radius, x + shape.radius, y + shape.radius)
            if shape.class_id != 0:
                xs, ys = zip(*_corners(shape, centre, time), strict=True)
                box = (min(xs), min(ys), max(xs), max(ys))
            seen.append(s.Seen(shape.number + 1, shape.class_id, box))
        return s.tracks_of(seen, self._setting, NAMES)

    def _centre(self, shape: _Shape, time: float) -> s.Point:
        spans = (self._setting.width - 2 * shape.radius, self._setting.height - 2 * shape.radius)
        x, y = (
            shape.radius + _bounce(start * span + speed * time, span)
            for start, speed, span in zip(shape.start, shape.speed, spans, strict=True)
        )
        return x, y


def _made(number: int, rng: np.random.Generator, unit: int) -> _Shape:
    angle = rng.uniform(0, 2 * math.pi)
    pace = unit * rng.uniform(0.18, 0.35)
    return _Shape(
        number,
        unit * rng.uniform(0.05, 0.09),
        (rng.uniform(), rng.uniform()),
        (pace * math.cos(angle), pace * math.sin(angle)),
        rng.uniform(-1.0, 1.0),
    )


def _bounce(way: float, span: float) -> float:
    """Where something is that runs to and fro between 0 and `span`."""
    if span <= 0:
        return 0.0
    phase = way % (2 * span)
    return phase if phase <= span else 2 * span - phase


def _corners(shape: _Shape, centre: s.Point, time: float) -> list[s.Point]:
    count = 4 if shape.class_id == 1 else 3
    turns = [shape.spin * time + 2 * math.pi * n / count for n in range(count)]
    return [(centre[0] + shape.radius * math.cos(a), centre[1] + shape.radius * math.sin(a)) for a in turns]
