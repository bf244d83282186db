"""What everybody is given: recordings of the benchmarks, as files that any Python with NumPy reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.trackers.scenes import FPS, HEIGHT, WIDTH, scene
from trackers.evaluation import Sequence, frames_of, read_sequence
from trackers.motfile import MotRows
from vidstream.geometry import Float64

ROOT = Path(__file__).resolve().parents[2]
#: inputs, what the peers reported, and scores: kept, so that only what has changed is run again
CACHE = ROOT / "out" / "benchmarks" / "trackers"

#: detections of PointRCNN with lower scores are mostly nothing (its authors' advice)
KITTI_SCORE = 2.0


@dataclass(frozen=True, slots=True)
class Recording:
    """A part of a sequence, tracked as if nothing came before it."""

    family: str
    sequence: Sequence
    first: int
    last: int

    @property
    def name(self) -> str:
        """File names start with it."""
        whole = (self.first, self.last) == (1, self.sequence.length)
        return self.sequence.name + ("" if whole else f"-{self.first}-{self.last}")

    def detections(self) -> MotRows:
        """Rows by frame, from 1; scores in [0, 1]."""
        rows = self.sequence.detections
        chosen = rows[(rows.frames >= self.first) & (rows.frames <= self.last)]
        chosen = chosen[np.argsort(chosen.frames, kind="stable")]
        if self.family == "KITTI":
            chosen = _of_kitti(chosen)
        scores, classes = np.clip(chosen.scores, 0, 1), np.maximum(chosen.class_ids, 0)
        return MotRows(chosen.frames - self.first + 1, chosen.ids, chosen.boxes, scores, classes)


def recordings(families: tuple[str, ...] = ()) -> Iterator[Recording]:
    """All there are, by family; none where the data are not there."""
    folder = assets() / "mot"
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        family = family_of(path.name)
        sequence = read_sequence(path)
        parts = {family: (1, sequence.length)}
        if family == "MOT17":
            parts = {"MOT17 val half": frames_of("val", sequence.length), "MOT17": (1, sequence.length)}
        for name, (first, last) in parts.items():
            if not families or name in families:
                yield Recording(name, sequence, first, last)


def assets() -> Path:
    """Where the benchmarks' data lie: $VIDSTREAM_ASSETS, or shared/assets beside the project."""
    return Path(os.environ.get("VIDSTREAM_ASSETS", ROOT.parent / "shared" / "assets"))


def family_of(name: str) -> str:
    """Which benchmark a sequence belongs to."""
    if name.startswith("KITTI-T"):
        return "KITTI"
    return "MOT17" if name.startswith("MOT17") else "MOT15"


def recording_file(recording: Recording) -> Path:
    """The input made of a recording."""
    path = CACHE / "inputs" / f"{recording.family}-{recording.name}.npz".replace(" ", "-")
    if not path.exists():
        rows, sequence = recording.detections(), recording.sequence
        columns = {"frames": rows.frames, "boxes": rows.boxes.astype(float), "scores": rows.scores}
        motion = _camera_motion(sequence.name, recording.first, recording.last)
        _save(
            path,
            **columns,
            class_ids=rows.class_ids,
            length=recording.last - recording.first + 1,
            fps=sequence.fps,
            width=sequence.width,
            height=sequence.height,
            **({} if motion is None else {"warps": motion}),
        )
    return path


def scene_file(count: int, length: int, *, features: bool) -> Path:
    """The input made of a drawn scene."""
    path = CACHE / "inputs" / f"scene-{count}-{length}{'-looks' if features else ''}.npz"
    if not path.exists():
        drawn = scene(count, length, features=features)
        _save(
            path,
            frames=drawn.frames,
            boxes=drawn.boxes,
            scores=drawn.scores,
            class_ids=np.zeros(len(drawn.frames), np.int64),
            length=length,
            fps=FPS,
            width=WIDTH,
            height=HEIGHT,
            **({} if drawn.features is None else {"features": drawn.features}),
        )
    return path


def _of_kitti(rows: MotRows) -> MotRows:
    """Cars and pedestrians worth looking at, with scores (log-odds in the file) as probabilities."""
    kept = rows[np.isin(rows.class_ids, (1, 2)) & (rows.scores > KITTI_SCORE)]
    scores = 1 / (1 + np.exp(-kept.scores))
    return MotRows(kept.frames, kept.ids, kept.boxes, scores.astype(np.float32), kept.class_ids)


def _camera_motion(name: str, first: int, last: int) -> Float64 | None:
    """(F, 2, 3) from the frame before to this one, where the benchmark's data have it."""
    path = assets() / "mot" / name / "gmc.txt"
    if not path.exists():
        return None
    table = np.loadtxt(path)[first - 1 : last, 1:].reshape(-1, 2, 3)
    table[0] = np.eye(2, 3)
    return table


def _save(path: Path, **arrays: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type]  # its stub takes the names for its own options
