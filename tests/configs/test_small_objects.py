"""configs/small_objects.yaml on the sample clip, held against its ground truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trackers.evaluation import evaluate
from trackers.motfile import MotRows, read_mot
from vidstream.cli import main
from vidstream.types import Tracks

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "small_objects.yaml"


@pytest.mark.slow
def test_small_people_are_followed(tmp_path: Path, assets: Callable[[str], Path]) -> None:
    clip = assets("video/vtest.avi")
    arguments = ["--source", f"people={clip}", "--out", str(tmp_path), "--quiet", "--frames", "200"]
    assert main(["run", str(CONFIG), *arguments]) == 0
    lines = [json.loads(line) for line in (tmp_path / "small" / "people.jsonl").read_text().splitlines()]
    rows = []
    for frame in (line for line in lines if line["type"] == "frame"):
        boxes = np.array([o["box"] for o in frame["objects"]], np.float32).reshape(-1, 4)
        ids = np.array([o["id"] for o in frame["objects"]], np.int64)
        rows.append(MotRows.of(frame["seq"] + 1, Tracks.of(boxes, track_ids=ids)))
    truth = read_mot(assets("mot/PETS09-S2L1/gt/gt.txt"))
    scores = evaluate(truth[truth.frames <= 200], MotRows.concat(rows))
    assert scores.mota > 0.57
    assert scores.idf1 > 0.5
