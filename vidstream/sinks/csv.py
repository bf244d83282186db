"""sink.csv: objects as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from vidstream.graph.stage import stage
from vidstream.sinks.lines import LineSink
from vidstream.sinks.plain import DECIMALS, PIXEL_DECIMALS, SCORE_DECIMALS, column, rounded, utc
from vidstream.types import Detections, FrameInfo, StreamInfo
from vidstream.types.values import OutputFile

_HEADER = ("source", "segment", "seq", "pts", "wall", "id", "class", "score", "x1", "y1", "x2", "y2")
#: what a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@stage("sink.csv", sink=True)
class CsvSink(LineSink):
    """Write objects as CSV: one row per object and frame, with a header.

    Boxes are in pixels of the source; `id` is empty where nothing is tracked. Texts that a spreadsheet
    would take for a formula get an apostrophe in front.

    Example::

        graph:
          motion: {use: detect.motion}
          table: {use: sink.csv, path: "${source}.csv"}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: the file to write
        extra: tuple[str, ...] = ()  #: further columns, such as a speed that an earlier stage measured

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Make the file and write the header."""
        super().open(stream)
        if self.is_empty:
            self.write(_table([[*_HEADER, *self.params.extra]]))

    def process(self, objects: Detections, frame: FrameInfo) -> None:
        """Write one row per object."""
        wall = utc(frame.wall) or ""
        head = (safe(frame.source), frame.segment, frame.seq, round(frame.pts, DECIMALS), wall)
        columns = [
            [i if i >= 0 else "" for i in objects.track_ids.tolist()],
            [safe(objects.names.get(c, str(c))) for c in objects.class_ids.tolist()],
            rounded(objects.scores, SCORE_DECIMALS),
            *rounded(objects.boxes.T, PIXEL_DECIMALS),
            *(self._extra(objects, name) for name in self.params.extra),
        ]
        self.write(_table([[*head, *row] for row in zip(*columns, strict=True)]))

    def _extra(self, objects: Detections, name: str) -> list[Any]:
        values = objects.extra.get(name)
        if values is None:
            return [""] * len(objects)
        return [safe(v) if isinstance(v, str) else v for v in column(values)]


def safe(text: str) -> str:
    """`text`, so that no spreadsheet runs it as a formula.

    >>> safe("=1+1"), safe("person")
    ("'=1+1", 'person')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _table(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
