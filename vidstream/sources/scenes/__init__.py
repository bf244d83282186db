"""Drawn scenes whose truth is known: pure functions of their settings and the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vidstream.sources.scenes.people import People
from vidstream.sources.scenes.setting import Setting
from vidstream.sources.scenes.shapes import Shapes
from vidstream.sources.scenes.words import Words
from vidstream.types import Pixels, Tracks


class Scene(Protocol):
    """What a scene can tell at any time, in seconds from its start."""

    def draw(self, time: float) -> Pixels:
        """The picture, uint8 (H, W, 3) BGR."""

    def truth(self, time: float) -> Tracks:
        """What is to be seen: boxes clipped to the picture, classes, and ids that keep their meaning."""


#: name -> what makes the scene
SCENES: dict[str, Callable[[Setting], Scene]] = {"shapes": Shapes, "people": People, "text": Words}

__all__ = ["SCENES", "People", "Scene", "Setting", "Shapes", "Words"]
