"""Text of numbers, as benchmarks and trackers write it, read so that a bad line is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trackers.motfile import MotRows
from vidstream.errors import SourceError
from vidstream.geometry import Float64

#: frame, id, left, top, width, height
_LEAST = 6


def read_lines(path: Path) -> list[list[str]]:
    """The values of each line, separated by commas or spaces; an empty list for an empty line."""
    try:
        return [line.replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"cannot be read: {error}", where=str(path), fix="check the path", retry=False
        ) from error


def read_table(path: Path) -> Float64:
    """(R, C) numbers of a MOT text, at least 6 columns; further ones as far as all lines have them.

    Raises SourceError naming the file and line where it is anything else.
    """
    lines = read_lines(path)
    numbers = [number for number, line in enumerate(lines, 1) if line]
    if not numbers:
        return np.zeros((0, 10))
    columns = min(len(lines[number - 1]) for number in numbers)
    try:
        if columns < _LEAST:
            raise ValueError
        table = np.array([lines[number - 1][:columns] for number in numbers], dtype=np.float64)
    except ValueError:
        raise _bad_line(path, lines) from None
    bad = ~np.isfinite(table[:, :_LEAST]).all(axis=1) | (table[:, 0] < 1) | (table[:, 0] % 1 != 0)
    if bad.any():
        raise _wrong(path, numbers[int(bad.argmax())], "frames are whole numbers from 1, boxes are finite")
    return table


def read_results(path: Path, length: int) -> MotRows:
    """What a tracker reported in a sequence of `length` frames: MOT text, each id at most once per frame.

    Raises SourceError where the file is something else.
    """
    table = read_table(path)
    frames, ids = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    if len(frames) and frames.max() > length:
        raise SourceError(
            f"reports frame {frames.max()} of a sequence of {length} frames",
            where=str(path),
            fix="check that the results belong to this sequence",
            retry=False,
        )
    order = np.lexsort((ids, frames))
    same = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    if same.any():
        row = order[1:][same].min()
        raise SourceError(
            f"frame {frames[row]} has id {ids[row]} more than once",
            where=str(path),
            fix="a track has one box in a frame",
            retry=False,
        )
    return mot_rows(table)


def mot_rows(table: Float64) -> MotRows:
    """The rows of a MOT text; what its columns do not tell is -1, and a missing score 1."""
    missing = np.full(len(table), -1.0)
    left_top, size = table[:, 2:4], table[:, 4:6]
    return MotRows(
        frames=table[:, 0].astype(np.int64),
        ids=table[:, 1].astype(np.int64),
        boxes=np.concatenate([left_top, left_top + size], axis=1).astype(np.float32),
        scores=(table[:, 6] if table.shape[1] > 6 else -missing).astype(np.float32),
        class_ids=(table[:, 7] if table.shape[1] > 7 else missing).astype(np.int64),
    )


def _bad_line(path: Path, lines: list[list[str]]) -> SourceError:
    """What is wrong with the first line that is no row of a MOT text."""
    for number, line in enumerate(lines, 1):
        if line and len(line) < _LEAST:
            return _wrong(
                path, number, f"expected frame, id, left, top, width, height, ..., got {len(line)} values"
            )
        for value in line:
            try:
                float(value)
            except ValueError:
                return _wrong(path, number, f"'{value}' is not a number")
    return _wrong(path, 1, "is not a table of numbers")


def _wrong(path: Path, line: int, what: str) -> SourceError:
    return SourceError(
        what, where=f"{path}:{line}", fix="see docs/evaluation.md for the formats", retry=False
    )
