"""Running numbers, and the lines and zones they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vidstream.stages.draw.labels import Floor, Pills
from vidstream.stages.draw.memory import Recent
from vidstream.stages.draw.shapes import Placed, draw_edges, draw_name, fill_zone, place
from vidstream.types import Counts, Image, Pixels, Shape


class Board:
    """Numbers and shapes stay until they are given anew: stages that count may skip frames."""

    def __init__(self) -> None:
        self.values: dict[str, Mapping[str, float]] = {}
        self._given: dict[tuple[str, str], Shape] = {}
        self._placed: dict[tuple[str, str], Placed] = {}

    def take(self, counts: Iterable[Counts], image: Image) -> None:
        """Take this frame's numbers, and place all shapes on this picture."""
        for given in counts:
            for name, numbers in given.values.items():
                self.values[name] = {**self.values.get(name, {}), **numbers}
            self._given |= {(shape.kind, shape.name): shape for shape in given.shapes}
        for key, shape in self._given.items():
            if key not in self._placed or not self._placed[key].is_of(shape, image):
                self._placed[key] = place(shape, image)

    @property
    def names(self) -> set[str]:
        """Names of the shapes shown."""
        return {name for _, name in self._given}

    def draw(self, pixels: Pixels, opacity: float, thickness: int, recent: Recent, pts: float) -> None:
        """Zones as a tint, lines and borders; lit up where something has just happened."""
        lit = {name: recent.strength(name, pts) for name in self.names}
        for placed in self._placed.values():
            fill_zone(pixels, placed, opacity, lit[placed.shape.name])
        for placed in self._placed.values():
            draw_edges(pixels, placed, thickness, lit[placed.shape.name])

    def draw_names(self, pixels: Pixels, pills: Pills, floor: Floor, gap: int) -> None:
        """The names of lines and zones."""
        for placed in self._placed.values():
            draw_name(pixels, placed, pills, floor, gap)
