"""Reading text with neural networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detectors.text.finder import FinderParams, TextFinder
from detectors.text.models import find_text_model
from detectors.text.quads import polygons_of
from detectors.text.reader import ReaderParams, TextReader
from vidstream import geometry
from vidstream.errors import ParamError
from vidstream.graph.stage import stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.stages.ocr.base import OcrStage
from vidstream.stages.ocr.memory import NOTHING, Reading, texts
from vidstream.stages.ocr.program import TextPiece
from vidstream.types import Boxes, Detections, StreamInfo, Texts, View
from vidstream.types.values import Box, ModelName, Ratio, Seconds

#: boxes with a side below this many pixels hold no letter
_LEAST_SIDE = 4


@dataclass(frozen=True)
class NetworkOcrParams(ReaderParams):
    """Options of ocr.network."""

    finder: ModelName | None = FinderParams.model  #: network that finds lines in boxes, regions and pictures
    min_confidence: Ratio = 0.5  #: lines that the network is less sure of are left out
    regions: Mapping[str, Box] = field(default_factory=dict)  #: read only here, whatever objects there are
    reread: Seconds = 1.0  #: how long to wait before a track is read again; in between it keeps its text

    def find_params(self) -> FinderParams | None:
        """Options of the network that finds lines; None where boxes and regions are lines themselves."""
        if self.finder is None:
            return None
        return FinderParams(model=self.finder, device=self.device, engine=self.engine)


@stage("ocr.network", heavy=True)
class OcrNetwork(OcrStage):
    """Read text with neural networks: in objects, in fixed regions, or in the whole picture.

    Where `regions` are given it reads them; else the objects of an earlier stage, where one gives any; else
    the whole picture. What `detect.text` has found is read line by line; in any other box, and in regions,
    `finder` looks for the lines first, unless it is null: then each box is one line.

    Tracks are read again every `reread` seconds and keep the reading with the most and surest characters;
    their texts move along with their boxes.

    Example::

        graph:
          read: {use: ocr.network, regions: {clock: [0.0, 0.0, 0.5, 0.2]}, max_fps: 2}
    """

    Params = NetworkOcrParams
    params: NetworkOcrParams

    @classmethod
    def check(cls, params: NetworkOcrParams) -> Iterable[ParamError]:
        """The models' files and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: find_text_model(params, "text-read"))
        if (finder := params.find_params()) is not None:
            yield from problems_of("finder", lambda: find_text_model(finder, "text-detect"))

    def open(self, stream: StreamInfo) -> None:
        """Load the networks, and say what they run on where that was not asked for."""
        wanted = self.params.find_params()
        self._reader = TextReader(self.params)
        self._finder = None if wanted is None else TextFinder(wanted)
        both = (*self._reader.remarks, *(self._finder.remarks if self._finder else ()))
        for remark in dict.fromkeys(both):
            self.notify(remark.kind, remark.text)
        super().open(stream)

    def _read_rows(self, image: View, objects: Detections, rows: Sequence[int]) -> list[Reading]:
        """Lines that a text detector has found are read as they are."""
        if "polygon" not in objects.extra:
            return super()._read_rows(image, objects, rows)
        polygons = polygons_of(objects)
        return [self._read_line(image, polygons[row]) for row in rows]

    def _read_boxes(self, image: View, boxes: Boxes) -> list[Reading]:
        return [self._read_box(image, box) for box in boxes]

    def _read_page(self, image: View) -> Texts:
        return texts([(self._read_lines(image, image), -1)])

    def _read_box(self, image: View, box: Boxes) -> Reading:
        """The lines in a source box; nothing where it is too small or outside."""
        inside = geometry.clip(image.boxes_from_source(box[None]), image.width, image.height)[0]
        x1, y1 = np.floor(inside[:2]).astype(int).tolist()
        x2, y2 = np.ceil(inside[2:]).astype(int).tolist()
        if min(x2 - x1, y2 - y1) < _LEAST_SIDE:
            return NOTHING
        part = image.derive(image.pixels[y1:y2, x1:x2], geometry.scaling(1, 1, x1, y1))
        return self._read_lines(image, part)

    def _read_lines(self, image: View, part: View) -> Reading:
        """All lines that the finder sees in a part of the picture; without a finder the part is one line."""
        if self._finder is None:
            whole = np.array([[0, 0], [part.width, 0], [part.width, part.height], [0, part.height]])
            return self._read_line(image, part.points_to_source(whole))
        return self._reading(image, polygons_of(self._finder.detect(part)))

    def _read_line(self, image: View, corners: npt.NDArray[np.float32]) -> Reading:
        return self._reading(image, corners[None])

    def _reading(self, image: View, polygons: npt.NDArray[np.float32]) -> Reading:
        """What the lines within (N, 4, 2) source corners say, as far as that is sure."""
        strings, scores = self._reader.read(image, polygons)
        sure = [
            row
            for row, text in enumerate(strings)
            if scores[row] >= self.params.min_confidence and any(c.isalnum() for c in text)
        ]
        if not sure:
            return NOTHING
        found = [TextPiece(strings[i].strip(), float(scores[i]), _hull(polygons[i])) for i in sure]
        return Reading(found, polygons[sure])


def _hull(corners: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    (x1, y1), (x2, y2) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return (x1, y1, x2, y2)
