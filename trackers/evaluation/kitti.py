"""KITTI's own tracking text (Geiger et al. 2012): one object per line, 17 values or 18 with a score.

``frame id type truncated occluded alpha left top right bottom height width length x y z rotation [score]``:
frames from 0, types as words, id -1 for areas in which nothing was annotated (DontCare).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trackers.evaluation.tables import bad_line, read_lines
from vidstream.errors import UsageError
from vidstream.geometry import Float64
from vidstream.types import Ids

#: what detections and results call the classes; a KITTI sequence turned into MOT text has these in column 8
CLASSES = {"car": 1, "pedestrian": 2, "cyclist": 3}
#: boxes up to this height, in pixels, that lie on nothing are left out
MIN_HEIGHT = 25.0
#: what lies on one of these is no error of the class: both look alike
_ALIKE = {"car": "van", "pedestrian": "person"}
_TYPES = ("car", "pedestrian", "cyclist", "van", "person", "truck", "tram", "misc", "dontcare")
_SYNONYMS = {"person_sitting": "person", "car_2": "car"}
_NUMBERS = {word: number for number, word in enumerate(_TYPES, 1)}
_MAX_OCCLUSION, _MAX_TRUNCATION = 2, 0
_LEAST = 10


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """R lines of KITTI's text, a struct of arrays."""

    #: int64 (R,) from 1
    frames: Ids
    #: int64 (R,)
    ids: Ids
    #: int64 (R,) see `CLASSES`
    class_ids: Ids
    #: float64 (R, 4) x1 y1 x2 y2
    boxes: Float64
    #: bool (R,) more hidden or cut off than the benchmark demands a tracker to find
    hard: npt.NDArray[np.bool_]
    #: float64 (R,) 1 where the text has none
    scores: Float64


def is_kitti(path: Path) -> bool:
    """Whether this is KITTI's text: its third value is a word."""
    first = next((line for line in read_lines(path) if line), [])
    return len(first) >= _LEAST and first[2][:1].isalpha()


def read_labels(path: Path) -> Labels:
    """Read annotations, detections or results. Raises SourceError naming file and line."""
    numbers: list[list[float]] = []
    for number, line in enumerate(read_lines(path), 1):
        if not line:
            continue
        try:
            word = line[2].lower() if len(line) > 2 else ""
            kind = _NUMBERS[_SYNONYMS.get(word, word)]
            values = [float(value) for value in line[:2] + line[3:_LEAST]]
            score = float(line[17]) if len(line) > 17 else 1.0
        except KeyError:
            raise bad_line(path, number, f"'{word}' is no type of KITTI ({', '.join(_TYPES)})") from None
        except ValueError as error:
            raise bad_line(path, number, str(error)) from None
        if len(values) < _LEAST - 1 or not np.isfinite(values).all() or values[0] < 0:
            raise bad_line(path, number, f"expected frame, id, type and at least {_LEAST - 3} numbers")
        numbers.append([*values, kind, score])
    table: Float64 = np.array(numbers, np.float64).reshape(-1, _LEAST + 1)
    whole = table[:, [0, 1, 2, 3, 9]].astype(np.int64)
    return Labels(
        frames=whole[:, 0] + 1,
        ids=whole[:, 1],
        class_ids=whole[:, 4],
        boxes=table[:, 5:9],
        hard=(whole[:, 3] > _MAX_OCCLUSION) | (whole[:, 2] > _MAX_TRUNCATION),
        scores=table[:, 10],
    )


def dont_care(labels: Labels) -> npt.NDArray[np.bool_]:
    """(R,) areas, not objects."""
    areas: npt.NDArray[np.bool_] = labels.class_ids == _NUMBERS["dontcare"]
    return areas


def alike(name: str) -> int:
    """The number of the type that looks like class `name`; 0 where none does."""
    return _NUMBERS.get(_ALIKE.get(name, ""), 0)


def chosen_classes(names: tuple[str, ...] | None) -> dict[str, int]:
    """Name and number of the classes asked for; none = those that the benchmark scores.

    Raises UsageError where KITTI has no such class.
    """
    for name in names or ():
        if name not in CLASSES:
            raise UsageError(
                f"KITTI has no class '{name}'", where="classes", fix=f"known: {', '.join(CLASSES)}"
            )
    return {name: CLASSES[name] for name in names or ("car", "pedestrian")}


def listed_length(folder: Path, name: str) -> int | None:
    """How many frames the benchmark's own list beside the labels gives a sequence."""
    for file in sorted(folder.glob("evaluate_tracking.seqmap*")):
        for line in read_lines(file):
            if len(line) >= 4 and line[0] == name and line[3].isdigit():
                return int(line[3])
    return None
