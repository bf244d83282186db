"""Real sequences for the trackers: MOT text, and pictures with their boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from trackers import Tracker
from trackers.motfile import MotRows, read_mot


@dataclass(frozen=True)
class Sequence:
    """A MOT sequence: its rate, its length, its public detections and its ground truth."""

    fps: float
    length: int
    detections: MotRows
    truth: MotRows

    def follow(self, tracker: Tracker, every: int = 1) -> MotRows:
        """What the tracker reports when the detector runs on every n-th frame."""
        reported = []
        for frame, found in self.detections.by_frame(self.length):
            given = found if (frame - 1) % every == 0 else None
            reported.append(MotRows.of(frame, tracker.update(given, pts=frame / self.fps)))
        return MotRows.concat(reported)


@pytest.fixture(scope="session")
def mot(assets: Callable[[str], Path]) -> Callable[[str], Sequence]:
    """``mot("PETS09-S2L1")``."""

    @cache
    def load(name: str) -> Sequence:
        info = ConfigParser()
        info.read(assets(f"mot/{name}/seqinfo.ini"))
        facts = info["Sequence"]
        truth = read_mot(assets(f"mot/{name}/gt/gt.txt"))
        return Sequence(
            float(facts["frameRate"]),
            int(facts["seqLength"]),
            read_mot(assets(f"mot/{name}/det/det.txt")),
            truth[truth.scores > 0],
        )

    return load


@pytest.fixture(scope="session")
def pictures(assets: Callable[[str], Path]) -> Callable[[str], Iterator[np.ndarray]]:
    """``pictures("video/vtest.avi")`` -> its frames, BGR."""

    def read(name: str) -> Iterator[np.ndarray]:
        with av.open(str(assets(name))) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="bgr24")

    return read
