"""The engine's promises: order, ledger, gaps, gates, flush, several sources, live, stopping."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.support.toys import (
    ToyCamera,
    ToyCount,
    ToyDetect,
    ToyFrames,
    ToySink,
    ToyTrack,
    ToyWindow,
    describe,
    entry,
)
from vidstream.errors import SourceError, UsageError
from vidstream.graph.description import Description, Plan, When
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport


def chain(book: list[Any], **det: Any) -> list[Any]:
    return [
        entry("det", ToyDetect, **det),
        entry("track", ToyTrack),
        entry("count", ToyCount),
        entry("out", ToySink, book=book),
    ]


def run(stages: list[Any], sources: Any = None, **options: Any) -> RunReport:
    return Engine(describe(stages, sources, options)).run()


def frames_of(book: list[Any]) -> list[int]:
    return [b[0] for b in book if isinstance(b, tuple) and isinstance(b[0], int)]


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("threads", [1, 2, 3, 4, "auto"])
def test_results_do_not_depend_on_threads_or_workers(threads: Any, workers: int) -> None:
    book: list[Any] = []
    report = run(chain(book, delay=0.001, jitter=True, workers=workers), threads=threads)
    expected: list[Any] = [(i, 0, [i + 1], [{"n": i + 1}]) for i in range(20)]
    # the last line is what the counter flushed
    assert book == [("open", "cam"), *expected, (19, 0, [], [{"final": 20}]), "flush", "close"]
    assert report.exit_code == 0
    ledger = report.sources[0].ledger
    assert (ledger.decoded, ledger.done, ledger.balanced) == (20, 20, True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"every": 1}, list(range(12)), id="every frame"),
        pytest.param({"every": 3}, [0, 3, 6, 9], id="every third frame"),
        pytest.param({"period": 0.5}, [0, 5, 10], id="every half second of stream time"),
        pytest.param(
            {"period": 1 / 3}, [0, 4, 7, 10], id="three per second of ten: nearest frame not before"
        ),
        pytest.param({"period": 0.1}, list(range(12)), id="as fast as the stream is: rounding loses none"),
    ],
)
def test_gates_thin_a_stage(options: dict[str, Any], expected: list[int]) -> None:
    source = {"cam": (ToyFrames, {"frames": 12})}
    packets = list(Engine(describe([entry("det", ToyDetect, **options)], source)).packets())
    assert [p.seq for p in packets] == list(range(12))
    assert [p.seq for p in packets if p["det"] is not None] == expected


def test_a_tracker_is_told_that_the_detector_did_not_run() -> None:
    stages = [entry("det", ToyDetect, every=4), entry("track", ToyTrack)]
    packets = list(Engine(describe(stages, {"cam": (ToyFrames, {"frames": 8})})).packets())
    assert [len(p["track"]) for p in packets] == [1, 0, 0, 0, 1, 0, 0, 0]
    assert packets[4]["track"].track_ids.tolist() == [5]  # it ran on the frames between


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param(When("first"), [0, 4, 8], id="only where the first found something"),  # type: ignore[arg-type]
        pytest.param(When("first", at_least=2), [], id="two objects never come"),  # type: ignore[arg-type]
        pytest.param(When("first", hold=0.15), [0, 1, 4, 5, 8, 9], id="held for 150 ms"),  # type: ignore[arg-type]
    ],
)
def test_when_runs_a_stage_on_condition(when: When, expected: list[int]) -> None:
    stages = [entry("first", ToyDetect, every=4), entry("second", ToyDetect, when=when)]
    packets = list(Engine(describe(stages, {"cam": (ToyFrames, {"frames": 11})})).packets())
    assert [p.seq for p in packets if p["second"] is not None] == expected


def test_a_new_segment_reaches_every_stage_before_its_first_frame() -> None:
    stages = [entry("det", ToyDetect), entry("track", ToyTrack)]
    packets = list(Engine(describe(stages, {"cam": (ToyFrames, {"frames": 6, "segment_at": 3})})).packets())
    assert [p["track"].track_ids.tolist() for p in packets] == [[1], [2], [3], [1001], [1002], [1003]]
    assert [round(p.pts, 1) for p in packets] == [0.0, 0.1, 0.2, 0.0, 0.1, 0.2]


def test_frames_left_out_by_the_source_are_numbered_and_accounted_for() -> None:
    book: list[Any] = []
    report = run(chain(book), {"cam": (ToyFrames, {"frames": 5, "skip": 2})})
    assert frames_of(book)[:-1] == [2, 5, 8, 11, 14]
    ledger = report.sources[0].ledger
    assert (ledger.decoded, ledger.done, dict(ledger.dropped)) == (15, 5, {("source", "left out"): 10})


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        pytest.param({"frames": 7}, 7, id="frames"),
        pytest.param({"duration": 0.5}, 5, id="seconds of stream time"),
    ],
)
def test_a_run_can_be_limited(limit: dict[str, Any], count: int) -> None:
    book: list[Any] = []
    assert run(chain(book), **limit).sources[0].ledger.done == count
    assert book[-2:] == ["flush", "close"]


def test_sources_do_not_share_state_and_one_that_fails_leaves_the_others_alone() -> None:
    books: dict[str, list[Any]] = {"a": [], "b": [], "c": [], "d": []}
    sources = {
        "a": (ToyFrames, {"frames": 5}),
        "b": (ToyFrames, {"frames": 30, "fail_at": 3}),
        "c": (ToyFrames, {"fail_open": True}),
        "d": (ToyFrames, {"frames": 9}),
    }
    description = describe([], sources)
    plans = tuple(Plan(p.source, tuple(chain(books[p.source.name]))) for p in description.plans)
    report = Engine(Description(plans, description.run)).run()
    done = {s.source: s.ledger.done for s in report.sources}
    assert done == {"a": 5, "b": 3, "c": 0, "d": 9}
    assert books["a"][1] == (0, 0, [1], [{"n": 1}])
    assert books["d"][1] == (0, 0, [1], [{"n": 1}])
    assert books["b"][-2:] == ["flush", "close"]  # what was read is kept
    assert books["c"] == []  # nothing was opened, so nothing is closed
    assert {s.source: s.error for s in report.sources} == {
        "a": "",
        "b": "source 'b': the rest cannot be read",
        "c": "source 'c': cannot be opened",
        "d": "",
    }
    assert report.exit_code == 1


def test_iterating_gives_every_frame_and_raises_the_source_s_error_at_the_end() -> None:
    engine = Engine(describe([entry("det", ToyDetect)], {"cam": (ToyFrames, {"fail_at": 4})}))
    seen = []
    with pytest.raises(SourceError, match="the rest cannot be read"):
        for packet in engine.packets():
            seen.append(packet.seq)  # noqa: PERF401 - the point is what was seen before the error
    assert seen == [0, 1, 2, 3]


def test_leaving_the_loop_stops_the_run_and_closes_everything() -> None:
    book: list[Any] = []
    source = {"cam": (ToyFrames, {"frames": 100_000})}
    engine = Engine(describe(chain(book), source))
    for packet in engine.packets():
        if packet.seq == 5:
            break
    assert book[-2:] == ["flush", "close"]
    assert engine.report().stopped
    assert engine.report().sources[0].ledger.balanced


def test_live_the_newest_frame_wins_and_the_ledger_adds_up() -> None:
    book: list[Any] = []
    source = {"cam": (ToyCamera, {"frames": 60, "delay": 0.005})}
    report = run(chain(book, delay=0.02), source)
    ledger = report.sources[0].ledger
    assert ledger.decoded == 60
    assert ledger.balanced
    assert ledger.dropped["source", "newer frame"] > 10
    assert frames_of(book) == sorted(frames_of(book))
    assert report.sources[0].age_p95 < 0.2


def test_live_a_gap_survives_the_dropping_of_its_frame() -> None:
    source = {"cam": (ToyCamera, {"frames": 40, "delay": 0.002, "segment_at": 20})}
    engine = Engine(describe([entry("det", ToyDetect, delay=0.02), entry("track", ToyTrack)], source))
    ids = {p.frame.segment: p["track"].track_ids.tolist() for p in engine.packets()}
    assert ids[0][0] < 1000 < ids[1][0]


def test_live_stale_frames_give_way_before_a_heavy_stage() -> None:
    book: list[Any] = []
    slow = entry("slow", ToyDetect, delay=0.05, workers=3)
    stages = [slow, entry("slower", ToyDetect, delay=0.12), *chain(book)[3:]]
    source = {"cam": (ToyCamera, {"frames": 100, "delay": 0.005})}
    report = run(stages, source, staleness=0.1)
    ledger = report.sources[0].ledger
    assert ledger.balanced
    assert ledger.dropped["slower", "stale"] > 0
    assert ledger.done > 0  # it never starves


def test_a_recording_in_live_mode_is_paced_by_its_time_stamps() -> None:
    start = time.monotonic()
    report = run(chain([]), {"cam": (ToyFrames, {"frames": 6})}, mode="live")
    assert 0.5 <= time.monotonic() - start < 2.0
    assert report.sources[0].ledger.done == 6


def test_a_stop_interrupts_a_source_that_blocks_and_flushes_the_sinks() -> None:
    book: list[Any] = []
    engine = Engine(describe(chain(book), {"cam": (ToyCamera, {"stuck_at": 3, "delay": 0.02})}))
    threading.Timer(0.3, engine.stop).start()
    start = time.monotonic()
    report = engine.run()
    assert time.monotonic() - start < 2.0
    assert book[-2:] == ["flush", "close"]
    assert report.stopped
    assert report.sources[0].ledger.done == 3


def test_a_stop_drops_what_still_waits_after_the_drain_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstream.graph.engine.DRAIN", 0.3)
    book: list[Any] = []
    engine = Engine(describe(chain(book, delay=0.15), {"cam": (ToyFrames, {"frames": 1000})}))
    threading.Timer(0.5, engine.stop).start()
    report = engine.run()
    ledger = report.sources[0].ledger
    assert ledger.balanced
    assert ledger.dropped["det", "stopped"] > 0
    assert book[-2:] == ["flush", "close"]


def test_a_window_is_fed_from_the_main_thread_and_never_holds_the_graph_up() -> None:
    book: list[Any] = []
    source = {"cam": (ToyFrames, {"frames": 30, "delay": 0.01})}
    report = Engine(describe([entry("show", ToyWindow, book=book)], source)).run()
    assert report.sources[0].ledger.done == 30
    shown = [b for b in book if b != "close"]
    assert shown
    assert all(main for _, main in shown)
    assert book[-1] == "close"


def test_recordings_run_so_many_at_a_time() -> None:
    sources = {f"s{i}": (ToyFrames, {"frames": 5, "delay": 0.01}) for i in range(6)}
    engine = Engine(describe([entry("det", ToyDetect)], sources, {"parallel": 2}))
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, sum(1 for lane in engine.lanes if lane.started and not lane.ended))

    report = engine.run(look)
    assert most <= 2
    assert [s.ledger.done for s in report.sources] == [5] * 6


def test_a_graph_that_cannot_be_wired_is_refused_before_anything_opens() -> None:
    with pytest.raises(UsageError, match="graph.track: needs Detections, which no earlier stage gives"):
        Engine(describe([entry("track", ToyTrack)]))


def test_memory_stays_flat() -> None:
    """Ten thousand frames leave nothing behind: every item and picture dies with its frame."""
    import gc

    from vidstream.graph.item import Item

    report = run(
        [entry("det", ToyDetect), entry("track", ToyTrack)], {"cam": (ToyFrames, {"frames": 10_000})}
    )
    gc.collect()
    assert report.sources[0].ledger.done == 10_000
    assert sum(isinstance(o, Item) for o in gc.get_objects()) < 5
