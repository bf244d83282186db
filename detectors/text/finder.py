"""Where text is: corners of every piece, by a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from detectors.dnn.engines.base import Remark
from detectors.dnn.sizes import SizedNetwork
from detectors.text.decode import Found, decode_db, decode_east
from detectors.text.models import TextOption, load_text_model
from detectors.text.quads import angles_of, boxes_of, reading_order
from vidstream import geometry
from vidstream.types import Detections, View
from vidstream.types.values import ModelName, Range, Ratio

#: networks of this kind halve their input five times
_STEP = 32
_DEFAULT = ModelName("ppocr-v6-det")


@dataclass(frozen=True)
class FinderParams(TextOption):
    """Which network looks for text, and how."""

    model: ModelName = _DEFAULT  #: a text detector in the catalogue, or an ONNX file (DB, EAST)
    confidence: Ratio = 0.6  #: smallest score of a piece of text
    #: longer side of the picture for the network, in pixels: more finds smaller text, and is slower
    side: Annotated[int, Range(32, 4096)] = 960
    threshold: Ratio = 0.3  #: DB: chance from which a pixel belongs to a text
    unclip: Annotated[float, Range(0.0, 5.0)] = 1.5  #: DB: how far texts reach beyond their core
    overlap: Ratio = 0.2  #: EAST: pieces that overlap more are the same


class TextFinder:
    """A text detector: picture in, pieces of text out (a line, or a word where words stand apart).

    Use it from one thread; `detect` leaves Python's lock free. ModelError: no such model, no text detector,
    a damaged file, a device that is not there.
    """

    names: Mapping[int, str] = {0: "text"}

    def __init__(self, params: FinderParams | None = None, *, models: Path | None = None) -> None:
        self.params = params or FinderParams()
        card, data = load_text_model(self.params, "text-detect", models)
        self.card = card
        self._network = SizedNetwork(card, data, engine=self.params.engine, device=self.params.device)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a user should know of how the network came to run as it does."""
        return self._network.remarks

    def detect(self, view: View) -> Detections:
        """Pieces of text in reading order: upright boxes, `angles`, and corners in ``extra["polygon"]``.

        All in source pixels; corners (N, 4, 2) run clockwise from the text's own top left.
        """
        outputs, back = self._network.run(view, *self._input_size(view))
        found = self._decode(outputs)
        flat = geometry.transform_points(found.quads.reshape(-1, 2), back)
        flat = np.clip(flat, 0, np.array([view.width, view.height], np.float32))
        quads = view.points_to_source(flat).reshape(-1, 4, 2)
        order = reading_order(quads)
        quads = quads[order]
        return Detections.of(
            boxes_of(quads) if len(quads) else np.zeros((0, 4), np.float32),
            found.scores[order],
            angles=angles_of(quads),
            extra={"polygon": quads},
            names=self.names,
        )

    def _decode(self, outputs: list[np.ndarray]) -> Found:
        params = self.params
        if self.card.family == "east":
            return decode_east(outputs, params.confidence, params.overlap)
        return decode_db(outputs, params.confidence, params.threshold, params.unclip)

    def _input_size(self, view: View) -> tuple[int, int]:
        """The picture's own shape, its longer side no more than `side`, in steps of 32 pixels."""
        scale = min(1.0, self.params.side / max(view.width, view.height))
        width, height = (max(_STEP, round(n * scale / _STEP) * _STEP) for n in (view.width, view.height))
        return width, height
