"""Error policies: what a failing stage does to its frame, its source and the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.toys import ToyCount, ToyDetect, ToyFrames, ToySink, ToyTrack, describe, entry
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport


def run(
    policy: str, fail_on: tuple[int, ...], frames: int = 30, **options: Any
) -> tuple[RunReport, list[int]]:
    book: list[Any] = []
    stages = [
        entry("det", ToyDetect, fail_on=fail_on, on_error=policy),
        entry("track", ToyTrack),
        entry("count", ToyCount),
        entry("out", ToySink, book=book),
    ]
    report = Engine(describe(stages, {"cam": (ToyFrames, {"frames": frames})}, options)).run()
    return report, [b[0] for b in book if isinstance(b, tuple) and isinstance(b[0], int)][:-1]


ALL = tuple(range(30))


@pytest.mark.parametrize(
    ("policy", "fail_on", "seen", "failed", "error", "code"),
    [
        pytest.param(
            "skip", (3, 4), [i for i in ALL if i not in (3, 4)], 2, "", 3, id="skip drops the frame"
        ),
        pytest.param("pass", (3, 4), list(ALL), 0, "", 3, id="pass lets it go on without this stage's value"),
        pytest.param("retry", (3,), [i for i in ALL if i != 3], 1, "", 3, id="retry, then drop"),
        pytest.param("restart", (3,), [i for i in ALL if i != 3], 1, "", 3, id="restart opens it anew"),
        pytest.param("stop_source", (3,), [0, 1, 2], 1, "RuntimeError: bad frame 3", 1, id="stop the source"),
        pytest.param("stop", (3,), [0, 1, 2], 1, "RuntimeError: bad frame 3", 1, id="stop the run"),
        pytest.param(
            "skip",
            ALL[5:],
            [0, 1, 2, 3, 4],
            20,
            "RuntimeError: bad frame 24",
            1,
            id="skip escalates in the end",
        ),
    ],
)
def test_policies(
    policy: str, fail_on: tuple[int, ...], seen: list[int], failed: int, error: str, code: int
) -> None:
    report, frames = run(policy, fail_on)
    ledger = report.sources[0].ledger
    if error:  # frames already read when the source was stopped are still finished
        assert frames[: len(seen)] == seen
        assert ledger.failed["det"] >= failed
    else:
        assert frames == seen
        assert ledger.failed["det"] == failed
    assert ledger.balanced
    assert error in report.sources[0].error
    assert report.exit_code == code


def test_the_same_failure_is_noted_once_and_counted() -> None:
    report, _ = run("skip", (3, 5, 7, 9))
    notes = [n for n in report.notices.to_json() if n["kind"] == "stage-failed"]
    assert [(n["stage"], n["message"], n["times"]) for n in notes] == [
        ("det", "RuntimeError: bad frame #", 4)
    ]


def test_stop_ends_all_sources() -> None:
    sources = {
        "a": (ToyFrames, {"frames": 100_000, "delay": 0.001}),
        "b": (ToyFrames, {"frames": 100_000, "delay": 0.001}),
    }
    stages = [entry("det", ToyDetect, fail_on=(5,), on_error="stop")]
    report = Engine(describe(stages, sources)).run()
    assert report.exit_code == 1
    assert all(s.ledger.decoded < 100_000 and s.ledger.balanced for s in report.sources)


@pytest.mark.parametrize(
    ("options", "written", "disabled"),
    [
        pytest.param({"fail_on": (3,)}, 29, False, id="one line lost, the rest written"),
        pytest.param({"full_from": 6}, 6, True, id="a sink that says it cannot write is switched off"),
        pytest.param({"fail_on": ALL[6:]}, 6, True, id="a sink that keeps failing is switched off"),
    ],
)
def test_a_failing_sink_affects_only_itself(options: dict[str, Any], written: int, disabled: bool) -> None:
    book: list[Any] = []
    other: list[Any] = []
    stages = [
        entry("det", ToyDetect),
        entry("out", ToySink, book=book, **options),
        entry("other", ToySink, book=other),
    ]
    report = Engine(describe(stages, {"cam": (ToyFrames, {"frames": 30})})).run()
    assert sum(isinstance(b[0], int) for b in book if isinstance(b, tuple)) == written
    assert sum(isinstance(b[0], int) for b in other if isinstance(b, tuple)) == 30
    assert report.sources[0].ledger.done == 30
    assert any(n["kind"] == "sink-disabled" for n in report.notices.to_json()) == disabled
    assert report.exit_code == 3
    assert book[-1] == "close"


def test_a_stage_that_cannot_be_opened_stops_its_source_with_one_clear_error() -> None:
    class Broken(ToyDetect):
        """Cannot be opened."""

        def open(self, stream: Any) -> None:
            raise OSError("no such device")

    from vidstream.graph.stage import stage

    stage("toy.broken")(Broken)
    report = Engine(describe([entry("det", Broken)])).run()
    assert report.sources[0].error == (
        "source 'cam': stage 'det' (toy.broken) cannot be opened: OSError: no such device"
    )
    assert report.exit_code == 1


def test_a_sink_under_restart_rests_ever_longer_and_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstream.graph.node.RESTS", (0.05, 10.0))
    book: list[Any] = []
    bad = tuple(range(10, 100))
    sink = entry("out", ToySink, book=book, fail_on=bad, on_error="restart")
    report = Engine(describe([sink], {"cam": (ToyFrames, {"frames": 300, "delay": 0.005})})).run()
    lives = book.count(("open", "cam"))
    assert 3 <= lives <= 8, "after 50, 100, 200 ms ..., not at every frame"
    assert book.count("close") == lives
    seen = [b[0] for b in book if isinstance(b, tuple) and isinstance(b[0], int)]
    assert seen[:10] == list(range(10))
    assert seen[-1] == 299, "it works again"
    assert not set(seen) & set(bad)
    assert report.sources[0].ledger.done == 300
    kinds = [n["kind"] for n in report.notices.to_json()]
    assert kinds == ["stage-failed", "stage-restarted"]
