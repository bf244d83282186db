"""Labels: coloured pills with readable text, inside the picture, beside each other where possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from vidstream.stages.draw.boxes import Rectangle
from vidstream.stages.draw.fonts import Typeface
from vidstream.stages.draw.palette import INK, Bgr, text_on
from vidstream.stages.draw.patches import Patch, card
from vidstream.types import Pixels

#: pills let a little of the picture through; objects not seen on this frame have theirs in reverse, on dark
_OPACITY, _FAINT = 0.93, 0.72


@dataclass(frozen=True, slots=True)
class Label:
    """A text for a box; `faint` where the object is only predicted."""

    box: Rectangle
    text: str
    colour: Bgr
    faint: bool = False


class Pills:
    """Rendered labels of one text size, kept for the next frame."""

    def __init__(self, face: Typeface, max_width: int) -> None:
        self.face = face
        self.max_width = max_width
        self.pad = round(0.42 * face.size)
        # ids go up for ever: more than fit a busy picture twice over would only fill the memory
        self.pill = lru_cache(maxsize=192)(self._pill)

    @property
    def height(self) -> int:
        """Height of every pill."""
        return self.face.height + 2 * round(0.06 * self.face.size)

    def _pill(self, text: str, colour: Bgr, faint: bool = False) -> Patch:
        text = self._shortened(text)
        strip = self.face.line(text)
        plate, ink, opacity = (INK, colour, _FAINT) if faint else (colour, text_on(colour), _OPACITY)
        inks = [(strip, self.pad, (self.height - self.face.height) // 2, ink)]
        width, radius = strip.shape[1] + 2 * self.pad, round(0.3 * self.face.size)
        return card(width, self.height, plate, inks, opacity=opacity, radius=radius)

    def _shortened(self, text: str) -> str:
        """As much of `text` as fits the picture's width."""
        while len(text) > 1 and self.face.width(text) + 2 * self.pad > self.max_width:
            text = text.removesuffix("...")[:-1].rstrip() + "..."
        return text


class Floor:
    """Which parts of the picture are taken by labels and cards, in cells of a few pixels."""

    def __init__(self, width: int, height: int, cell: int) -> None:
        self.width, self.height, self.cell = width, height, cell
        self._taken = np.zeros((height // cell + 1, width // cell + 1), np.uint8)

    def take(self, x: int, y: int, width: int, height: int) -> None:
        """Mark a rectangle as taken."""
        self._cells(x, y, width, height)[:] = 1

    def settle(self, places: Iterable[tuple[int, int]], width: int, height: int) -> tuple[int, int, bool]:
        """Take the first free of these places (top left), moved into the picture.

        Where all are taken it is the first one, and the last value is False.
        """
        first: tuple[int, int] | None = None
        for place in places:
            # what is larger than the picture starts at its edge
            x = max(0, min(place[0], self.width - width))
            y = max(0, min(place[1], self.height - height))
            first = first or (x, y)
            cells = self._cells(x, y, width, height)
            if cv2.countNonZero(cells) == 0:
                cells[:] = 1
                return x, y, True
        return *(first or (0, 0)), False

    def _cells(self, x: int, y: int, width: int, height: int) -> Pixels:
        left, top = max(x, 0) // self.cell, max(y, 0) // self.cell
        right, bottom = (x + width - 1) // self.cell, (y + height - 1) // self.cell
        return self._taken[top : bottom + 1, left : right + 1]


def draw_labels(pixels: Pixels, labels: Iterable[Label], pills: Pills, floor: Floor, gap: int) -> None:
    """Lay all labels; nearer objects (lower in the picture) choose first, crowded-out ones go beneath."""
    settled: list[tuple[Patch, int, int]] = []
    crowded: list[tuple[Patch, int, int]] = []
    for label in sorted(labels, key=lambda item: -item.box[3]):
        patch = pills.pill(label.text, label.colour, label.faint)
        places = _around(label.box, patch.width, patch.height, gap)
        x, y, free = floor.settle(places, patch.width, patch.height)
        (settled if free else crowded).append((patch, x, y))
    for patch, x, y in (*reversed(crowded), *settled):
        patch.over(pixels, x, y)


def _around(box: Rectangle, width: int, height: int, gap: int) -> tuple[tuple[int, int], ...]:
    """Places for a label, best first: above, below, inside, beside, a row farther off."""
    x1, y1, x2, y2 = box
    above = y1 - height - gap
    return (
        (x1, above),
        (x2 - width, above),
        (x1, y2 + gap),
        (x1 + gap, y1 + gap),
        (x2 + gap, y1),
        (x1 - width - gap, y1),
        (x1, above - height - gap),
        (x1, y2 + height + 2 * gap),
        (x1 + gap, y2 - height - gap),
    )
