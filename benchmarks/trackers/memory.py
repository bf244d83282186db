"""Whether memory stays flat while objects come and go: ``python -m ...memory NAME FRAMES``."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import numpy as np

from trackers.catalogue import make
from vidstream.types import Detections

#: objects in view, frames each of them lives, numbers of a descriptor
_OBJECTS, _LIFE, _DIMENSIONS = 5, 20, 16


def growth(name: str, frames: int) -> float:
    """MiB by which the process grew over the last nine tenths of `frames`."""
    rng, tracker = np.random.default_rng(0), make(name)
    early = 0.0
    for frame in range(frames):
        age = (frame + np.arange(_OBJECTS) * _LIFE // _OBJECTS) % _LIFE
        if frame == 0:
            corner, looks = rng.uniform(0, 1000, (_OBJECTS, 2)), rng.normal(size=(_OBJECTS, _DIMENSIONS))
        new = age == 0
        corner[new] = rng.uniform(0, 1000, (int(new.sum()), 2))
        looks[new] = rng.normal(size=(int(new.sum()), _DIMENSIONS))
        left_top = corner + 2 * age[:, None] + rng.normal(0, 1, corner.shape)
        boxes = np.concatenate([left_top, np.add(left_top, (40, 100))], axis=1)
        rows = (looks / np.linalg.norm(looks, axis=1, keepdims=True)).astype(np.float32)
        tracker.update(Detections.of(boxes, 0.9, features=rows), pts=frame / 30)
        if frame == frames // 10:
            early = resident()
    return resident() - early


def resident() -> float:
    """MiB of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    print(json.dumps(growth(sys.argv[1], int(sys.argv[2]))))
