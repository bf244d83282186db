"""Our trackers and the references, served like the peers: ``python -m benchmarks.trackers.ours``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.trackers.peers.serve import Adapter, Frame, Info, serve
from benchmarks.trackers.references import BotSort, ByteTrack, DeepSort, OcSort, Sort
from trackers.catalogue import make as make_tracker
from vidstream.types import Detections

#: with the settings that ours have, in frames
REFERENCES: Mapping[str, Any] = {
    "sort": lambda second: Sort(max_age=second),
    "deepsort": lambda second: DeepSort(max_age=2 * second),
    "bytetrack": lambda second: ByteTrack(match=0.8, buffer=second),
    "botsort": lambda second: BotSort(buffer=second),
    "ocsort": lambda second: OcSort(max_age=second),
}


def make(key: str, settings: Mapping[str, Any], info: Info) -> Adapter:
    """`key` is ours.NAME or references.NAME."""
    package, _, name = key.partition(".")
    return _reference(name, info) if package == "references" else _ours(name, settings, info)


def _ours(name: str, settings: Mapping[str, Any], info: Info) -> Adapter:
    tracker = make_tracker(name, **settings)

    def prepare(frame: Frame) -> tuple[Detections, float, Any]:
        found = Detections.of(frame.boxes, frame.scores, frame.class_ids, features=frame.features)
        return found, (frame.number - 1) / info.fps, frame.warp

    def update(given: tuple[Detections, float, Any]) -> Any:
        return tracker.update(given[0], pts=given[1], motion=given[2])

    def rows(tracks: Any) -> Any:
        return np.column_stack([tracks.boxes, tracks.track_ids, tracks.scores, tracks.class_ids])

    return Adapter(prepare, update, rows)


def _reference(name: str, info: Info) -> Adapter:
    tracker = REFERENCES[name](round(info.fps))

    def prepare(frame: Frame) -> tuple[Any, ...]:
        features = () if name != "deepsort" else (frame.features,)
        return frame.boxes, frame.scores, *features

    def rows(found: Any) -> Any:
        table = np.array(found, float).reshape(-1, 6)
        return np.column_stack([table, np.zeros(len(table))])

    return Adapter(prepare, lambda given: tracker.update(*given), rows)


if __name__ == "__main__":
    serve(make, per_class=False)
