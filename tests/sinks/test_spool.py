"""The spool against a model, a kill at every byte, a full disk, and a second process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vidstream.errors import SinkError
from vidstream.sinks.messages.spool import LARGEST, Spool

ROOT = Path(__file__).resolve().parents[2]
#: bytes that a record takes beside its data
HEAD = 24
LIMIT = 20_000


def texts(spool: Spool) -> list[bytes]:
    """All that waits, oldest first, read in steps of three."""
    found: list[bytes] = []
    number = 0
    while records := spool.read(number, 3):
        found += [record.data for record in records]
        number = records[-1].number + 1
    return found


class Machine(RuleBasedStateMachine):
    """Whatever is done to it, a spool holds what a bounded deque would."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool"
        self.spool = Spool(self.path, LIMIT)
        self.model: deque[bytes] = deque()
        self.count = 0
        self.full = 0

    @rule(sizes=st.lists(st.integers(0, 4000), min_size=1, max_size=8))
    def append(self, sizes: list[int]) -> None:
        for size in sizes:
            self.count += 1
            data = f"{self.count}:".encode() + bytes(size)
            assert self.spool.append(data, 0.0, float(self.count))
            self.model.append(data)
            while sum(len(d) + HEAD for d in self.model) > LIMIT:
                self.model.popleft()
                self.full += 1

    @rule()
    def append_too_large(self) -> None:
        assert not self.spool.append(bytes(LIMIT), 0.0, 0.0)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        done = data.draw(st.integers(1, len(self.model)))
        self.spool.drop(self.spool.read(0, done)[-1].number)
        for _ in range(done):
            self.model.popleft()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        gone = data.draw(st.integers(0, len(self.model)))
        before = self.count + 1 if gone == len(self.model) else int(self.model[gone].split(b":")[0])
        assert self.spool.drop_older(float(before)) == gone
        for _ in range(gone):
            self.model.popleft()

    @rule()
    def sync(self) -> None:
        self.spool.sync()

    @rule()
    def reopen(self) -> None:
        self.full = 0
        self.spool.close()
        self.spool = Spool(self.path, LIMIT)

    @precondition(lambda self: self.model)
    @rule(cut=st.integers(1, 5000), junk=st.binary(max_size=50))
    def reopen_torn(self, cut: int, junk: bytes) -> None:
        """The newest file loses its end, as if killed within a write, or has something else there."""
        self.full = 0
        self.spool.close()
        newest = max(self.path.glob("*.records"))
        size = newest.stat().st_size
        kept = max(0, size - cut)
        os.truncate(newest, kept)
        with newest.open("ab") as file:
            file.write(junk)
        self.spool = Spool(self.path, LIMIT)
        while cut > 0 and self.model and size > 0:
            last = len(self.model[-1]) + HEAD
            if size < last:  # it stands in an older file
                break
            self.model.pop()
            cut, size = cut - last, size - last

    @invariant()
    def same(self) -> None:
        assert texts(self.spool) == list(self.model)
        assert len(self.spool) == len(self.model)
        assert self.spool.size == sum(len(d) + HEAD for d in self.model)
        assert self.spool.lost.full == self.full
        on_disk = sum(f.stat().st_size for f in self.path.glob("*.records"))
        assert on_disk <= LIMIT + 2 * 4096 + 4100, "what is delivered or given up is deleted, file by file"

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestModel = Machine.TestCase


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_kill_at_any_byte_leaves_a_prefix(data: st.DataObject) -> None:
    """Of ten records of different sizes, a file cut anywhere gives back the whole ones before the cut."""
    records = [bytes([65 + i]) * (i * 7) for i in range(10)]
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), 10**6)
        for record in records:
            assert spool.append(record, 0.0, 0.0)
        spool.close()
        (file,) = Path(folder).glob("*.records")
        cut = data.draw(st.integers(0, file.stat().st_size))
        os.truncate(file, cut)
        ends = [sum(len(r) + HEAD for r in records[: i + 1]) for i in range(10)]
        again = Spool(Path(folder), 10**6)
        assert texts(again) == records[: sum(end <= cut for end in ends)]
        assert again.append(b"next", 0.0, 0.0)
        again.close()
        last = Spool(Path(folder), 10**6)
        assert texts(last)[-1] == b"next"
        last.close()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damage_is_never_given_as_a_record(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), 10**6)
        records = [f"record {i}".encode() for i in range(6)]
        for record in records:
            spool.append(record, 0.0, 0.0)
        spool.close()
        (file,) = Path(folder).glob("*.records")
        content = bytearray(file.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        again = Spool(Path(folder), 10**6)
        assert texts(again) == records[: at // (HEAD + 8)]
        again.close()


@pytest.mark.parametrize("place", range(24))
def test_a_mark_that_is_torn_gives_a_record_twice_at_worst(tmp_path: Path, place: int) -> None:
    spool = Spool(tmp_path, 10**6)
    for i in range(5):
        spool.append(b"%d" % i, 0.0, 0.0)
    for number in (1, 2, 3):
        spool.drop(number)
    spool.close()
    mark = bytearray((tmp_path / "delivered").read_bytes())
    mark[place] ^= 0xFF
    (tmp_path / "delivered").write_bytes(mark)
    again = Spool(tmp_path, 10**6)
    assert texts(again) in ([b"3", b"4"], [b"2", b"3", b"4"])
    again.close()


WRITER = """
import sys, itertools
from pathlib import Path
from vidstream.sinks.messages.spool import Spool
spool = Spool(Path(sys.argv[1]), 10**7)
for i in itertools.count():
    spool.append(b"%d" % i * 20, 0.0, 0.0)
    print(i, flush=True)
"""


def test_a_killed_process_leaves_all_that_was_taken(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for _ in range(300):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    told = 300 + len(child.stdout.read().splitlines())
    child.wait()
    child.stdout.close()
    spool = Spool(tmp_path, 10**7)
    found = texts(spool)
    assert len(found) in (told, told + 1), "it was killed before it could tell of the last one"
    assert found == [b"%d" % i * 20 for i in range(len(found))]
    spool.close()


def test_a_second_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstream.sinks.messages.spool._PATIENCE", 0)
    spool = Spool(tmp_path, 10**6)
    at_once = "import vidstream.sinks.messages.spool as s; s._PATIENCE = 0\n"
    code = at_once + WRITER.partition("for i")[0]
    command = [sys.executable, "-c", code, str(tmp_path)]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "is in use: another run" in refused.stderr
    assert "give each its own folder" in refused.stderr
    with pytest.raises(SinkError, match="is in use"):
        Spool(tmp_path, 10**6)
    spool.close()
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_one_who_is_about_to_leave_is_waited_for(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10**6)
    spool.append(b"a", 0.0, 0.0)
    leaving = threading.Timer(0.2, spool.close)
    leaving.start()
    again = Spool(tmp_path, 10**6)
    assert texts(again) == [b"a"]
    again.close()
    leaving.join()


def test_a_full_disk(small_disk: Callable[[int], Path]) -> None:
    """What the disk does not take stays in memory, in order; once there is room, it goes on there."""
    disk = small_disk(200)
    spool = Spool(disk / "spool", 10**7)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    sent = [b"%d:" % i + bytes(5000) for i in range(60)]
    for i, data in enumerate(sent):
        assert spool.append(data, 0.01 * i, 0.0)
    assert spool.trouble is not None
    assert "the disk is full" in str(spool.trouble)
    assert texts(spool) == sent
    ballast.unlink()
    assert spool.append(b"room", 10.0, 0.0), "tried again after a while"
    assert spool.trouble is None
    assert texts(spool) == [*sent, b"room"]
    spool.drop(spool.read(0, 60)[-1].number)
    assert texts(spool) == [b"room"]
    spool.close()
    again = Spool(disk / "spool", 10**7)
    assert texts(again) == [b"room"]
    again.close()


def test_memory_takes_its_share_and_no_more(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(64)
    spool = Spool(disk / "spool", 10**8)
    (disk / "ballast").write_bytes(bytes(40_000))
    taken = sum(spool.append(bytes(10_000), 0.0, 0.0) for _ in range(300))
    assert 100 <= taken <= 110, "1 MiB in memory"
    assert spool.lost.disk == 300 - taken
    number = spool.read(0, taken)[-1].number
    spool.drop(number)
    passed = 0
    for _ in range(500):  # one always waits: what is delivered makes room
        passed += spool.append(bytes(10_000), 0.0, 0.0)
        spool.drop(number + passed - 1)
    assert passed == 500
    spool.close()


def test_what_a_disk_does_not_give_back_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 40_000)
    for i in range(10):
        spool.append(b"%d:" % i + bytes(1000), 0.0, 0.0)
    oldest = min(tmp_path.glob("*.records"))
    content = oldest.read_bytes()
    oldest.write_bytes(content[:2500] + bytes(len(content) - 2500))
    found = [data[:1] for data in texts(spool)]
    assert found[:2] == [b"0", b"1"]
    assert found[-1] == b"9"
    assert spool.lost.disk == 10 - len(found)
    assert len(spool) == len(found)
    spool.close()


def test_limits(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10**7)
    assert not spool.append(bytes(LARGEST + 1), 0.0, 0.0)
    assert spool.append(bytes(LARGEST), 0.0, 0.0)
    assert (spool.lost.large, spool.lost.total) == (1, 1)
    spool.close()


def test_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SinkError, match="not a folder"):
        Spool(tmp_path / "file" / "spool", 10**6)


def test_a_strange_file_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    strange: Any = tmp_path / "notes.records"
    strange.write_bytes(b"mine")
    spool = Spool(tmp_path, 10**6)
    spool.append(b"a", 0.0, 0.0)
    assert texts(spool) == [b"a"]
    spool.close()
    assert strange.read_bytes() == b"mine"
