"""Looking ahead: passes over a recording, what runs in which, and what every failure does to them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.toys import ToyCamera, ToyDetect, ToyFrames, ToySink, ToyTrack, ToyWindow, describe, entry
from vidstream.errors import UsageError
from vidstream.graph.description import Description, Plan, StageEntry, When
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport
from vidstream.graph.source import source
from vidstream.graph.stage import Recall, Stage, stage
from vidstream.types import (
    Detections,
    Event,
    Events,
    FrameInfo,
    Gap,
    MaskCrop,
    StreamInfo,
    Tracks,
    View,
)


@dataclass(frozen=True, slots=True)
class WiseParams:
    """What it does wrong, and who hears of what it does."""

    ahead: bool = True  #: whether to look ahead
    fail_on: tuple[int, ...] = ()  #: frames it fails on
    cannot: bool = False  #: revising fails
    slow: float = 0.0  #: seconds that revising takes


@stage("hindsight.wise")
class Wise(Stage):
    """Tells in hindsight how many frames there were; the number is the id of its only track."""

    Params = WiseParams
    params: WiseParams

    @classmethod
    def hindsight(cls, params: WiseParams) -> str:
        return "ahead" if params.ahead else ""

    def open(self, stream: StreamInfo) -> None:
        self.seen: list[int] = []
        self.boxes: dict[int, Any] = {}
        self.gaps = 0

    def on_gap(self, gap: Gap) -> None:
        self.gaps += 1

    def process(self, detections: Detections | None, frame: FrameInfo) -> Tracks:
        if frame.seq in self.params.fail_on:
            raise RuntimeError(f"bad frame {frame.seq}")
        self.seen.append(frame.seq)
        self.boxes[frame.seq] = np.zeros((1, 4)) if detections is None else detections.boxes
        return Tracks.of(self.boxes[frame.seq], track_ids=0)

    def revise(self) -> Recall:
        if self.params.cannot:
            raise RuntimeError("lost my notes")
        time.sleep(self.params.slow)
        total = len(self.seen) + 1000 * self.gaps
        known = dict(self.boxes)
        return lambda frame: Tracks.of(known[frame.seq], track_ids=total) if frame.seq in known else None


@stage("hindsight.follow")
class Follow(Wise):
    """The same, fed by tracks: adds up their ids."""

    def process(self, tracks: Tracks, frame: FrameInfo) -> Tracks:  # type: ignore[override]  # other ports
        self.seen.extend(tracks.track_ids.tolist())
        self.boxes[frame.seq] = tracks.boxes
        return tracks

    def revise(self) -> Recall:
        total = sum(self.seen)
        return lambda frame: Tracks.of(self.boxes[frame.seq], track_ids=total)


@stage("hindsight.crop")
class Crop(Stage):
    """Gives a picture, and says in public how often it was asked for one."""

    runs: ClassVar[Counter[str]] = Counter()

    def process(self, image: View, frame: FrameInfo) -> View:
        Crop.runs[frame.source] += 1
        return image.derive(image.pixels.copy())


@dataclass(frozen=True, slots=True)
class RichParams:
    """Who counts the runs."""

    runs: Any = field(default_factory=list)  #: the frames it ran on
    every_kind: bool = True  #: give all columns
    fail_on: tuple[int, ...] = ()  #: frames it fails on


@stage("hindsight.rich", heavy=True, stateless=True)
class Rich(Stage):
    """Gives every kind of column, an event per frame, and one more event at the end."""

    Params = RichParams
    params: RichParams

    def open(self, stream: StreamInfo) -> None:
        self.notify("warmed-up", "now")

    def process(self, image: View, frame: FrameInfo) -> tuple[Detections, Events]:
        self.params.runs.append(frame.seq)
        if frame.seq in self.params.fail_on:
            raise RuntimeError(f"bad frame {frame.seq}")
        return rich(frame.seq), Events((happened("seen", frame),))

    def flush(self) -> tuple[Detections | None, Events]:
        return None, Events((Event("over", "cam", -1, 0.0, None),))


def rich(seq: int) -> Detections:
    features = np.full((2, 4), 0.5, np.float32)
    return Detections.of(
        [[seq, 0, seq + 2, 4], [0, 0, 1, 1]],
        scores=[0.25, 0.5],
        class_ids=[1, 0],
        features=features,
        keypoints=np.full((2, 3, 3), seq, np.float32),
        masks=(MaskCrop(seq, 0, np.eye(3, dtype=bool)), MaskCrop(0, 0, np.zeros((1, 1), bool))),
        extra={"plate": np.array(["a", None], object), "speed": np.array([1.5, seq])},
        names={0: "car", 1: "bus"},
    )


def happened(kind: str, frame: FrameInfo) -> Event:
    return Event(kind, frame.source, frame.seq, frame.pts, frame.wall)


@stage("hindsight.log", sink=True)
class Log(Stage):
    """Writes down what it is given."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: Any = field(default_factory=list)

    params: Params

    def process(
        self,
        frame: FrameInfo,
        tracks: Tracks | None = None,
        detections: Detections | None = None,
        events: tuple[Events, ...] = (),
    ) -> None:
        ids = None if tracks is None else tracks.track_ids.tolist()
        kinds = [event.kind for part in events for event in part]
        self.params.book.append((frame.seq, ids, detections, kinds))


def both(book: list[Any], **wise: Any) -> list[Any]:
    return [entry("det", ToyDetect), entry("wise", Wise, **wise), entry("out", ToySink, book=book)]


def run(stages: list[Any], sources: Any = None, **options: Any) -> RunReport:
    return Engine(describe(stages, sources, options)).run()


def ids_of(book: list[Any]) -> list[tuple[int, list[int]]]:
    return [(b[0], b[2]) for b in book if isinstance(b, tuple) and isinstance(b[0], int)]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("threads", [1, 2, 4, "auto"])
def test_sinks_see_every_frame_once_and_what_is_known_in_hindsight(threads: Any, workers: int) -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect, delay=0.001, jitter=True, workers=workers),
        entry("wise", Wise),
        entry("out", ToySink, book=book),
    ]
    report = run(stages, threads=threads)
    assert book == [("open", "cam"), *((i, 0, [20], []) for i in range(20)), "flush", "close"]
    assert report.exit_code == 0
    assert [p.ledger.done for p in report.sources[0].passes] == [20, 20]


def test_without_the_option_there_is_one_pass() -> None:
    book: list[Any] = []
    report = run(both(book, ahead=False))
    assert ids_of(book)[:2] == [(0, [0]), (1, [0])]
    assert len(report.sources[0].passes) == 1


def test_what_only_fed_it_is_not_run_again() -> None:
    runs: list[int] = []
    book: list[Any] = []
    run([rich_entry(runs), entry("wise", Wise), entry("log", Log, book=book)])
    assert runs == list(range(20))
    assert [(seq, ids) for seq, ids, *_ in book[:20]] == [(i, [20, 20]) for i in range(20)]


def rich_entry(runs: list[int], **options: Any) -> Any:
    run_keys = {k: options.pop(k) for k in ("every", "on_error", "workers", "when") if k in options}
    return StageEntry("find", Rich.spec, RichParams(runs, **options), **run_keys)


@pytest.mark.parametrize("every", [1, 3])
def test_others_get_the_same_values_again_without_running_what_gave_them(every: int) -> None:
    books: list[list[Any]] = []
    for ahead in (False, True):
        runs: list[int] = []
        book: list[Any] = []
        stages = [
            rich_entry(runs, every=every),
            entry("wise", Wise, ahead=ahead),
            entry("log", Log, book=book, bindings={"detections": ("find",), "tracks": ("wise",)}),
        ]
        run(stages, {"cam": (ToyFrames, {"frames": 150})})
        assert runs == list(range(0, 150, every))
        books.append(book)
    for (seq, _, plain, kinds), (again, _, replayed, kinds_again) in zip(*books, strict=True):
        assert (seq, kinds) == (again, kinds_again)
        assert_same(replayed, plain)
    assert books[1][-1][3] == ["over"]


def assert_same(found: Detections | None, expected: Detections | None) -> None:
    if expected is None:
        assert found is None
        return
    assert found is not None
    for name in ("boxes", "scores", "class_ids", "track_ids", "features", "keypoints"):
        mine, other = getattr(found, name), getattr(expected, name)
        assert mine.dtype == other.dtype
        assert mine.tolist() == other.tolist()
        assert not mine.flags.writeable
    assert found.names == expected.names
    assert {k: v.tolist() for k, v in found.extra.items()} == {
        k: v.tolist() for k, v in expected.extra.items()
    }
    assert found.masks is not None
    assert expected.masks is not None
    assert [(m.x, m.y, m.pixels.tolist()) for m in found.masks] == [
        (m.x, m.y, m.pixels.tolist()) for m in expected.masks
    ]


def test_conditions_hold_on_what_is_played_back() -> None:
    book: list[Any] = []
    when = When("first", at_least=1, hold=0.15)  # type: ignore[arg-type]  # a plain id will do
    stages = [
        entry("first", ToyDetect, every=4),
        entry("wise", Wise, when=When("first")),  # type: ignore[arg-type]
        entry("second", ToyDetect, when=when, bindings={"image": ("source",)}),
        entry("log", Log, book=book, bindings={"detections": ("second",), "tracks": ("wise",)}),
    ]
    run(stages, {"cam": (ToyFrames, {"frames": 11})})
    assert [seq for seq, _, detections, _ in book if detections is not None] == [0, 1, 4, 5, 8, 9]
    assert [(seq, ids) for seq, ids, *_ in book if ids] == [(0, [3]), (4, [3]), (8, [3])]


def test_pictures_are_made_again_where_somebody_needs_them_and_only_there() -> None:
    for wanted, runs in ((False, 20), (True, 40)):
        Crop.runs.clear()
        stages = [
            entry("crop", Crop),
            entry("det", ToyDetect, bindings={"image": ("crop",)}),
            entry("wise", Wise),
            entry("look", ToyDetect, bindings={"image": ("crop" if wanted else "source",)}),
        ]
        run(stages)
        assert Crop.runs == {"cam": runs}


def test_revisions_may_build_on_revisions() -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect),
        entry("wise", Wise),
        entry("wiser", Follow),
        entry("out", ToySink, book=book),
    ]
    report = run(stages, {"cam": (ToyFrames, {"frames": 5})})
    assert ids_of(book) == [(i, [25]) for i in range(5)], "five frames whose track was called 5"
    use = [[m.use for m in p.stages] for p in report.sources[0].passes]
    assert use == [
        ["toy.detect", "hindsight.wise"],
        ["toy.detect (again)", "hindsight.wise (again)", "hindsight.follow"],
        ["toy.detect (again)", "hindsight.wise (again)", "hindsight.follow (again)", "toy.sink"],
    ]


def test_a_new_segment_is_told_in_both_passes() -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect),
        entry("wise", Wise),
        entry("track", ToyTrack),
        entry("log", Log, book=book),
    ]
    run(stages, {"cam": (ToyFrames, {"frames": 6, "segment_at": 3})})
    assert [ids for _, ids, *_ in book] == [[1], [2], [3], [1001], [1002], [1003]]


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        pytest.param({"frames": 7}, 7, id="frames"),
        pytest.param({"duration": 0.5}, 5, id="seconds of stream time"),
    ],
)
def test_limits_hold_in_both_passes(limit: dict[str, Any], count: int) -> None:
    book: list[Any] = []
    report = run(both(book), **limit)
    assert ids_of(book) == [(i, [count]) for i in range(count)]
    assert [p.ledger.decoded for p in report.sources[0].passes] == [count, count]


def test_frames_left_out_by_the_source_are_accounted_for_in_both_passes() -> None:
    book: list[Any] = []
    report = run(both(book), {"cam": (ToyFrames, {"frames": 5, "skip": 2})})
    assert ids_of(book) == [(i, [5]) for i in (2, 5, 8, 11, 14)]
    for part in report.sources[0].passes:
        assert (part.ledger.decoded, dict(part.ledger.dropped)) == (15, {("source", "left out"): 10})


# -- failures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["det", "wise"])
def test_a_frame_that_fails_in_the_first_pass_is_lost_and_counted_once(place: str) -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect, fail_on=(3, 8) if place == "det" else ()),
        entry("wise", Wise, fail_on=(3, 8) if place == "wise" else ()),
        entry("out", ToySink, book=book),
    ]
    report = run(stages, {"cam": (ToyFrames, {"frames": 10})})
    assert [seq for seq, _ in ids_of(book)] == [0, 1, 2, 4, 5, 6, 7, 9]
    for part in report.sources[0].passes:
        assert (part.ledger.done, dict(part.ledger.failed)) == (8, {place: 2})
        assert part.ledger.balanced
    assert sum(m.failures for m in report.sources[0].stages) == 2
    assert report.exit_code == 3


def test_a_frame_that_may_go_on_without_a_value_goes_on_in_both_passes() -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect),
        entry("wise", Wise, fail_on=(3,), on_error="pass"),
        entry("log", Log, book=book, bindings={"tracks": ("wise",)}),
    ]
    report = run(stages, {"cam": (ToyFrames, {"frames": 5})})
    assert [(seq, ids) for seq, ids, *_ in book] == [(0, [4]), (1, [4]), (2, [4]), (3, None), (4, [4])]
    assert report.sources[0].ledger.done == 5


def test_what_was_gathered_before_a_restart_counts_too() -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect),
        entry("wise", Wise, fail_on=(3,), on_error="restart"),
        entry("out", ToySink, book=book),
    ]
    run(stages, {"cam": (ToyFrames, {"frames": 8})})
    assert ids_of(book) == [(i, [3]) for i in range(3)] + [(i, [4]) for i in range(4, 8)]


def test_a_source_that_breaks_gives_results_of_what_was_read() -> None:
    book: list[Any] = []
    report = run(both(book), {"cam": (ToyFrames, {"fail_at": 6})})
    assert ids_of(book) == [(i, [6]) for i in range(6)]
    assert book[-2:] == ["flush", "close"]
    assert report.sources[0].error == "source 'cam': the rest cannot be read"
    assert report.exit_code == 1


def test_a_stage_that_ends_its_source_leaves_the_results_until_then() -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect, fail_on=(6,), on_error="stop_source"),
        entry("wise", Wise),
        entry("out", ToySink, book=book),
    ]
    report = run(stages, threads=1)
    assert [seq for seq, _ in ids_of(book)[:6]] == list(range(6))
    assert "stage 'det' (toy.detect) failed" in report.sources[0].error
    assert report.exit_code == 1


def test_a_stage_that_ends_the_run_ends_it_before_the_next_pass() -> None:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect, fail_on=(6,), on_error="stop"),
        entry("wise", Wise),
        entry("out", ToySink, book=book),
    ]
    report = run(stages)
    assert book == []
    assert report.stopped
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("source", "wise", "error"),
    [
        pytest.param({"fail_open": True}, {}, "cannot be opened", id="a source that cannot be opened"),
        pytest.param({}, {"cannot": True}, "cannot look back: RuntimeError: lost my notes", id="no revision"),
    ],
)
def test_what_cannot_begin_or_be_revised_has_no_second_pass(source: Any, wise: Any, error: str) -> None:
    book: list[Any] = []
    report = run(both(book, **wise), {"cam": (ToyFrames, source)})
    assert book == []
    assert error in report.sources[0].error
    assert report.exit_code == 1
    assert "pass 2 of 2: not begun, so there are no results" in report.table()


def test_sources_are_read_twice_or_once_each_for_itself() -> None:
    books: dict[str, list[Any]] = {"a": [], "b": [], "c": []}
    sources = {
        "a": (ToyFrames, {"frames": 5}),
        "b": (ToyFrames, {"frames": 30, "fail_at": 3}),
        "c": (ToyFrames, {"frames": 9}),
    }
    made = describe([], sources)
    plans = tuple(
        Plan(p.source, tuple(both(books[p.source.name], ahead=p.source.name != "c"))) for p in made.plans
    )
    report = Engine(Description(plans, made.run)).run()
    assert {name: ids_of(book)[0] for name, book in books.items()} == {
        "a": (0, [5]),
        "b": (0, [3]),
        "c": (0, [0]),
    }
    assert [len(s.passes) for s in report.sources] == [2, 2, 1]


def test_what_cannot_be_kept_is_named() -> None:
    @stage("hindsight.odd")
    class Odd(Stage):
        """Gives what cannot be packed."""

        def process(self, image: View) -> Detections:
            return Detections.of([[0, 0, 1, 1]], extra={"x": np.array([threading.Lock()], object)})

    book: list[Any] = []
    stages = [
        entry("odd", Odd),
        entry("wise", Wise),
        entry("log", Log, book=book, bindings={"detections": ("odd",)}),
    ]
    report = run(stages)
    assert "what stage 'odd' gives cannot be kept for the next pass" in report.sources[0].error
    assert book == []


def test_a_recording_that_became_shorter_is_noted() -> None:
    @source("hindsight.shrinking", accepts=lambda uri: False)
    class Shrinking(ToyFrames):
        """Has fewer frames each time it is opened."""

        left: ClassVar[list[int]] = [5, 8]

        def open(self) -> StreamInfo:
            self.end = self.left.pop()
            return super().open()

        def read(self) -> Any:
            return None if self.index >= self.end else super().read()

    book: list[Any] = []
    report = run(both(book), {"cam": (Shrinking, {})})
    assert len(ids_of(book)) == 5
    assert "recording-changed: 8 frames were read at first, but 5 when it was read again" in report.table()
    assert report.exit_code == 3


# -- stopping ----------------------------------------------------------------------------------------------


def stopped_when(stages: list[Any], sources: Any, ready: Callable[[Engine], bool]) -> tuple[RunReport, float]:
    engine = Engine(describe(stages, sources))
    at: list[float] = []

    def look() -> None:
        if not at and ready(engine):
            at.append(time.monotonic())
            engine.stop()

    report = engine.run(look)
    return report, time.monotonic() - at[0]


def test_a_stop_in_the_first_pass_is_the_end() -> None:
    book: list[Any] = []
    shown: list[Any] = []
    stages = [*both(book), entry("show", ToyWindow, book=shown)]
    source = {"cam": (ToyFrames, {"frames": 10_000, "delay": 0.01})}
    report, took = stopped_when(stages, source, lambda e: e.progress()[0].frames > 3)
    assert took < 1.5
    assert (book, shown) == ([], [])
    assert report.stopped
    assert report.sources[0].ledger.decoded == 0
    assert report.sources[0].passes[0].ledger.balanced
    assert "pass 2 of 2: not begun, so there are no results" in report.table()


def test_a_stop_in_the_last_pass_completes_what_was_written() -> None:
    book: list[Any] = []
    source = {"cam": (ToyFrames, {"frames": 100, "delay": 0.01})}
    report, took = stopped_when(both(book), source, lambda e: e.progress()[0].at == 2 and len(book) > 3)
    assert took < 1.5
    assert book[-2:] == ["flush", "close"]
    assert ids_of(book)[0] == (0, [100])
    assert 0 < report.sources[0].ledger.done < 100


def test_leaving_the_loop_ends_it() -> None:
    engine = Engine(describe(both([]), {"cam": (ToyFrames, {"frames": 500})}))
    for packet in engine.packets():
        assert packet["wise"].track_ids.tolist() == [500]
        if packet.seq == 5:
            break
    assert engine.report().stopped


# -- what is told ------------------------------------------------------------------------------------------


def test_iterating_gives_what_every_stage_gave_pictures_aside() -> None:
    stages = [entry("crop", Crop), rich_entry([]), entry("wise", Wise)]
    packets = list(Engine(describe(stages, {"cam": (ToyFrames, {"frames": 5})})).packets())
    for packet in packets:
        assert packet["crop"] is None, "nobody needed it again"
        assert_same(packet["find.detections"], rich(packet.seq))
        assert packet["wise"].track_ids.tolist() == [5, 5]
        assert packet.image is not None
    assert len(packets) == 5


def test_progress_says_which_pass_it_is() -> None:
    engine = Engine(describe(both([]), {"cam": (ToyFrames, {"frames": 30, "delay": 0.01})}))
    seen: list[tuple[int, int]] = []
    engine.run(lambda: seen.append((engine.progress()[0].at, engine.progress()[0].passes)))
    assert seen[0] == (1, 2)
    assert seen[-1] == (2, 2)


def test_the_report_shows_both_passes() -> None:
    report = run(both([]))
    json = report.to_json()["sources"][0]
    runs = [(s["pass"], s["stage"], s["use"], s["runs"]) for s in json["stages"]]
    assert runs == [
        (1, "det", "toy.detect", 20),
        (1, "wise", "hindsight.wise", 20),
        (2, "det", "toy.detect (again)", 20),
        (2, "wise", "hindsight.wise (again)", 20),
        (2, "out", "toy.sink", 20),
    ]
    assert [p["frames"]["done"] for p in json["passes"]] == [20, 20]
    table = report.table()
    assert (
        table.index("pass 1 of 2")
        < table.index("toy.detect")
        < table.index("pass 2 of 2")
        < table.index("toy.sink")
    )


def test_named_events_are_heard_once() -> None:
    @source("hindsight.torn", accepts=lambda uri: False)
    class Torn(ToyFrames):
        """Says each time that it is damaged."""

        def open(self) -> StreamInfo:
            self.notify("file-damaged", "torn")
            return super().open()

    book: list[Any] = []
    crop = entry("crop", Crop)
    stages = [crop, rich_entry([]), entry("wise", Wise), entry("log", Log, book=book)]
    report = run(stages, {"cam": (Torn, {})})
    counts = {n.kind: times for n, times in report.notices.counts.items()}
    assert counts == {"file-damaged": 1, "warmed-up": 1}
    assert [kinds for *_, kinds in book] == [["seen"]] * 20 + [["over"]]


# -- where nobody can look ahead ---------------------------------------------------------------------------


class Loop(ToyFrames):
    """Never ends by itself."""

    @classmethod
    def ends(cls, params: Any) -> bool:
        return False


source("hindsight.loop", accepts=lambda uri: False)(Loop)


@pytest.mark.parametrize(
    ("sources", "run_options", "why"),
    [
        pytest.param({"cam": ToyCamera}, {}, "the source 'cam' is a camera or a stream", id="camera"),
        pytest.param(
            {"cam": ToyCamera}, {"mode": "offline"}, "the source 'cam' is a camera", id="camera offline"
        ),
        pytest.param({"a": ToyFrames}, {"mode": "live"}, "the run is live; .* set run.mode", id="live mode"),
        pytest.param({"a": ToyFrames, "b": ToyCamera}, {}, "for there is a camera", id="camera beside it"),
        pytest.param({"a": Loop}, {}, "the source 'a' has no end; .*set run.duration", id="endless"),
    ],
)
def test_looking_ahead_is_refused_where_nobody_can(sources: Any, run_options: Any, why: str) -> None:
    made = describe(both([]), {name: (cls, {}) for name, cls in sources.items()}, run_options)
    with pytest.raises(UsageError, match=f"graph.wise.ahead: has to know the whole recording, but .*{why}"):
        Engine(made)


def test_an_endless_source_may_be_limited() -> None:
    book: list[Any] = []
    run(both(book), {"cam": (Loop, {})}, frames=4)
    assert ids_of(book)[0] == (0, [4])


@pytest.mark.parametrize("trait", ["stateless", "shared"])
def test_a_stage_that_looks_ahead_must_see_all_frames_itself(trait: str) -> None:
    with pytest.raises(TypeError, match="one that looks ahead cannot be stateless or shared"):
        stage("hindsight.wrong", **{trait: True})(type("Wrong", (Wise,), {}))
