"""One tracker over one recording of detections, again and again: jobs come as lines of JSON, replies go so.

A job: ``{"tracker": name, "settings": {...}, "input": npz, "output": npz or null, "warm": frames not timed,
"camera": whether its motion may be used}``. The setting ``min_score`` is seen to here, for trackers that
have none.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np


@dataclass
class Frame:
    """What was detected in one frame."""

    number: int
    boxes: Any
    scores: Any
    class_ids: Any
    features: Any
    #: (2, 3) from the last frame's pixels to this one's, None where not known
    warp: Any


@dataclass
class Info:
    """About the recording."""

    fps: float
    width: int
    height: int
    #: whether frames say how the camera moved
    camera: bool


class Adapter(NamedTuple):
    """How a tracker is used: only `update` is timed."""

    prepare: Callable[[Frame], Any]
    update: Callable[[Any], Any]
    #: rows of x1, y1, x2, y2, id, score
    rows: Callable[[Any], Any]


#: name, settings, info -> a new tracker
Maker = Callable[[str, Mapping[str, Any], Info], tuple[Any, Any, Any]]


def serve(make: Maker, *, per_class: bool) -> None:
    """Answer jobs until there are none; `per_class` gives each class a tracker of its own."""
    replies = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # some packages greet
        for line in sys.stdin:
            try:
                reply = _run(make, json.loads(line), per_class)
            except Exception:  # noqa: BLE001 - whatever a peer raises is for the one who asked
                reply = {"error": traceback.format_exc()}
            replies.write(json.dumps(reply) + "\n")
            replies.flush()


def _run(make: Maker, job: Mapping[str, Any], per_class: bool) -> Mapping[str, Any]:
    data = dict(np.load(job["input"]))
    camera = job["camera"] and "warps" in data
    info = Info(float(data["fps"]), int(data["width"]), int(data["height"]), camera)
    settings = dict(job["settings"])
    _drop(data, data["scores"] >= settings.pop("min_score", 0.0))
    classes = np.unique(data["class_ids"]).tolist() if per_class else [None]
    seconds, tables = 0.0, []
    for place, class_id in enumerate(classes):
        adapter = Adapter(*make(job["tracker"], settings, info))
        given = [adapter.prepare(frame) for frame in _frames(data, class_id, camera)]
        gc.collect()
        found = [adapter.update(item) for item in given[: job["warm"]]]
        start = time.process_time()
        found += [adapter.update(item) for item in given[job["warm"] :]]
        seconds += time.process_time() - start
        tables.append(_table(adapter, found, len(classes), place, class_id))
    if job["output"]:
        _save(job["output"], np.concatenate(tables) if tables else np.zeros((0, 8)))
    return {"seconds": seconds, "frames": int(data["length"]) - job["warm"]}


def _drop(data: dict[str, Any], kept: Any) -> None:
    for name in ("frames", "boxes", "scores", "class_ids", "features"):
        if name in data:
            data[name] = data[name][kept]


def _frames(data: Mapping[str, Any], class_id: int | None, camera: bool) -> Iterator[Frame]:
    chosen = slice(None) if class_id is None else data["class_ids"] == class_id
    columns = [data[name][chosen] for name in ("frames", "boxes", "scores", "class_ids")]
    features = data["features"][chosen] if "features" in data else None
    edges = np.searchsorted(columns[0], np.arange(1, int(data["length"]) + 2))
    for number, (start, end) in enumerate(pairwise(edges.tolist()), 1):
        rows = slice(start, end)
        warp = data["warps"][number - 1] if camera else None
        looks = None if features is None else features[rows]
        boxes, scores, class_ids = (column[rows] for column in columns[1:])
        yield Frame(number, boxes, scores, class_ids, looks, warp)


def _table(adapter: Adapter, found: list[Any], step: int, place: int, class_id: int | None) -> Any:
    """Rows of frame, id, x1, y1, x2, y2, score, class; the ids of several classes do not meet."""
    parts = []
    for number, item in enumerate(found, 1):
        rows = np.asarray(adapter.rows(item), float).reshape(-1, 7 if class_id is None else 6)
        owner = rows[:, 6] if class_id is None else np.full(len(rows), class_id)
        parts.append(
            np.column_stack(
                [np.full(len(rows), number), rows[:, 4] * step + place, rows[:, :4], rows[:, 5], owner]
            )
        )
    return np.concatenate(parts) if parts else np.zeros((0, 8))


def _save(path: str, table: Any) -> None:
    table = table[np.argsort(table[:, 0], kind="stable")]
    frames, ids, class_ids = (table[:, k].astype(np.int64) for k in (0, 1, 7))
    np.savez(path, frames=frames, ids=ids, boxes=table[:, 2:6], scores=table[:, 6], class_ids=class_ids)


if __name__ == "__main__":
    serve(import_module("worker").make, per_class=True)
