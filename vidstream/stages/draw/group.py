"""The objects of one detector or tracker, ready to be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vidstream.stages.draw.boxes import BoxStyle, Rectangle, draw_box, draw_dashed
from vidstream.stages.draw.keypoints import draw_keypoints
from vidstream.stages.draw.labels import Label
from vidstream.stages.draw.memory import GRACE
from vidstream.stages.draw.palette import Bgr, name_colour, track_colour
from vidstream.stages.draw.template import Template
from vidstream.stages.draw.tint import tint_objects
from vidstream.stages.draw.turned import Corners, draw_turned, turned_corners
from vidstream.types import Detections, Image, Pixels, Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Objects on the picture, farthest (highest up) first, with box, colour and standing of each."""

    detections: Detections
    boxes: list[Rectangle]
    colours: list[Bgr]
    #: not detected for a while, only predicted
    faint: list[bool]
    #: the corners of those that are turned
    turned: list[Corners | None]

    @classmethod
    def of(cls, detections: Detections, image: Image, hide: tuple[str, ...], hold: float) -> Group:
        """Those whose box touches the picture and whose class is not hidden.

        Tracks that no detection has confirmed for longer than `hold` seconds count as predicted; before
        that the detector may just not have run.
        """
        if not detections:
            return cls(detections, [], [], [], [])
        placed = np.nan_to_num(image.boxes_from_source(detections.boxes), nan=-4000)
        boxes = np.rint(np.clip(placed, -4000, 20000)).astype(np.int64)
        shown = (boxes[:, :2] < (image.width, image.height)).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
        visible = [detections.name_of(row) not in hide for row in range(len(detections))]
        order = np.flatnonzero(shown & np.array(visible))
        order = order[np.argsort(boxes[order, 3], kind="stable")]
        kept = detections[order]
        since = kept.extra.get("since_update") if isinstance(kept, Tracks) else None
        faint = np.zeros(len(kept), bool) if since is None else since > hold + GRACE
        names = {int(c): kept.names.get(int(c), str(c)) for c in np.unique(kept.class_ids)}
        ids = zip(kept.track_ids.tolist(), kept.class_ids.tolist(), strict=True)
        colours = [track_colour(t) if t >= 0 else name_colour(names[c]) for t, c in ids]
        rectangles = [(x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)) for x1, y1, x2, y2 in boxes[order].tolist()]
        return cls(kept, rectangles, colours, faint.tolist(), turned_corners(kept, image))

    def __len__(self) -> int:
        return len(self.boxes)

    def draw(self, pixels: Pixels, image: Image, style: BoxStyle, thickness: int) -> None:
        """The boxes; dashed where only predicted."""
        rows = zip(self.boxes, self.turned, self.colours, self.faint, strict=True)
        for box, corners, colour, faint in rows:
            if corners is not None:
                draw_turned(pixels, corners, colour, 1 if faint else thickness, style)
            elif faint and style != "none":
                draw_dashed(pixels, box, colour, (thickness + 1) // 2)
            else:
                draw_box(pixels, box, colour, thickness, style)

    def draw_masks(self, pixels: Pixels, image: Image, opacity: float) -> None:
        """The objects' own masks, where they have any."""
        if self.detections.masks:
            tint_objects(pixels, image, self.detections.masks, self.colours, opacity)

    def draw_keypoints(self, pixels: Pixels, image: Image, thickness: int) -> None:
        """Skeletons and dots, where they have any."""
        if self.detections.keypoints is not None:
            for points, colour in zip(self.detections.keypoints, self.colours, strict=True):
                draw_keypoints(pixels, image, points, colour, thickness)

    def labels(self, followed: Template, found: Template) -> Iterator[Label]:
        """What each object's label says; `followed` is for those with an id."""
        ids = self.detections.track_ids.tolist()
        for row, box in enumerate(self.boxes):
            text = (followed if ids[row] >= 0 else found).text(self.detections, row)
            if text:
                yield Label(box, text, self.colours[row], self.faint[row])
