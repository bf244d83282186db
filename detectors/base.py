"""What every detector is: something that finds objects in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from vidstream.types import Detections, View


class Detector(Protocol):
    """Finds objects in one picture.

    An instance may hold buffers, a network or a background model: use it from one thread at a time,
    and give each thread its own.
    """

    @property
    def names(self) -> Mapping[int, str]:
        """Class id -> class name of everything it can find."""

    def detect(self, view: View) -> Detections:
        """The objects in `view`, boxes in source pixels (N, 4), best score first."""
