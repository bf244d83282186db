"""Sizes that follow the picture's, so that a thumbnail and a 4K frame are drawn alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vidstream.stages.draw.cards import Cards
from vidstream.stages.draw.fonts import Typeface
from vidstream.stages.draw.labels import Floor, Pills


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that depends on the size of the picture."""

    width: int
    height: int
    thickness: int
    gap: int
    face: Typeface
    pills: Pills
    cards: Cards

    @classmethod
    def of(
        cls, width: int, height: int, thickness: int | None, font_size: int | None, font: Path | None
    ) -> Look:
        """For a picture of this size; None takes what suits its shorter side."""
        short = min(width, height)
        stroke = thickness or max(1, round(short / 270))
        face = Typeface(font_size or max(9, round(3 + short / 60)), font)
        return cls(width, height, stroke, stroke, face, Pills(face, width), Cards(face))

    def floor(self) -> Floor:
        """An empty plan of what lies where."""
        return Floor(self.width, self.height, max(4, self.face.height // 3))
