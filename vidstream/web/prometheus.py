"""Figures in the text format of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from vidstream.graph.lane import Lane
from vidstream.graph.metrics import Histogram
from vidstream.types import SourceState
from vidstream.web import process
from vidstream.web.state import reconnects
from vidstream.web.watcher import Watcher

KIND: Final = "text/plain; version=0.0.4; charset=utf-8"
_QUANTILES: Final = (0.5, 0.95)
_STATES: Final[tuple[str, ...]] = get_args(SourceState)

Labels = Mapping[str, Any]


@dataclass(slots=True)
class Family:
    """One metric with all its samples."""

    name: str
    kind: Literal["counter", "gauge", "summary"]
    meaning: str
    lines: list[str] = field(default_factory=list)

    def add(self, value: float | None, labels: Labels | None = None, suffix: str = "") -> None:
        """A sample; None is none."""
        if value is not None:
            inside = ",".join(f'{key}="{_escaped(str(text))}"' for key, text in (labels or {}).items())
            self.lines.append(
                f"{self.name}{suffix}{{{inside}}} {_number(value)}"
                if inside
                else f"{self.name}{suffix} {_number(value)}"
            )

    def add_summary(self, histogram: Histogram, labels: Labels) -> None:
        """Quantiles, sum and count of durations."""
        for quantile in _QUANTILES:
            self.add(histogram.quantile(quantile), {**labels, "quantile": quantile})
        self.add(histogram.total, labels, "_sum")
        self.add(histogram.count, labels, "_count")

    def __str__(self) -> str:
        meaning = self.meaning.replace("\\", r"\\").replace("\n", r"\n")
        return "\n".join(
            [f"# HELP {self.name} {meaning}", f"# TYPE {self.name} {self.kind}", *self.lines, ""]
        )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")
    return repr(value) if isinstance(value, int) else f"{value:.9g}"


def render(watcher: Watcher) -> str:
    """All families that have samples."""
    families = [*_frames(watcher), *_states(watcher), *_stages(watcher), *_findings(watcher), *_page(watcher)]
    return "".join(str(family) for family in families if family.lines)


def _frames(watcher: Watcher) -> Iterator[Family]:
    decoded = Family("vidstream_frames_decoded_total", "counter", "Frames that came out of the decoder.")
    done = Family("vidstream_frames_done_total", "counter", "Frames that went through the whole graph.")
    dropped = Family("vidstream_frames_dropped_total", "counter", "Frames left out, by place and reason.")
    failed = Family("vidstream_frames_failed_total", "counter", "Frames that a stage failed on.")
    for lane in watcher.lanes():
        book, source = lane.passages[-1].ledger.to_json(), {"source": lane.name}
        decoded.add(book["decoded"], source)
        done.add(book["done"], source)
        for row in book["dropped"]:
            dropped.add(row["frames"], {**source, "place": row["place"], "reason": row["reason"]})
        for row in book["failed"]:
            failed.add(row["frames"], {**source, "stage": row["stage"]})
    yield from (decoded, done, dropped, failed)


def _states(watcher: Watcher) -> Iterator[Family]:
    now = Family("vidstream_source_state", "gauge", "1 for the state that a source is in, 0 for the others.")
    times = Family("vidstream_source_states_total", "counter", "How often a source came into a state.")
    back = Family("vidstream_source_reconnects_total", "counter", "How often a source came back.")
    last = Family("vidstream_last_frame_seconds", "gauge", "Seconds since the newest frame arrived.")
    picture = Family(
        "vidstream_last_good_frame_seconds", "gauge", "Seconds since a frame that was finished arrived."
    )
    age = Family("vidstream_frame_age_seconds", "summary", "From a frame's arrival to its end, live only.")
    for lane in watcher.lanes():
        kept, source = lane.status.to_json(), {"source": lane.name}
        for state in _STATES:
            now.add(int(state == kept["state"]), {**source, "state": state})
        for state, count in kept["times"].items():
            times.add(count, {**source, "state": state})
        back.add(reconnects(kept["times"]), source)
        last.add(kept["last_frame_s"], source)
        good = watcher.good.get(lane.name)
        picture.add(None if good is None else watcher.clock.monotonic() - good, source)
        if lane.age.count:
            age.add_summary(lane.age, source)
    yield from (now, times, back, last, picture, age)


def _stages(watcher: Watcher) -> Iterator[Family]:
    seconds = Family("vidstream_stage_seconds", "summary", "How long a stage works on a frame.")
    failures = Family("vidstream_stage_failures_total", "counter", "How often a stage failed.")
    depth = Family("vidstream_queue_depth", "gauge", "Frames that wait in front of a stage.")
    peak = Family("vidstream_queue_peak", "gauge", "Most frames that ever waited in front of a stage.")
    for lane in watcher.lanes():
        _add_stages(lane, seconds, failures, depth, peak)
    yield from (seconds, failures, depth, peak)


def _add_stages(lane: Lane, seconds: Family, failures: Family, depth: Family, peak: Family) -> None:
    for node in lane.assembly.nodes:
        labels = {"source": lane.name, "stage": node.id, "use": node.metrics.use}
        seconds.add_summary(node.metrics.time, labels)
        failures.add(node.metrics.failures, labels)
    for segment in lane.assembly.segments:
        if segment.nodes:
            labels = {"source": lane.name, "stage": segment.nodes[0].id}
            depth.add(len(segment.input), labels)
            peak.add(segment.input.peak, labels)


def _findings(watcher: Watcher) -> Iterator[Family]:
    counts = Family("vidstream_count", "gauge", "Running numbers of counting stages.")
    for source, stages in sorted(dict(watcher.counts).items()):
        for stage, found in sorted(dict(stages).items()):
            for place, labels in found.values.items():
                for label, value in labels.items():
                    counts.add(
                        float(value), {"source": source, "stage": stage, "place": place, "label": label}
                    )
    events = Family("vidstream_events_total", "counter", "What happened, by source and kind.")
    for (source, kind), times in sorted(dict(watcher.happenings.counts).items()):
        events.add(times, {"source": source, "kind": kind})
    notices = Family(
        "vidstream_notices_total", "counter", "What a person may need to know, by kind and place."
    )
    noted: Counter[tuple[str, str, str]] = Counter()
    for notice, times in watcher.engine.notices.counts.items():
        noted[notice.kind, notice.source, notice.stage] += times
    for (kind, source, stage), times in sorted(noted.items()):
        notices.add(times, {"kind": kind, "source": source, "stage": stage})
    yield from (counts, events, notices)


def _page(watcher: Watcher) -> Iterator[Family]:
    looks = Family("vidstream_page_looks", "gauge", "Pictures that are being looked at.")
    looks.add(watcher.studio.viewers)
    encoded = Family("vidstream_page_pictures_total", "counter", "Pictures that were encoded for the page.")
    encoded.add(watcher.studio.encoded)
    taken = process.to_json()
    memory = Family("process_resident_memory_bytes", "gauge", "Memory in use.")
    memory.add(taken["memory_bytes"])
    files = Family("process_open_fds", "gauge", "Open file descriptors.")
    files.add(taken["open_files"])
    threads = Family("process_threads", "gauge", "Threads that run Python code.")
    threads.add(taken["threads"])
    cpu = Family("process_cpu_seconds_total", "counter", "Processor time used.")
    cpu.add(taken["cpu_s"])
    started = Family("process_start_time_seconds", "gauge", "When the process began, UTC seconds.")
    started.add(taken["started"])
    yield from (looks, encoded, memory, files, threads, cpu, started)
