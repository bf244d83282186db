"""A source's stages, made: nodes in segments, joined, ready to be opened."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from vidstream.errors import StageError, VidstreamError
from vidstream.graph.clock import Clock
from vidstream.graph.commons import Commons
from vidstream.graph.description import SOURCE_ID, RunOptions, StageEntry, Wiring
from vidstream.graph.failures import Failures
from vidstream.graph.footage import Footage
from vidstream.graph.item import Item
from vidstream.graph.node import Node, slot_index
from vidstream.graph.notices import Notices
from vidstream.graph.partition import partition
from vidstream.graph.segment import Chain, Emit, Segment, Spoiled, Workers
from vidstream.graph.shared import Owners, SharedStage
from vidstream.graph.side import SideStage
from vidstream.graph.stage import Notify, Stage
from vidstream.graph.status import StatusLog
from vidstream.types import Packet, SourceStatus, StreamInfo


@dataclass(frozen=True, slots=True)
class Context:
    """What everything made for one source shares."""

    source: str
    run: RunOptions
    live: bool
    notices: Notices
    failures: Failures
    owners: Owners
    clock: Clock
    commons: Commons
    status: StatusLog
    #: stages whose events, like those of the source (""), have been heard in an earlier pass
    heard: frozenset[str] = frozenset()

    def notifier(self, stage: str = "") -> Notify:
        """A function that notes a named event of this source and stage."""
        if stage in self.heard:
            return lambda kind, message: None
        return lambda kind, message: self.notices.add(kind, self.source, stage, message)


class Assembly:
    """The nodes and segments of one source; `emit` takes what leaves the last one."""

    def __init__(self, wiring: Wiring, context: Context, emit: Emit, footage: Footage) -> None:
        self._context = context
        self._footage = footage
        self._index = slot_index(wiring.order)
        #: a node for each of its instances that `open` was called on
        self._opened: list[Node] = []
        self.nodes = [self._node(entry, wiring) for entry in wiring.order]
        self.sides = [n.stage for n in self.nodes if isinstance(n.stage, SideStage)]
        self.segments = self._segments(emit)
        #: how long an item's list of values is
        self.slots = len(self._index) + 1

    def _node(self, entry: StageEntry, wiring: Wiring) -> Node:
        default = "pass" if entry.spec.traits.sink else self._context.run.on_error
        return Node(entry, wiring, self._index, entry.on_error or default, lambda: self._stage(entry))

    def _stage(self, entry: StageEntry) -> Stage:
        owner = self._context.owners.of(entry)
        stage = SharedStage(entry.params, owner) if owner else entry.spec.cls(entry.params)
        stage.stage_id = entry.id
        stage.source = self._context.source
        stage.out_root = Path(self._context.run.out)
        stage.notify = self._context.notifier(entry.id)
        stage.clock, stage.commons = self._context.clock, self._context.commons
        stage.footage = self._footage
        traits = entry.spec.traits
        is_side = traits.lossy or traits.main_thread
        return SideStage(stage, main_thread=traits.main_thread) if is_side else stage

    def _segments(self, emit: Emit) -> list[Segment]:
        capacity = 1 if self._context.live else self._context.run.queue
        segments: list[Segment] = []
        for number, group in enumerate(partition(self.nodes, self._context.run.threads) or [[]], start=1):
            alone = len(group) == 1 and group[0].entry.workers > 1
            make = Workers(group[0], self._context.failures, capacity) if alone else None
            segments.append(make or Chain(group, self._context.failures, capacity))
            for node in group:
                node.metrics.thread = number
        for segment, following in pairwise(segments):
            segment.emit = following.input.put
        segments[-1].emit = emit
        return segments

    def watch(self, spoiled: Spoiled, spoiled_if_heavy: Spoiled) -> None:
        """Say which frames are not worth taking, in front of light and of heavy segments."""
        for segment in self.segments:
            heavy = any(node.traits.heavy for node in segment.nodes)
            segment.spoiled = spoiled_if_heavy if heavy else spoiled

    def open(self, stream: StreamInfo, stopping: threading.Event) -> bool:
        """Open every stage, in running order; StageError names the first that cannot be.

        False where `stopping` was set before all were open: models take their time to load.
        """
        # whether frames may be dropped to keep up is the run's choice: a file may be played as a camera
        stream = replace(stream, live=self._context.live)
        for node in self.nodes:
            node.stream = stream
            for stage in self._instances(node):
                if stopping.is_set():
                    return False
                self._opened.append(node)
                try:
                    stage.open(stream)
                except VidstreamError as error:
                    raise self._cannot_open(node, str(error)) from error
                except BaseException as error:  # the graph's edge: a stage may raise anything
                    raise self._cannot_open(node, f"{type(error).__name__}: {error}") from error
        return True

    def tell(self, status: SourceStatus) -> None:
        """Tell every open stage what has become of the source."""
        for node in dict.fromkeys(self._opened):
            self._context.failures.in_lifecycle(node, "on_status", partial(node.stage.on_status, status))

    def close(self) -> None:
        """Close whatever `open` was called on; sinks on threads of their own end in any case."""
        for node, instances in Counter(self._opened).items():
            for stage in islice(self._instances(node), instances):
                self._context.failures.in_lifecycle(node, "close", stage.close)
        self._opened.clear()
        for side in self.sides:
            side.close()

    def packet(self, item: Item) -> Packet:
        """A finished item as the world sees it."""
        results: dict[str, Any] = {}
        for (stage_id, port), slot in self._index.items():
            results[f"{stage_id}.{port}"] = item.slots[slot]
        for node in self.nodes:
            values = tuple(item.slots[slot] for slot in node.outputs)
            if values:
                results[node.id] = values[0] if len(values) == 1 else values
        return Packet(item.frame, results.pop(f"{SOURCE_ID}.view"), results)

    def _instances(self, node: Node) -> Iterator[Stage]:
        yield node.stage
        for segment in self.segments:
            if node in segment.nodes:
                yield from segment.copies

    def _cannot_open(self, node: Node, why: str) -> StageError:
        what = f"stage '{node.id}' ({node.entry.spec.name}) cannot be opened: {why}"
        return StageError(what, where=f"source '{self._context.source}'")
