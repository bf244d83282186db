"""What looks and camera motion cost, and how well they do: ``python -m benchmarks.appearance``.

Times are CPU milliseconds on one thread, the best of several rounds in turn. Prints the tables and writes
docs/appearance.md; needs the clips with ground truth (``VIDSTREAM_ASSETS``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from trackers.appearance import Ema, Embedder, Gallery, Memory, NetworkEmbedder, describe, unit_rows
from trackers.camera_motion import METHODS, CameraMotion, from_boxes
from trackers.motfile import read_mot
from vidstream.geometry import Array, Float64
from vidstream.types import Detections, Pixels

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = _ROOT / "docs" / "appearance.md"
_ASSETS = Path(os.environ.get("VIDSTREAM_ASSETS") or _ROOT.parent / "shared" / "assets")
_ROUNDS = 9


class Clip(NamedTuple):
    """A clip whose people are known."""

    sequence: str
    file: str
    #: every n-th frame is looked at
    step: int
    fps: float


_CLIPS = (
    Clip("PETS09-S2L1", "vtest.avi", 5, 10.0),
    Clip("TUD-Stadtmitte", "TUD-Stadtmitte.mp4", 5, 25.0),
    Clip("TUD-Campus", "TUD-Campus.mp4", 3, 25.0),
)


class Sample(NamedTuple):
    """A picture with the people in it."""

    frame: int
    image: Pixels
    people: Detections


def main() -> None:
    """Measure, print, write."""
    cv2.setNumThreads(1)
    parts = ["# Looks and camera motion", *_intro(), _looks(), *_memory_part(), *_motion_part()]
    text = "\n\n".join(parts) + "\n"
    print(text)
    _PAGE.write_text(text, encoding="utf-8")


def _intro() -> Sequence[str]:
    return (
        "`python -m benchmarks.appearance`: CPU milliseconds on one thread, the best of several rounds.",
        "## Looks\n\nHow often two looks at one person, less than 8 s apart, are closer than looks at two "
        "people (area under the ROC curve, boxes of the ground truth), and what a look costs.",
    )


def _memory_part() -> Sequence[str]:
    return (
        "## Memory of looks\n\nPer frame: two detections in reach of each track, one look added to each; "
        "128 numbers per look.",
        _memories(),
    )


def _motion_part() -> Sequence[str]:
    return (
        "## Camera motion\n\nPer picture; and how far the corners of the picture seem to move, in pixels (95 "
        "of 100 frames stay below), where the camera stands still, with and without the people's boxes.",
        _motions(),
        "From boxes alone (`from_boxes`): " + _without_pictures() + ".",
    )


def _frames(file: str) -> Iterator[Pixels]:
    with av.open(str(_ASSETS / "video" / file)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _samples(clip: Clip, step: int) -> list[Sample]:
    truth = dict(read_mot(_ASSETS / "mot" / clip.sequence / "gt" / "gt.txt").by_frame())
    frames = enumerate(_frames(clip.file), 1)
    return [Sample(k, image, truth[k]) for k, image in frames if k % step == 0 and k in truth]


def _best(jobs: Mapping[Any, Callable[[], object]]) -> dict[Any, float]:
    """CPU milliseconds of each: in turn, so that a slow moment of the machine hits all alike."""
    best = dict.fromkeys(jobs, np.inf)
    for _ in range(_ROUNDS):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            best[name] = min(best[name], (time.process_time() - start) * 1e3)
    return best


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _looks() -> str:
    embedders: Mapping[str, Embedder] = {
        "`describe` (no network)": describe,
        "OSNet x0.25 (OpenCV, CPU)": NetworkEmbedder(_ASSETS / "weights" / "osnet_x0_25_msmt17.onnx"),
    }
    clips = {clip: _samples(clip, clip.step) for clip in _CLIPS}
    sample, counts = clips[_CLIPS[0]][40], (1, 8, 64)
    head = ["looks", *(f"ms per crop, {n} at once" for n in counts), *(clip.sequence for clip in _CLIPS)]
    rows = []
    for name, embed in embedders.items():
        boxes = {n: np.resize(sample.people.boxes, (n, 4)) for n in counts}
        cost = _best({n: partial(embed, sample.image, boxes[n]) for n in counts})
        scores = [f"{_told_apart(embed, samples, clip.fps):.3f}" for clip, samples in clips.items()]
        rows.append([name, *(f"{cost[n] / n:.2f}" for n in counts), *scores])
    return _table(head, rows)


def _told_apart(embed: Embedder, samples: Sequence[Sample], fps: float) -> float:
    rows = np.concatenate([embed(s.image, s.people.boxes) for s in samples])
    ids = np.concatenate([s.people.track_ids for s in samples])
    seconds = np.repeat([s.frame / fps for s in samples], [len(s.people) for s in samples])
    apart = np.abs(seconds[:, None] - seconds)
    near, same = (apart > 0) & (apart < 8), ids[:, None] == ids
    distances = 1 - rows @ rows.T
    own, other = np.sort(distances[near & same]), distances[near & ~same]
    return float(np.searchsorted(own, other).mean() / len(own))


def _memories() -> str:
    rows = []
    for count in (50, 200, 500):
        features = unit_rows(np.random.default_rng(0).normal(size=(count, 128)).astype(np.float32))
        memories: Mapping[str, Memory] = {"gallery": Gallery(100), "mean": Ema()}
        for memory in memories.values():
            memory.add(np.arange(count), features)
        cost = _best({name: partial(_remember, memory, features) for name, memory in memories.items()})
        rows.append([str(count), *(f"{cost[name]:.2f}" for name in memories)])
    return _table(["tracks", "`Gallery` of 100 looks, ms", "`Ema`, ms"], rows)


def _remember(memory: Memory, features: Array) -> None:
    keys = np.arange(len(features))
    rows, offsets = np.repeat(keys, 2), np.tile([0, 1], len(keys))
    memory.pair_distances(keys, features, rows, (rows + offsets) % len(keys))
    memory.add(keys, features)


def _motions() -> str:
    sizes = ((640, 480), (1280, 720), (1920, 1080))
    frames = list(islice(_frames("bus_text_1080p.mp4"), 12))
    still = [s for clip in _CLIPS for s in [_samples(clip, 1)[:60]]]
    rows = []
    for name, method in METHODS.items():
        scaled = {size: [np.asarray(cv2.resize(f, size), np.uint8) for f in frames] for size in sizes}
        cost = _best({size: partial(_run, method(), scaled[size]) for size in sizes})
        shown = [f"{cost[size] / len(frames):.1f}" for size in sizes]
        moved = [max(_unrest(method(), clip, boxes) for clip in still) for boxes in (True, False)]
        rows.append([f"`{name}`", *shown, *(f"{value:.2f}" for value in moved)])
    head = [*(f"{w}x{h}, ms" for w, h in sizes), "unrest, boxes given", "unrest, no boxes"]
    return _table(["method", *head], rows)


def _run(camera: CameraMotion, frames: Sequence[Pixels]) -> None:
    for image in frames:
        camera.update(image)


def _unrest(camera: CameraMotion, samples: Sequence[Sample], boxes: bool) -> float:
    moved = []
    for sample in samples:
        motion = camera.update(sample.image, sample.people.boxes if boxes else None)
        height, width = sample.image.shape[:2]
        corners: Float64 = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
        there = corners @ motion.matrix[:, :2].T + motion.matrix[:, 2]
        moved.append(np.linalg.norm(there - corners, axis=1).max())
    return float(np.quantile(moved, 0.95))


def _without_pictures() -> str:
    jobs = {}
    for count in (10, 50, 200):
        first = np.random.default_rng(1).uniform(0, 1000, (count, 2))
        boxes = np.hstack([first, first + np.array([40, 90])])
        jobs[count] = partial(from_boxes, boxes, boxes + 3)
    return ", ".join(f"{n} pairs {ms:.2f} ms" for n, ms in _best(jobs).items())


if __name__ == "__main__":
    main()
