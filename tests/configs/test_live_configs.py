"""The configurations for cameras that run for months, on drawn scenes and real clips, for some seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import pytest

from vidstream.cli import main

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def run(config: str, out: Path, *arguments: str) -> None:
    assert main(["run", str(CONFIGS / f"{config}.yaml"), "--out", str(out), "--quiet", *arguments]) == 0


def pictures(path: Path) -> int:
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_a_site_of_four_cameras_on_one_picture(tmp_path: Path) -> None:
    run("site", tmp_path, "--duration", "4s")
    out = tmp_path / "site"
    for camera in ("gate", "dock", "yard", "lobby"):
        assert lines(out / f"{camera}.jsonl"), camera
    walls = [path for path in out.glob("wall-*.mp4") if path.stat().st_size]
    assert sum(map(pictures, walls)) > 10


@pytest.mark.slow
def test_a_week_of_footage_and_clips_of_what_enters_the_yard(
    tmp_path: Path, assets: Callable[[str], Path]
) -> None:
    clip = assets("video/vtest.avi")
    run("record", tmp_path, "--source", str(clip), "--frames", "150")
    films = sorted(tmp_path.rglob("*.mp4"))
    footage = [path for path in films if "clips" not in path.parts]
    assert sum(map(pictures, footage)) == 150
    clips = [path for path in films if "clips" in path.parts]
    assert clips
    for path in clips:
        assert pictures(path) > 10, path
        snapshot = cv2.imread(str(path.with_suffix(".jpg")))
        assert snapshot is not None
        assert snapshot.shape == (576, 768, 3), "in full size, not as it was searched"


@pytest.mark.slow
def test_alerts_wait_where_nobody_takes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a broker nor a receiver is there: the run goes on, and what it had to say waits on disk."""
    monkeypatch.setenv("MQTT_PORT", "1")
    monkeypatch.setenv("HOOK_URL", "http://127.0.0.1:1/")
    run("alerts_mqtt", tmp_path, "--frames", "60")
    assert any(path.stat().st_size for path in tmp_path.rglob("*.records"))
