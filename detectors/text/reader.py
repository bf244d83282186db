"""What a piece of text says, by a network."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from detectors.dnn.engines.base import Remark
from detectors.dnn.sizes import SizedNetwork
from detectors.text.decode import decode_ctc
from detectors.text.models import TextOption, characters_of, load_text_model
from detectors.text.quads import Quads, upright
from vidstream.types import Pixels, Scores, View
from vidstream.types.values import ModelName

#: widths that networks are opened for: each crop takes the smallest that holds it, in this many pixels
_WIDTH_STEP = 160
#: crops longer than this many times their height are squeezed
_LONGEST = 30
#: lines read this surely do not stand on their heads
_CLEAR = 0.8
_DEFAULT = ModelName("ppocr-v6-rec")


@dataclass(frozen=True)
class ReaderParams(TextOption):
    """Which network reads text."""

    model: ModelName = _DEFAULT  #: a text recogniser in the catalogue, or an ONNX file (CTC)
    turned: bool = True  #: read lines that are hard to read upside down, too, and keep what is surer


class TextReader:
    """A text recogniser: the picture of one line in, its characters out.

    Use it from one thread; `read` leaves Python's lock free. ModelError: no such model, no recogniser, a
    damaged file, no list of characters, a device that is not there.
    """

    def __init__(self, params: ReaderParams | None = None, *, models: Path | None = None) -> None:
        self.params = params or ReaderParams()
        card, data = load_text_model(self.params, "text-read", models)
        self.card = card
        self._characters = characters_of(card, data)
        self._network = SizedNetwork(card, data, engine=self.params.engine, device=self.params.device)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a user should know of how the network came to run as it does."""
        return self._network.remarks

    def read(self, view: View, polygons: Quads) -> tuple[tuple[str, ...], Scores]:
        """Strings and scores (N,) of the lines within (N, 4, 2) corners in source pixels."""
        corners = view.points_from_source(polygons.reshape(-1, 2)).reshape(-1, 4, 2)
        gray = self.card.input.colour == "gray"
        pixels = view.gray() if gray else view.bgr()
        read = [self._either_way(upright(pixels, quad)) for quad in corners]
        return tuple(text for text, _ in read), np.array([score for _, score in read], np.float32)

    def _either_way(self, crop: Pixels) -> tuple[str, float]:
        """What a line says; one that is hard to read may stand on its head."""
        found = self.read_line(crop)
        if found[1] >= _CLEAR or not self.params.turned:
            return found
        return max(found, self.read_line(np.asarray(crop[::-1, ::-1])), key=lambda read: read[1])

    def read_line(self, crop: Pixels) -> tuple[str, float]:
        """What the picture of one upright line says, and how sure that is."""
        height = self.card.input.height
        needed = ceil(height * min(crop.shape[1] / crop.shape[0], _LONGEST))
        width = ceil(needed / _WIDTH_STEP) * _WIDTH_STEP
        outputs, _ = self._network.run(View(np.ascontiguousarray(crop)), width, height)
        return decode_ctc(outputs, self._characters, int(self.card.options.get("blank", 0)))
