"""Pictures whose objects are all known: where examples and counterexamples come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from vidstream.types import Boxes, Pixels


def no_boxes() -> Boxes:
    """A picture without objects."""
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One picture with all objects in it."""

    #: uint8 (H, W, 3)
    pixels: Pixels
    #: float32 (N, 4) the objects
    boxes: Boxes = field(default_factory=no_boxes)
    #: float32 (M, 4) places that are neither object nor background
    ignored: Boxes = field(default_factory=no_boxes)
    #: False where the picture is a cut-out of an object and shows no background of use
    scanned: bool = True


class Scenes(Protocol):
    """Scenes in a fixed order, near ones alike: the neighbouring frames of a clip, the files of a folder.

    They are read as often as they are needed instead of being kept: a minute of video fills a memory.
    """

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int]) -> Iterator[Scene]:
        """The scenes of these numbers, which ascend from 0 to the length."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Scenes from picture files; `load` reads one, `annotate` knows what is on it."""

    paths: Sequence[Path]
    load: Callable[[Path], Pixels]
    annotate: Callable[[Pixels], Scene]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> Iterator[Scene]:
        """Load them one by one."""
        for index in indices:
            yield self.annotate(self.load(self.paths[index]))


def blocks(count: int, parts: int) -> list[range]:
    """`count` numbers in so many runs of neighbours, as equal as can be.

    Neighbours are alike: a fold of every k-th picture would be tested on what it was trained on.

    >>> [list(block) for block in blocks(5, 2)]
    [[0, 1], [2, 3, 4]]
    """
    edges = [round(count * part / parts) for part in range(parts + 1)]
    return [range(edges[part], edges[part + 1]) for part in range(parts)]
