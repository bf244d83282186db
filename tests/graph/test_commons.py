"""What stages of different cameras share: made once, closed with the last; files known within a run."""

from __future__ import annotations

import threading

import pytest

from vidstream.graph.commons import Commons
from vidstream.graph.stage import Stage


class Thing:
    """Knows how often it was made and closed."""

    def __init__(self, book: list[str]) -> None:
        self.book = book
        book.append("made")

    def close(self) -> None:
        self.book.append("closed")


def test_it_is_made_by_the_first_and_closed_by_the_last() -> None:
    commons, book = Commons(), []
    first = commons.join("a", lambda: Thing(book))
    assert commons.join("a", lambda: Thing(book)) is first
    commons.leave("a")
    assert book == ["made"]
    commons.leave("a")
    assert book == ["made", "closed"]
    assert commons.join("a", lambda: Thing(book)) is not first


def test_keys_are_apart() -> None:
    commons, book = Commons(), []
    assert commons.join("a", lambda: Thing(book)) is not commons.join(("a", 1), lambda: Thing(book))


def test_what_cannot_be_made_is_not_there() -> None:
    commons, book = Commons(), []

    def fail() -> Thing:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        commons.join("a", fail)
    commons.join("a", lambda: Thing(book))
    commons.leave("a")
    assert book == ["made", "closed"]


def test_many_threads_share_one_at_a_time() -> None:
    commons, book = Commons(), []
    wrong: list[str] = []

    def work() -> None:
        for _ in range(200):
            thing = commons.join("a", lambda: Thing(book))
            if not isinstance(thing, Thing):
                wrong.append("no thing")
            commons.leave("a")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert book.count("made") == book.count("closed") > 0


def test_a_key_is_new_once_in_a_run() -> None:
    commons = Commons()
    assert [commons.is_first(key) for key in ("a", "b", "a")] == [True, True, False]
    assert Commons().is_first("a")


def test_stages_outside_a_run_remember_nothing() -> None:
    assert [Stage(None).commons.is_first("a") for _ in range(2)] == [True, True]
