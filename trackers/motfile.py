"""MOT Challenge text: one object per line, as its detections, ground truth and results are written.

``frame, id, left, top, width, height, score, class, x, y``: frames from 1, id -1 in detections, -1 for
what is not known. Columns behind the score are optional.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from vidstream.errors import SourceError
from vidstream.geometry import from_xywh
from vidstream.types import Boxes, Detections, Ids, Scores, Tracks


@dataclass(frozen=True, slots=True, eq=False)
class MotRows:
    """R objects of a whole sequence, a struct of arrays."""

    #: int64 (R,) from 1
    frames: Ids
    #: int64 (R,) identities, -1 = none
    ids: Ids
    #: float32 (R, 4) x1 y1 x2 y2, as the file counts pixels
    boxes: Boxes
    #: float32 (R,) as the file has them: any range; in ground truth 0 marks rows to leave out
    scores: Scores
    #: int64 (R,), -1 = none
    class_ids: Ids

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | Ids) -> Self:
        """The rows a mask or index names."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    @classmethod
    def of(cls, frame: int, tracks: Detections) -> Self:
        """One frame's objects."""
        frames = np.full(len(tracks), frame, np.int64)
        return cls(frames, tracks.track_ids, tracks.boxes, tracks.scores, tracks.class_ids)

    @classmethod
    def concat(cls, parts: list[Self]) -> Self:
        """All rows of the parts, in order."""
        parts = parts or [cls.of(0, Detections.empty())]
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def by_frame(self, last: int | None = None) -> Iterator[tuple[int, Detections]]:
        """Every frame from 1 to `last` (default: the last one named) with its objects, empty ones too."""
        order = np.argsort(self.frames, kind="stable")
        if last is None:
            last = int(self.frames.max(initial=0))
        edges = np.searchsorted(self.frames[order], np.arange(1, last + 2))
        for frame, (start, end) in enumerate(pairwise(edges), 1):
            rows = order[start:end]
            yield (
                frame,
                Detections(self.boxes[rows], self.scores[rows], self.class_ids[rows], self.ids[rows]),
            )


def read_mot(path: Path) -> MotRows:
    """Read detections, ground truth or results. Raises SourceError where the text is something else."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        values = [[float(v) for v in line.replace(",", " ").split()] for line in lines if line.strip()]
        width = min((len(row) for row in values), default=7)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be read as MOT text: {error}", where=str(path), retry=False) from error
    if width < 6:
        raise SourceError(
            f"expected frame, id, left, top, width, height, ... on each line, got {width} values",
            where=str(path),
            retry=False,
        )
    table = np.array([row[:width] for row in values]).reshape(-1, width)
    missing = np.full(len(table), -1.0)
    return MotRows(
        frames=table[:, 0].astype(np.int64),
        ids=table[:, 1].astype(np.int64),
        boxes=from_xywh(table[:, 2:6]).astype(np.float32),
        scores=(table[:, 6] if width > 6 else -missing).astype(np.float32),
        class_ids=(table[:, 7] if width > 7 else missing).astype(np.int64),
    )


def mot_lines(frame: int, tracks: Tracks) -> str:
    """The lines of one frame's tracks, each ended by a newline."""
    return "".join(
        f"{frame},{track_id},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f},-1,-1,-1\n"
        for (x1, y1, x2, y2), score, _, track_id in tracks.rows()
    )
