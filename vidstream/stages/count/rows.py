"""What counting looks at: one point per object, of the classes asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from vidstream.geometry import centres, feet
from vidstream.graph.stage import Notify
from vidstream.stages.unknown import report_unknown
from vidstream.types import Detections, FrameInfo

#: the point of a box that counts as the object's place
Anchor: TypeAlias = Literal["feet", "centre", "top"]

#: time stamps are rounded, so that five frames at 25 a second may be 0.1999 s
GRACE = 5e-4


def anchors(boxes: npt.NDArray[np.float32], anchor: Anchor) -> npt.NDArray[np.float32]:
    """(N, 2) places of N boxes."""
    if anchor == "centre":
        return np.asarray(centres(boxes), np.float32)
    points = np.asarray(feet(boxes), np.float32)
    if anchor == "top":
        points[:, 1] = boxes[:, 1]
    return points


@dataclass(frozen=True, slots=True)
class Row:
    """One object on one frame."""

    track_id: int
    class_name: str
    box: tuple[float, float, float, float]


class Chooser:
    """Picks the objects to count; a class that nothing finds is named once."""

    def __init__(self, classes: tuple[str, ...], anchor: Anchor, notify: Notify) -> None:
        self.classes, self.anchor = classes, anchor
        self._notify = notify
        self._checked = not classes

    def choose(self, objects: Detections, frame: FrameInfo) -> tuple[list[Row], npt.NDArray[np.float32]]:
        """The rows of these classes, and their (N, 2) places in source pixels.

        Whoever is cut off by the picture's edge stands on it, but zones end there: places are just inside.
        """
        self._check(objects)
        if self.classes:
            wanted = [k for k, name in objects.names.items() if name in self.classes]
            objects = objects[np.isin(objects.class_ids, wanted)]
        rows = [Row(t, name, (b[0], b[1], b[2], b[3])) for b, _, name, t in objects.rows()]
        return rows, np.clip(anchors(objects.boxes, self.anchor), 0, (frame.width - 0.5, frame.height - 0.5))

    def _check(self, objects: Detections) -> None:
        if self._checked or not objects.names:
            return
        self._checked = True
        report_unknown(self.classes, objects, self._notify)
