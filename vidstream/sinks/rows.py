"""Results as rows of plain values, for lines, messages and databases. docs/results.md has the fields."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from vidstream.sinks.plain import DECIMALS, PIXEL_DECIMALS, SCORE_DECIMALS, column, plain, rounded, utc
from vidstream.types import Detections, Event, FrameInfo, Labels, Texts

#: goes up when a field changes its meaning or goes away; new fields may come without it
VERSION: Final = 1

#: a row as one line of JSON; raises ValueError for a number that is none
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


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


def head(kind: str, at: FrameInfo | Event, segment: int) -> dict[str, Any]:
    """What every row begins with."""
    return {
        "v": VERSION,
        "type": kind,
        "source": at.source,
        "segment": segment,
        "seq": at.seq,
        "pts": round(at.pts, DECIMALS),
        "wall": utc(at.wall),
    }


def event_row(event: Event, segment: int) -> dict[str, Any]:
    """One event. Raises TypeError naming the type of evidence that JSON cannot hold."""
    return head("event", event, segment) | {
        "kind": event.kind,
        "name": event.name,
        "id": event.track_id if event.track_id >= 0 else None,
        "class": event.class_name,
        "box": None if event.box is None else [round(float(x), PIXEL_DECIMALS) for x in event.box],
        "data": plain(event.data),
    }
