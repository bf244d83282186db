"""Any graph, source and number of threads: the results of a plain loop, whole lives, exact books, no hang."""

from __future__ import annotations

import faulthandler
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.random_graphs import Drawn, Shot, Sketch, Witness, description, interpret, number
from vidstream.errors import VidstreamError
from vidstream.graph.description import RunOptions
from vidstream.graph.engine import Engine
from vidstream.graph.item import Item
from vidstream.types import Packet

#: seconds after which a run that should take milliseconds counts as hanging
HANGS = 30.0
MILD = ["skip", "pass", "retry", "restart"]


def examples(fast: int) -> Any:
    return settings(
        max_examples=fast,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


@pytest.fixture(autouse=True, scope="module")
def _many_switches() -> Iterator[None]:
    """Threads take turns a hundred times as often as usual, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


# -- drawing -----------------------------------------------------------------------------------------------


@st.composite
def shot_lists(draw: st.DrawFn, most: int = 24) -> tuple[Shot, ...]:
    """Segments of a few frames, at an uneven pace, now and then of another size, with frames left out."""
    shots: list[Shot] = []
    segments = draw(st.lists(st.integers(1, max(1, most // 3)), min_size=0, max_size=3))
    for segment, length in enumerate(segments):
        pts = 0.0
        for _ in range(length):
            shots.append(Shot(pts, segment, draw(st.booleans()), draw(st.sampled_from([0, 0, 0, 1, 3]))))
            pts = round(pts + draw(st.sampled_from([0.04, 0.1, 0.1, 0.35])), 3)
    return tuple(shots)


@st.composite
def sketches(draw: st.DrawFn, index: int, policies: list[str]) -> Sketch:
    """A stage that may take from any of those before it."""
    ids = [f"s{i}" for i in range(index)]
    kind = draw(st.sampled_from(["root", "needs", "maybe", "many"] if ids else ["root", "many"]))
    most = {"root": 0, "needs": 1, "maybe": 2, "many": len(ids)}[kind]
    least = 1 if kind in ("needs", "maybe") else 0
    inputs = draw(st.lists(st.sampled_from(ids), min_size=least, max_size=most, unique=True)) if ids else []
    stateful = draw(st.booleans())
    when = None
    if ids and draw(st.integers(0, 3)) == 0:
        when = (
            draw(st.sampled_from(ids)),
            float(draw(st.integers(1, 4))),
            draw(st.sampled_from([0.0, 0.25])),
        )
    # never ten in a row: what happens then depends on who sees it first, and has tests of its own
    fails = (
        draw(st.dictionaries(st.integers(0, 25), st.integers(1, 4), max_size=8))
        if draw(st.booleans())
        else {}
    )
    return Sketch(
        f"s{index}",
        kind,
        tuple(inputs),
        heavy=draw(st.booleans()),
        stateful=stateful,
        workers=1 if stateful else draw(st.integers(1, 4)),
        every=draw(st.sampled_from([1, 1, 1, 2, 3])),
        period=draw(st.sampled_from([0.0, 0.0, 0.0, 0.2, 0.5])),
        when=when,
        on_error=draw(st.sampled_from(policies)),
        fails=fails,
        absent=draw(st.sampled_from([0, 0, 3])),
        holds_back=stateful and draw(st.booleans()),
        naps=draw(st.booleans()),
    )


@st.composite
def graphs(draw: st.DrawFn, policies: list[str] = MILD, most: int = 6) -> Drawn:
    """A graph and a source for it."""
    stages = [draw(sketches(i, policies)) for i in range(draw(st.integers(0, most)))]
    return Drawn(tuple(stages), draw(shot_lists()), draw(st.integers(0, 5)) == 0)


THREADS = st.sampled_from([1, 2, 3, 4, 5, "auto"])


# -- running -----------------------------------------------------------------------------------------------


def bounded(work: Callable[[], Any]) -> Any:
    """What `work` gives; where it hangs, the test fails and says where every thread stands."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:  # handed over
            outcome.append((None, error))

    thread = threading.Thread(target=run, name="bounded", daemon=True)
    thread.start()
    thread.join(HANGS)
    if not outcome:
        faulthandler.dump_traceback(all_threads=True)
        pytest.fail(f"it still runs after {HANGS:g} s: the threads are above")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def packets_of(engine: Engine) -> tuple[list[Packet], VidstreamError | None]:
    found: list[Packet] = []
    try:
        found.extend(engine.packets())
    except VidstreamError as error:
        return found, error
    return found, None


def nothing_is_left(engine: Engine) -> None:
    """No thread runs, and no frame is kept."""
    names = tuple(lane.name for lane in engine.lanes)
    assert not [t.name for t in threading.enumerate() if t.name.startswith(names)]
    assert not any(len(s.input) for lane in engine.lanes for s in lane.assembly.segments)


def the_lives_are_whole(engine: Engine, witnesses: dict[str, Witness]) -> None:
    notices = engine.notices.counts.items()
    for name, witness in witnesses.items():
        witness.check(sum(t for n, t in notices if (n.kind, n.source) == ("stage-restarted", name)))


def the_books_are_right(engine: Engine, witnesses: dict[str, Witness]) -> None:
    for report in engine.report().sources:
        witness = witnesses[report.source]
        assert report.ledger.balanced, str(report.ledger)
        assert report.ledger.decoded == witness.handed_out
        assert witness.source_calls in ([], ["open", "close"])


def looking_ahead(drawn: Drawn, chosen: set[int]) -> Drawn:
    """The same graph, with some stages that look ahead: those, and what feeds them, hold nothing back."""
    ahead = {s.id for i, s in enumerate(drawn.stages) if i in chosen and s.stateful}
    feeding: set[str] = set()
    for sketch in reversed(drawn.stages):
        if sketch.id in ahead | feeding:
            feeding |= {*sketch.inputs, *([sketch.when[0]] if sketch.when else [])}
    stages = [
        replace(
            s,
            ahead=s.id in ahead,
            holds_back=s.holds_back and s.id not in ahead | feeding,
            on_error="pass",  # a frame that is lost is lost to stages, too, that saw it in a single pass
        )
        for s in drawn.stages
    ]
    return replace(drawn, stages=tuple(stages))


# -- properties --------------------------------------------------------------------------------------------


def check_offline(drawn: Drawn, threads: Any, queue: int, iterate: bool) -> None:
    witness, expected = Witness(), interpret(drawn)
    run = RunOptions(threads=threads, queue=queue)
    engine = Engine(description({"cam": (drawn, witness)}, run=run))
    if iterate:
        packets, error = bounded(lambda: packets_of(engine))
        given = [(p.seq, {s.id: number(p[s.id]) for s in drawn.stages}) for p in packets]
        assert given == expected.packets
        assert (error is not None) == drawn.breaks
    else:
        bounded(engine.run)
    assert witness.log == expected.log
    the_lives_are_whole(engine, {"cam": witness})
    the_books_are_right(engine, {"cam": witness})
    (report,) = engine.report().sources
    assert report.ledger.decoded == expected.decoded
    assert (report.ledger.done, report.ledger.failed) == (len(expected.packets), expected.failed)
    ran = {m.stage: m.time.count for m in report.stages if m.stage != "log"}
    assert ran == {s.id: len(expected.ran[s.id]) for s in drawn.stages}
    assert bool(report.error) == drawn.breaks
    assert max(report.passes[-1].queue_peaks) <= queue
    nothing_is_left(engine)


@given(graphs(), st.sets(st.integers(0, 5), min_size=2), THREADS, st.booleans())
@examples(fast=30)
def test_stages_that_look_ahead_and_change_nothing_change_nothing(
    drawn: Drawn, chosen: set[int], threads: Any, iterate: bool
) -> None:
    """Whatever is played back, in however many passes, the results are those of one pass."""
    drawn = looking_ahead(drawn, chosen)
    witness, expected = Witness(), interpret(drawn)
    engine = Engine(description({"cam": (drawn, witness)}, run=RunOptions(threads=threads)))
    if iterate:
        packets, error = bounded(lambda: packets_of(engine))
        given = [(p.seq, {s.id: number(p[s.id]) for s in drawn.stages}) for p in packets]
        assert given == expected.packets
        assert (error is not None) == drawn.breaks
    else:
        bounded(engine.run)
    assert witness.log == expected.log
    the_lives_are_whole(engine, {"cam": witness})
    nothing_is_left(engine)
    (report,) = engine.report().sources
    ran = {m.stage: m.time.count for m in report.stages if "again" not in m.use and m.stage != "log"}
    assert ran == {s.id: len(expected.ran[s.id]) for s in drawn.stages}
    assert [p.ledger.decoded for p in report.passes] == [expected.decoded] * len(report.passes)


@given(graphs(), THREADS, st.integers(1, 8), st.booleans())
@examples(60)
def test_offline_the_results_are_those_of_a_plain_loop(
    drawn: Drawn, threads: Any, queue: int, iterate: bool
) -> None:
    check_offline(drawn, threads, queue, iterate)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(graphs(most=9), THREADS, st.integers(1, 8), st.booleans())
@examples(2000)
def test_offline_the_results_are_those_of_a_plain_loop_in_many_more_cases(
    drawn: Drawn, threads: Any, queue: int, iterate: bool
) -> None:
    check_offline(drawn, threads, queue, iterate)


#: how a run is ended from outside, and after how much
ENDS = st.sampled_from(["not at all", "stop", "stop elsewhere", "leave", "raise"])


def check_stops(
    several: list[Drawn], camera: bool, end: str, after: int, run: RunOptions, delay: float
) -> None:
    witnesses = {f"cam{i}": Witness() for i in range(len(several))}
    plans = {f"cam{i}": (drawn, witnesses[f"cam{i}"]) for i, drawn in enumerate(several)}
    engine = Engine(description(plans, camera=camera, run=run, endless=end != "not at all", delay=delay))
    bounded(lambda: drive(engine, end, after))
    the_lives_are_whole(engine, witnesses)
    the_books_are_right(engine, witnesses)
    for name, witness in witnesses.items():
        done = next(s.ledger.done for s in engine.report().sources if s.source == name)
        frames = [seq for seq, _ in witness.log]
        assert frames[:-1] == sorted(set(frames[:-1]))
        assert len(frames) - 1 <= done <= len(frames)
    assert engine.report().to_json()
    assert engine.report().table() is not None
    nothing_is_left(engine)


def drive(engine: Engine, end: str, after: int) -> None:
    """Run it, and end it as the test was told to."""
    seen = 0
    if end == "stop elsewhere":
        timer = threading.Timer(after / 500, engine.stop)
        timer.start()
        engine.run()
        timer.join()
        return
    try:
        for _ in engine.packets():
            seen += 1
            if seen >= after and end == "leave":
                break
            if seen >= after and end == "stop":
                engine.stop()
            if seen >= after and end == "raise":
                raise ZeroDivisionError
            if seen >= after and all(p.ended for p in engine.progress()):
                break
    except (VidstreamError, ZeroDivisionError):
        pass


@st.composite
def stop_cases(draw: st.DrawFn) -> dict[str, Any]:
    several = draw(st.lists(graphs([*MILD, "stop_source", "stop"], most=4), min_size=1, max_size=3))
    return {
        "several": several,
        "camera": draw(st.booleans()),
        "end": draw(ENDS),
        "after": draw(st.integers(0, 30)),
        "run": RunOptions(
            threads=draw(THREADS),
            queue=draw(st.integers(1, 8)),
            parallel=draw(st.sampled_from([1, 2, "auto"])),
            staleness=draw(st.sampled_from([0.0, 0.002, 0.5])),
            mode=draw(st.sampled_from(["auto", "auto", "offline"])),
        ),
        "delay": draw(st.sampled_from([0.0, 0.0, 0.0005])),
    }


def can_be_driven(case: dict[str, Any]) -> bool:
    """An endless run in which no frame gets through would wait for a stop that never comes."""
    return case["end"] in ("not at all", "stop elsewhere")


@given(stop_cases())
@examples(40)
def test_stops_at_any_time_leave_whole_lives_and_exact_books(case: dict[str, Any]) -> None:
    run_stop_case(case)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(stop_cases())
@examples(1500)
def test_stops_at_any_time_leave_whole_lives_and_exact_books_in_many_more_cases(case: dict[str, Any]) -> None:
    run_stop_case(case)


def run_stop_case(case: dict[str, Any]) -> None:
    gives_frames = any(d.shots and not any(s.on_error == "stop" for s in d.stages) for d in case["several"])
    if not can_be_driven(case) and not gives_frames:
        case = {**case, "end": "stop elsewhere"}
    check_stops(**case)


def test_after_many_runs_no_frame_is_left_anywhere() -> None:
    """Not in a queue, not in a list of finished ones, not in an error's traceback."""
    drawn = Drawn(
        (
            Sketch("s0", heavy=True, stateful=False, workers=3, fails={3: 4}, naps=True),
            Sketch("s1", "maybe", ("s0",), on_error="restart", fails={5: 1}),
        ),
        tuple(Shot(i / 10, i // 6) for i in range(12)),
    )
    engines = []
    for _ in range(20):
        engine = Engine(description({"cam": (drawn, Witness())}, run=RunOptions(queue=2)))
        engine.run()
        engines.append(engine)  # kept, as a program may do for its reports
    gc.collect()
    assert sum(isinstance(o, Item) for o in gc.get_objects()) == 0


def test_the_interpretation_is_not_the_engine_s_own() -> None:
    """Two cases worked out by hand keep the yardstick straight."""
    shots = tuple(Shot(i / 10) for i in range(6))
    plain = interpret(Drawn((Sketch("s0", every=2), Sketch("s1", "needs", ("s0",), fails={2: 1})), shots))
    assert plain.ran == {"s0": [0, 2, 4], "s1": [0, 4]}
    assert [seq for seq, _ in plain.packets] == [0, 1, 3, 4, 5]
    held = interpret(
        Drawn((Sketch("s0", period=0.25), Sketch("s1", "maybe", ("s0",), when=("s0", 0.0, 0.0))), shots)
    )
    assert held.ran["s0"] == [0, 3, 5]
    assert held.ran["s1"] == [0, 1, 2, 3, 4, 5]
