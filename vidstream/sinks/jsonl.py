"""sink.jsonl: results as JSON Lines. docs/results.md describes every field."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from vidstream.errors import ParamError, SinkError
from vidstream.graph.stage import stage
from vidstream.sinks.lines import LineSink
from vidstream.sinks.plain import DECIMALS, PIXEL_DECIMALS, SCORE_DECIMALS, column, plain, rounded, utc
from vidstream.types import Counts, Detections, Event, Events, FrameInfo, Labels, StreamInfo, Texts
from vidstream.types.values import OutputFile

#: goes up when a field changes its meaning or goes away; new fields may come without it
VERSION: Final = 1

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@stage("sink.jsonl", sink=True)
class JsonLinesSink(LineSink):
    """Write results as JSON Lines: one line per frame, and one per event.

    A frame's line holds its objects, texts and labels, and the counts where they have changed; a frame on
    which nothing of that was looked for has no line. Equal input gives equal bytes. Every line is on disk
    when the next frame comes: a kill loses none.

    ``in: cross.events`` writes the events alone; without `in`, all that earlier stages give is written.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          log: {use: sink.jsonl, path: "${source}.jsonl"}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: the file to write

    params: Params

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """There must be something to write."""
        if not wired:
            yield ParamError("has nothing to write", fix="put stages that give results before it")

    def open(self, stream: StreamInfo) -> None:
        """Make the file."""
        self._counts: dict[str, dict[str, Any]] = {}
        super().open(stream)

    def process(
        self,
        frame: FrameInfo,
        objects: Detections | None = None,
        texts: tuple[Texts, ...] = (),
        counts: tuple[Counts, ...] = (),
        events: tuple[Events, ...] = (),
        labels: tuple[Labels, ...] = (),
    ) -> None:
        """Write what there is on this frame."""
        results: dict[str, Any] = {}
        if objects is not None:
            results["objects"] = object_rows(objects)
        if texts:
            results["texts"] = [row for part in texts for row in text_rows(part)]
        if labels:
            results["labels"] = [row for part in labels for row in label_rows(part)]
        if counts and self._changed(counts):
            results["counts"] = self._counts
        lines = [_head("frame", frame, frame.segment) | results] if results else []
        try:
            lines += [_event(event, frame.segment) for part in events for event in part]
        except TypeError as error:
            what = f"an event carries evidence of type {error}, which JSON cannot hold"
            raise SinkError(
                what, where=self.stage_id, fix="give numbers, texts, lists or mappings"
            ) from error
        self.write("".join(f"{_encode(line)}\n" for line in lines))

    def _changed(self, counts: Iterable[Counts]) -> bool:
        """Take up the newest values; True where one is new."""
        before = self._counts
        self._counts = {place: dict(labels) for place, labels in before.items()}
        for part in counts:
            for place, labels in part.values.items():
                self._counts.setdefault(place, {}).update(plain(labels))
        return self._counts != before


def object_rows(objects: Detections) -> list[dict[str, Any]]:
    """One mapping per object; optional columns are there where the objects have them."""
    names = objects.names
    rows: list[dict[str, Any]] = [
        {"id": track_id if track_id >= 0 else None, "class": names.get(c, str(c)), "score": score, "box": box}
        for track_id, c, score, box in zip(
            objects.track_ids.tolist(),
            objects.class_ids.tolist(),
            rounded(objects.scores, SCORE_DECIMALS),
            rounded(objects.boxes, PIXEL_DECIMALS),
            strict=True,
        )
    ]
    for name, values in _optional(objects):
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return rows


def _optional(objects: Detections) -> Iterable[tuple[str, list[Any]]]:
    if objects.keypoints is not None:
        yield "keypoints", rounded(objects.keypoints, PIXEL_DECIMALS)
    if objects.angles is not None:
        yield "angle", rounded(objects.angles, PIXEL_DECIMALS)
    if objects.extra:
        columns = {name: column(values) for name, values in sorted(objects.extra.items())}
        yield "extra", [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def text_rows(texts: Texts) -> list[dict[str, Any]]:
    """One mapping per piece of text."""
    return [
        {"text": text, "score": score, "id": track_id if track_id >= 0 else None, "polygon": polygon}
        for text, score, track_id, polygon in zip(
            texts.strings,
            rounded(texts.scores, SCORE_DECIMALS),
            texts.track_ids.tolist(),
            rounded(texts.polygons, PIXEL_DECIMALS),
            strict=True,
        )
    ]


def label_rows(labels: Labels) -> list[dict[str, Any]]:
    """One mapping per class of the whole picture, best first."""
    names = [name for name, _ in labels.rows()]
    return [
        {"class": name, "score": score}
        for name, score in zip(names, rounded(labels.scores, SCORE_DECIMALS), strict=True)
    ]


def _head(kind: str, at: FrameInfo | Event, segment: int) -> dict[str, Any]:
    """What every line begins with."""
    return {
        "v": VERSION,
        "type": kind,
        "source": at.source,
        "segment": segment,
        "seq": at.seq,
        "pts": round(at.pts, DECIMALS),
        "wall": utc(at.wall),
    }


def _event(event: Event, segment: int) -> dict[str, Any]:
    return _head("event", event, segment) | {
        "kind": event.kind,
        "name": event.name,
        "id": event.track_id if event.track_id >= 0 else None,
        "class": event.class_name,
        "box": None if event.box is None else [round(float(x), PIXEL_DECIMALS) for x in event.box],
        "data": plain(event.data),
    }
