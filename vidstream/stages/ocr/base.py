"""What the stages share that read text: where they read, and when they read a track again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidstream.graph.stage import Stage
from vidstream.stages.ocr.memory import NOTHING, Reading, TrackTexts, texts
from vidstream.types import Boxes, Detections, FrameInfo, Gap, StreamInfo, Texts, View


class OcrStage(Stage):
    """Reads in `regions` where there are some, else in objects where a stage gives any, else everywhere.

    Tracks are read again every `reread` seconds and keep their best reading.
    """

    #: with `regions` and `reread`
    params: Any

    def open(self, stream: StreamInfo) -> None:
        """Get ready."""
        self._tracks = TrackTexts(self.params.reread)
        self._has_objects = False

    def on_gap(self, gap: Gap) -> None:
        """Track ids mean something else now."""
        self._tracks.clear()

    def process(self, image: View, frame: FrameInfo, objects: Detections | None = None) -> Texts:
        """The texts, in the order of regions or boxes, else from the top of the page down."""
        if self.params.regions:
            boxes = [r.at(frame.width, frame.height) for r in self.params.regions.values()]
            return texts((reading, -1) for reading in self._read_boxes(image, np.array(boxes, np.float32)))
        if objects is not None:
            self._has_objects = True
            return self._read_objects(image, objects, frame.pts)
        # A detector that did not run on this frame is no reason to read the whole page.
        return Texts.empty() if self._has_objects else self._read_page(image)

    def _read_objects(self, image: View, objects: Detections, pts: float) -> Texts:
        due = [i for i in range(len(objects)) if self._tracks.due(objects, i, pts)]
        fresh = dict(zip(due, self._read_rows(image, objects, due), strict=True))
        shown = [
            (
                fresh.get(i, NOTHING)
                if track_id < 0
                else self._tracks.update(track_id, objects.boxes[i], fresh.get(i), pts)
            )
            for i, track_id in enumerate(objects.track_ids.tolist())
        ]
        self._tracks.forget(pts)
        return texts(zip(shown, objects.track_ids.tolist(), strict=True))

    def _read_rows(self, image: View, objects: Detections, rows: Sequence[int]) -> list[Reading]:
        """One reading for each of these objects."""
        return self._read_boxes(image, objects.boxes[list(rows)])

    def _read_boxes(self, image: View, boxes: Boxes) -> list[Reading]:
        """One reading per source box; an empty one where the box is too small or outside."""
        raise NotImplementedError

    def _read_page(self, image: View) -> Texts:
        """The whole picture."""
        raise NotImplementedError
