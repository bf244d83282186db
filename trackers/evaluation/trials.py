"""Try settings on sequences, several at a time; what has been tried once is not tried again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Series
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Self, TypeAlias

from trackers.catalogue import make
from trackers.evaluation.fast import fast_score
from trackers.evaluation.follow import follow
from trackers.evaluation.scores import Scores
from trackers.evaluation.sequences import Frames, Sequence
from trackers.evaluation.space import Settings
from trackers.motfile import MotRows
from vidstream.errors import VidstreamError

#: settings in a form that can be looked up, and the number of a sequence
Key: TypeAlias = tuple[tuple[tuple[str, Any], ...], int]
Seen: TypeAlias = Callable[[Settings, int, Scores], None]


@dataclass(frozen=True, slots=True)
class Course:
    """What each of the settings is tried on."""

    tracker: str
    #: settings that stay as they are
    fixed: Settings
    sequences: tuple[Sequence, ...]
    frames: tuple[Frames, ...]
    min_score: float | None = None

    def scores(self, settings: Settings, number: int) -> Scores:
        """Run the tracker on one of the sequences.

        Settings that do not go together score like a tracker that reports nothing.
        """
        sequence, frames = self.sequences[number], self.frames[number]
        try:
            tracker = make(self.tracker, **(self.fixed | settings))
            rows = follow(tracker, sequence, frames, self.min_score)
        except VidstreamError:
            rows = MotRows.concat([])
        return fast_score(sequence, rows, frames)


@dataclass
class Trials:
    """`course` for lists of settings, in `workers` processes; to be used in a ``with`` statement.

    `seen` hears of each result as it comes. The order of results does not depend on the processes.
    """

    course: Course
    workers: int = 1
    seen: Seen = lambda settings, number, scores: None
    known: dict[Key, Scores] = field(default_factory=dict)
    _pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.workers > 1:
            self._pool = ProcessPoolExecutor(self.workers, get_context("spawn"), _begin, (self.course,))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=error is None, cancel_futures=True)

    def __call__(self, tried: Series[Settings], part: Series[int]) -> list[list[Scores]]:
        """For each of the settings, its scores on the sequences of `part`."""
        wanted = {key_of(settings, number): settings for settings in tried for number in part}
        missing = [key for key in wanted if key not in self.known]
        results = self._results([(wanted[key], key[1]) for key in missing])
        for key, scores in zip(missing, results, strict=True):
            self.known[key] = scores
            self.seen(wanted[key], key[1], scores)
        return [[self.known[key_of(settings, number)] for number in part] for settings in tried]

    def _results(self, tasks: list[tuple[Settings, int]]) -> Iterable[Scores]:
        if self._pool is None:
            return (self.course.scores(*task) for task in tasks)
        return self._pool.map(_work, tasks)


def key_of(settings: Settings, number: int) -> Key:
    """To look a result up by."""
    return tuple(sorted(settings.items())), number


_course: Course | None = None


def _begin(course: Course) -> None:
    """In a new process: remember what to work on; the process that started it handles interrupts."""
    global _course  # noqa: PLW0603 - how a pool's processes keep what they work on
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _course = course


def _work(task: tuple[Settings, int]) -> Scores:
    assert _course is not None, "the process began with a course"
    return _course.scores(*task)
