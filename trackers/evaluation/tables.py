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
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text"
        what = f"cannot be read: {reason}"
        raise SourceError(what, where=str(path), fix="check the path", retry=False) from error


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
        raise _first_fault(path, lines) from None
    bad = ~np.isfinite(table[:, :_LEAST]).all(axis=1) | (table[:, 0] < 1) | (table[:, 0] % 1 != 0)
    if bad.any():
        raise bad_line(path, numbers[int(bad.argmax())], "frames are whole numbers from 1, boxes are finite")
    return table


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


def _first_fault(path: Path, lines: list[list[str]]) -> SourceError:
    """What is wrong with the first line that is no row of a MOT text."""
    for number, line in enumerate(lines, 1):
        if line and len(line) < _LEAST:
            return bad_line(
                path, number, f"expected frame, id, left, top, width, height, ..., got {len(line)} values"
            )
        for value in line:
            try:
                float(value)
            except ValueError:
                return bad_line(path, number, f"'{value}' is not a number")
    return bad_line(path, 1, "is not a table of numbers")


def bad_line(path: Path, line: int, what: str) -> SourceError:
    """The error to raise for a line (from 1)."""
    return SourceError(
        what, where=f"{path}:{line}", fix="see docs/evaluation.md for the formats", retry=False
    )


def result_lines(rows: MotRows) -> str:
    """MOT text of what a tracker reported, classes included.

    With the usual two digits, a box whose IoU is nearly one half may score otherwise when read again.
    """
    boxes = rows.boxes.astype(np.float64)
    left_top, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    columns = (rows.frames, rows.ids, left_top, size, rows.scores, rows.class_ids)
    lists = zip(*(column.tolist() for column in columns), strict=True)
    return "".join(
        f"{frame},{track},{x:.5f},{y:.5f},{w:.5f},{h:.5f},{score:.4f},{kind},-1,-1\n"
        for frame, track, (x, y), (w, h), score, kind in lists
    )
