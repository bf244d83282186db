"""sink.jsonl: results as JSON Lines. docs/results.md describes every field."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from vidstream.errors import ParamError, SinkError
from vidstream.graph.stage import stage
from vidstream.sinks.lines import LineSink
from vidstream.sinks.plain import plain
from vidstream.sinks.rows import encode, event_row, head, label_rows, object_rows, text_rows
from vidstream.types import Counts, Detections, Events, FrameInfo, Labels, StreamInfo, Texts
from vidstream.types.values import OutputFile


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
        lines = [head("frame", frame, frame.segment) | results] if results else []
        try:
            lines += [event_row(event, frame.segment) for part in events for event in part]
        except TypeError as error:
            what = f"an event carries evidence of type {error}, which JSON cannot hold"
            raise SinkError(
                what, where=self.stage_id, fix="give numbers, texts, lists or mappings"
            ) from error
        self.write("".join(f"{encode(line)}\n" for line in lines))

    def _changed(self, counts: Iterable[Counts]) -> bool:
        """Take up the newest values; True where one is new."""
        before = self._counts
        self._counts = {place: dict(labels) for place, labels in before.items()}
        for part in counts:
            for place, labels in part.values.items():
                self._counts.setdefault(place, {}).update(plain(labels))
        return self._counts != before
