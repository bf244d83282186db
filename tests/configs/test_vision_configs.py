"""The configurations of networks without boxes, on pictures whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vidstream.cli import main

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture
def run(
    assets: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Path]:
    """``run("segment", "bus")``: the configuration on a picture; gives the folder of results."""
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights")))

    def configured(config: str, name: str, *options: str) -> Path:
        given = ["--source", f"people={assets(f'pictures/{name}.jpg')}", "--out", str(tmp_path), "--quiet"]
        assert main(["run", str(CONFIGS / f"{config}.yaml"), *given, *options]) == 0
        return tmp_path

    return configured


def only_line(folder: Path) -> dict[str, Any]:
    (line,) = (folder / "people.jsonl").read_text().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def only_picture(folder: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with av.open(str(folder / "people.mp4")) as video:
        (frame,) = video.decode(video=0)
        return np.asarray(frame.to_ndarray(format="bgr24"))


def test_the_share_of_people_and_buses(run: Callable[..., Path]) -> None:
    shares = only_line(run("segment", "bus", "--set", "graph.what.model=deeplabv3-voc"))["counts"]["area %"]
    assert shares["bus"] == pytest.approx(30, abs=0.6)
    assert shares["person"] == pytest.approx(13, abs=0.6)


def test_what_a_picture_shows(run: Callable[..., Path]) -> None:
    labels = only_line(run("classify", "eagle"))["labels"]
    assert len(labels) == 3
    assert labels[0]["class"] == "kite"


def test_the_background_is_taken_away(run: Callable[..., Path]) -> None:
    pixels = only_picture(run("background_blur", "obama", "--set", "graph.back.mode=remove"))
    assert pixels[20:200, 20:200].max() < 25  # behind him
    assert pixels[250:400, 400:550].mean() > 90  # his face


def test_a_picture_is_painted(run: Callable[..., Path], assets: Callable[[str], Path]) -> None:
    import cv2

    pixels = only_picture(run("style", "bus", "--set", "graph.paint.model=style-26"))
    original = cv2.imread(str(assets("pictures/bus.jpg")))
    assert pixels.shape == original.shape
    assert np.abs(pixels.astype(int) - original).mean() > 15
