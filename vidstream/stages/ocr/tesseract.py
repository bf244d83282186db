"""Reading text with Tesseract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

import cv2
import numpy as np

from vidstream.errors import MissingDependency, ParamError, did_you_mean
from vidstream.geometry import intersection
from vidstream.graph.stage import stage
from vidstream.stages.ocr.base import OcrStage
from vidstream.stages.ocr.memory import NOTHING, Reading, texts
from vidstream.stages.ocr.program import Level, Tesseract, TextPiece, pieces
from vidstream.types import Boxes, Pixels, StreamInfo, Texts, View
from vidstream.types.values import Box, Positive, Range, Ratio, Seconds

#: Tesseract's page segmentation modes that read text (0 to 2 only look at the layout)
PageMode: TypeAlias = Annotated[int, Range(3, 13)]

#: boxes with a side below this many pixels hold no letter
_LEAST_SIDE = 4


@dataclass(frozen=True, slots=True)
class TesseractParams:
    """Options of ocr.tesseract."""

    languages: tuple[str, ...] = ("eng",)  #: languages to expect, best first (eng, deu, chi_sim ...)
    level: Level = "line"  #: what one text is: a word, a line, or a block (its lines with newlines between)
    min_confidence: Ratio = 0.5  #: words that Tesseract is less sure of are left out
    regions: Mapping[str, Box] = field(default_factory=dict)  #: read only here, whatever objects there are
    psm: Literal["auto"] | PageMode = "auto"  #: Tesseract's page mode; auto: 6 (a block) in boxes, else 3
    whitelist: str | None = None  #: the only characters there are, such as "0123456789"
    min_height: Positive = 128  #: boxes and regions lower than this many pixels are enlarged to it
    reread: Seconds = 1.0  #: how long to wait before a track is read again; in between it keeps its text


@dataclass(frozen=True, slots=True, eq=False)
class _Area:
    """What to read: gray pixels, the scale they were enlarged by, and their place in the view."""

    pixels: Pixels
    scale: float = 1.0
    x: int = 0
    y: int = 0


@stage("ocr.tesseract", heavy=True)
class OcrTesseract(OcrStage):
    """Read text with Tesseract: in objects, in fixed regions, or in the whole picture.

    Where `regions` are given it reads them; else the boxes of an earlier stage, where one gives any; else
    the whole picture. It wants upright, printed text: a text detector before it helps in street scenes.

    Tracks are read again every `reread` seconds and keep the reading with the most and surest characters;
    their texts move along with their boxes. Anything else is read on every frame: thin the stage with
    `max_fps` where that is too often (a page takes 0.2 to 1 s, a first small box 80 ms, each further 10).

    Example::

        graph:
          read: {use: ocr.tesseract, regions: {clock: [0.0, 0.0, 0.5, 0.1]}, whitelist: "0123456789:"}
    """

    Params = TesseractParams
    params: TesseractParams

    @classmethod
    def check(cls, params: TesseractParams) -> Iterable[ParamError]:
        """The program, and the data of every language."""
        try:
            known = Tesseract.find().languages()
        except MissingDependency as missing:
            yield ParamError(missing.what, fix=missing.fix)
            return
        for i, language in enumerate(params.languages):
            if language.islower() and language not in known:  # others (Latin, Fraktur) are not listed
                hint = did_you_mean(language, known) or f"installed are {', '.join(known)}"
                yield ParamError(f"no data for language '{language}'", path=("languages", i), fix=hint)

    def open(self, stream: StreamInfo) -> None:
        """Find the program."""
        self._program = Tesseract.find()
        super().open(stream)

    def _read_boxes(self, image: View, boxes: Boxes) -> list[Reading]:
        """One reading per source box; an empty one where the box is too small or outside."""
        areas = [self._cut(image, box) for box in image.boxes_from_source(boxes)]
        found = iter(self._recognise([area for area in areas if area is not None], 6))
        return [NOTHING if area is None else _placed(image, area, next(found)) for area in areas]

    def _read_page(self, image: View) -> Texts:
        """The whole picture, once as it is and once inverted.

        Tesseract reads the letters of a line in either, but finds lines of light letters on dark signs
        mostly in the inverted picture, and those of printed pages in the picture itself (28 against 64
        words). Sauvola's threshold suits both better than Otsu's (10 of 10 words on signs, not 8).
        """
        whole = _Area(image.gray())
        inverted = _Area(~image.gray())
        found = self._recognise([whole, inverted], 3, "-c", "thresholding_method=2")
        both = [piece for page in found for piece in page]
        return texts([(_placed(image, whole, _without_doubles(both)), -1)])

    def _recognise(self, areas: Sequence[_Area], psm: int, *options: str) -> list[list[TextPiece]]:
        if not areas:
            return []
        mode = psm if self.params.psm == "auto" else self.params.psm
        options = ("--psm", str(mode), *options)
        if self.params.whitelist is not None:
            options = (*options, "-c", f"tessedit_char_whitelist={self.params.whitelist}")
        words = self._program.read([a.pixels for a in areas], options, self.params.languages)
        return [pieces(page, self.params.level, self.params.min_confidence) for page in words]

    def _cut(self, image: View, box: Boxes) -> _Area | None:
        """A box of the view, enlarged where it is low; None where nothing is left of it."""
        x1, y1 = np.maximum(np.floor(box[:2]), 0).astype(int).tolist()
        x2, y2 = np.minimum(np.ceil(box[2:]), (image.width, image.height)).astype(int).tolist()
        if min(x2 - x1, y2 - y1) < _LEAST_SIDE:
            return None
        scale = max(1.0, self.params.min_height / (y2 - y1))
        crop = cv2.resize(image.gray()[y1:y2, x1:x2], None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return _Area(np.asarray(crop, np.uint8), scale, x1, y1)


def _placed(image: View, area: _Area, found: Sequence[TextPiece]) -> Reading:
    """The pieces read in an area, with their corners in source pixels."""
    if not found:
        return NOTHING
    boxes = np.array([piece.box for piece in found]) / area.scale + (area.x, area.y, area.x, area.y)
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    return Reading(found, image.points_to_source(corners).reshape(-1, 4, 2))


def _without_doubles(found: Sequence[TextPiece]) -> list[TextPiece]:
    """Where two pieces cover each other, the one with more and surer characters; top down."""
    kept: list[TextPiece] = []
    for piece in sorted(found, key=lambda p: -p.weight):
        if not any(_cover(piece, other) for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda p: (p.box[1], p.box[0]))


def _cover(a: TextPiece, b: TextPiece) -> bool:
    """Whether they share more than half of the smaller one."""
    one, other = np.array([a.box], float), np.array([b.box], float)
    shared = intersection(one, other)
    return bool(shared > 0.5 * min(intersection(one, one), intersection(other, other)))
