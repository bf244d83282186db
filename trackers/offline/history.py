"""The memory of a whole recording: every box of it, a struct of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from trackers.motfile import MotRows
from vidstream.errors import ShapeError
from vidstream.geometry import Float32, Float64
from vidstream.types import Boxes, Detections, Ids, Scores


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """R boxes of a recording, by frame and then by id. 53 bytes a box, features aside.

    Ten objects in every frame of an hour at 30 frames per second are 57 MB.
    """

    #: int64 (R,) number of the frame, as the caller counts
    frames: Ids
    #: float64 (R,) its time stamp in seconds
    times: Float64
    #: int64 (R,) identities, -1 = none
    ids: Ids
    #: float32 (R, 4) x1 y1 x2 y2
    boxes: Boxes
    #: float32 (R,)
    scores: Scores
    #: int64 (R,)
    class_ids: Ids
    #: float32 (R, D) unit rows, a row of zeros = not looked at; or None
    features: Float32 | None
    #: bool (R,) False = filled in, no detection behind it
    observed: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and len(value) != len(self.frames):
                raise ShapeError(
                    f"{field.name}: expected {len(self.frames)} rows, got {len(value)}", where="History"
                )

    @classmethod
    def of(cls, frame: int, time: float, detections: Detections) -> Self:
        """One frame's objects; those that have a column ``since_update`` above 0 count as filled in."""
        rows = len(detections)
        order = np.argsort(detections.track_ids, kind="stable")
        found = detections[order]
        since = found.extra.get("since_update", np.zeros(rows, np.float32))
        return cls(
            np.full(rows, frame, np.int64),
            np.full(rows, time, np.float64),
            found.track_ids,
            found.boxes,
            found.scores,
            found.class_ids,
            found.features,
            np.asarray(since <= 0),
        )

    @classmethod
    def empty(cls) -> Self:
        """No boxes."""
        return cls.of(0, 0.0, Detections.empty())

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """All rows of the parts, sorted. Parts without features get rows of zeros if others have some."""
        parts = parts or [cls.empty()]
        names = [f.name for f in fields(cls) if f.name != "features"]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        joined = cls(**columns, features=_joined_features(parts))
        if _is_sorted(joined.frames, joined.ids):
            return joined
        return joined[np.lexsort((joined.ids, joined.frames))]

    @classmethod
    def from_mot(cls, rows: MotRows, fps: float) -> Self:
        """Rows of MOT text, whose frame `f` is at `f / fps` seconds."""
        made = cls(
            rows.frames,
            rows.frames / fps,
            rows.ids,
            rows.boxes,
            rows.scores,
            rows.class_ids,
            None,
            np.ones(len(rows), bool),
        )
        return made[np.lexsort((made.ids, made.frames))]

    def to_mot(self) -> MotRows:
        """As rows of MOT text."""
        return MotRows(self.frames, self.ids, self.boxes, self.scores, self.class_ids)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | Ids | slice) -> Self:
        """The rows a mask, an index or a slice names, in that order."""
        return type(self)(
            self.frames[rows],
            self.times[rows],
            self.ids[rows],
            self.boxes[rows],
            self.scores[rows],
            self.class_ids[rows],
            None if self.features is None else self.features[rows],
            self.observed[rows],
        )

    def detections(self) -> Detections:
        """The rows (of one frame, say) as detections with track ids."""
        return Detections(self.boxes, self.scores, self.class_ids, self.ids, features=self.features)


def _joined_features(parts: Sequence[History]) -> Float32 | None:
    size = next((part.features.shape[1] for part in parts if part.features is not None and len(part)), None)
    if size is None:
        return None
    rows = [np.zeros((len(p), size), np.float32) if p.features is None else p.features for p in parts]
    return np.concatenate([row.reshape(-1, size) for row in rows])


def _is_sorted(frames: Ids, ids: Ids) -> bool:
    step = np.diff(frames)
    return bool(((step > 0) | ((step == 0) & (np.diff(ids) >= 0))).all())
