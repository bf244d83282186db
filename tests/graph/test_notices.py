"""Notices: each distinct one is told once, counted ever after, and no flood of them fills log or memory."""

from __future__ import annotations

import logging
import threading
import tracemalloc

import pytest

from vidstream.graph.notices import DISTINCT, Notices


def test_each_distinct_notice_is_logged_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vidstream")
    notices = Notices()
    for frame in range(3):
        notices.add("stage-failed", "cam", "det", f"bad frame {frame}", key="bad frame #")
    notices.add("cpu-fallback", "cam", "det", "no CUDA here")
    assert [(r.levelname, r.message) for r in caplog.records] == [
        ("WARNING", "cam/det: stage-failed: bad frame 0"),
        ("INFO", "cam/det: cpu-fallback: no CUDA here"),
    ]
    assert [(n["kind"], n["message"], n["times"]) for n in notices.to_json()] == [
        ("stage-failed", "bad frame #", 3),
        ("cpu-fallback", "no CUDA here", 1),
    ]


def test_a_flood_of_distinct_messages_fills_neither_memory_nor_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vidstream")
    notices = Notices()
    tracemalloc.start()
    for i in range(20_000):
        notices.add("stage-failed", "cam", "det", f"{i}: {i * i}")
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert grown < 100_000
    assert len(caplog.records) == DISTINCT + 1
    *kept, rest = notices.to_json()
    assert [n["times"] for n in kept] == [1] * DISTINCT
    assert (rest["kind"], rest["message"]) == ("stage-failed", "other messages, which are only counted")
    assert rest["times"] == 20_000 - DISTINCT
    notices.add("stage-failed", "cam", "det", kept[3]["message"])
    assert notices.to_json()[3]["times"] == 2, "what is known is still told apart"


def test_a_flood_hides_nothing_of_another_kind_stage_or_source() -> None:
    notices = Notices()
    for i in range(1000):
        notices.add("odd", "cam", "det", str(i))
    assert not notices.serious
    notices.add("sink-disabled", "cam", "det", "switched off")
    notices.add("odd", "cam", "track", "lost")
    notices.add("odd", "gate", "det", "lost")
    assert notices.serious
    assert [(n["kind"], n["source"], n["stage"], n["message"]) for n in notices.to_json()[-3:]] == [
        ("sink-disabled", "cam", "det", "switched off"),
        ("odd", "cam", "track", "lost"),
        ("odd", "gate", "det", "lost"),
    ]


def test_long_messages_are_cut_and_passwords_taken_out_of_both_forms(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notices = Notices()
    secret = "cannot open rtsp://viewer:hunter2@cam/1"
    notices.add("source-lost", "cam", "", secret + " " + "x" * 10**6, key=secret)
    notices.add("stage-failed", "cam", "", secret + " " + "x" * 10**6)
    assert "hunter2" not in caplog.text + str(notices.to_json())
    assert max(len(r.message) for r in caplog.records) < 1100
    assert max(len(n["message"]) for n in notices.to_json()) < 1100


def test_it_can_be_read_while_others_write() -> None:
    notices, stop, errors = Notices(), threading.Event(), list[str]()

    def write(name: str) -> None:
        i = 0
        while not stop.is_set():
            notices.add(f"kind{i % 50}", name, "det", str(i))
            i += 1

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    logging.getLogger("vidstream").disabled = True
    try:
        for writer in writers:
            writer.start()
        for _ in range(300):
            assert not notices.serious
            for notice, times in notices.counts.items():
                assert times > 0, notice
    finally:
        stop.set()
        for writer in writers:
            writer.join()
        logging.getLogger("vidstream").disabled = False
    assert errors == []


def test_the_listener_hears_every_notice() -> None:
    heard: list[str] = []
    notices = Notices(heard.append)
    for _ in range(3):
        notices.add("stop-requested", "cam", "show", "q was pressed")
    assert heard == ["stop-requested"] * 3
