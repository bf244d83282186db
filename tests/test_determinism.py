"""A recording gives the same results, byte for byte, whatever the number of threads and workers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from vidstream.cli import main

CONFIG = """
version: 1
source: {uri: CLIP}
graph:
  small: {use: image.resize, width: 480}
  find:  {use: detect.hog, scale: 1.25, pyramid: 1.2, every: 2, workers: WORKERS}
  sure:  {use: filter.objects, min_score: 0.3}
  track: {use: track.deepsort}
  other: {use: track.sort, in: sure, refine: true}  # so it all goes in two passes
  cross: {use: count.line, in: track, lines: {middle: [[0.5, 0.0], [0.5, 1.0]]}}
  face:  {use: detect.haar, cascade: fullbody, every: 700ms, workers: WORKERS}
  draw:  {use: draw.overlay, in: {image: source, objects: [track, face]}}
  video: {use: sink.video, path: out.mp4}
  log:   {use: sink.jsonl, in: [track, cross.counts, cross.events], path: tracks.jsonl}
  rest:  {use: sink.jsonl, in: other, path: other.jsonl}
  table: {use: sink.csv, in: face, path: faces.csv}
"""


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_threads_and_workers_change_nothing(tmp_path: Path, assets: Callable[[str], Path]) -> None:
    clip = assets("video/vtest.avi")
    results = {}
    for threads, workers in [(1, 1), (2, 2), (4, 4), ("auto", 2)]:
        config = tmp_path / f"{threads}-{workers}.yaml"
        config.write_text(CONFIG.replace("CLIP", str(clip)).replace("WORKERS", str(workers)))
        out = tmp_path / f"out-{threads}-{workers}"
        arguments = ["--out", str(out), "--threads", str(threads), "--frames", "40", "--quiet"]
        assert main(["run", str(config), *arguments]) == 0
        results[threads, workers] = hashes(out)
    first = results[1, 1]
    assert set(first) == {"out.mp4", "tracks.jsonl", "other.jsonl", "faces.csv"}
    for setting, found in results.items():
        assert found == first, f"threads, workers = {setting}"


@pytest.mark.slow
def test_two_runs_are_the_same(tmp_path: Path) -> None:
    config = Path(__file__).resolve().parents[1] / "configs" / "multi_camera.yaml"
    found = []
    for name in ("first", "second"):
        assert main(["run", str(config), "--out", str(tmp_path / name), "--frames", "40", "--quiet"]) == 0
        found.append(hashes(tmp_path / name / "multi"))
    assert len(found[0]) == 6
    assert found[0] == found[1]
