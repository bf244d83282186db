"""Recordings that are cut short or damaged: read as far as they go, told, and marked."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.clips import Watched, make_clip, number_of, read_all
from vidstream.sources.file import VideoFile

FRONT = {"movflags": "faststart"}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("clip.mp4", {"muxing": FRONT}, id="mp4 with its index in front"),
        pytest.param("clip.mp4", {"muxing": FRAGMENTED}, id="fragmented mp4, as a killed writer leaves it"),
        pytest.param("clip.mkv", {}, id="mkv"),
        pytest.param("clip.avi", {"codec": "mpeg4"}, id="avi"),
        pytest.param("clip.flv", {}, id="flv"),
        pytest.param("clip.webm", {"codec": "libvpx"}, id="webm"),
    ],
)
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_recording_cut_short_is_read_to_the_cut(
    tmp_path: Path, name: str, how: dict[str, object], share: float
) -> None:
    options = {"bf": "0"} if "codec" not in how else {}
    path = make_clip(tmp_path / name, range(100), options=options, **how)
    data = path.read_bytes()
    path.write_bytes(data[: round(share * len(data))])
    with Watched(VideoFile, uri=path) as clip:
        frames = list(clip)
        # an avi says nothing of its length that a cut does not change: only a picture cut in two shows it
        assert clip.kinds == {"file-damaged"} or name == "clip.avi"
        assert all(str(path) in message for _, message in clip.events)
    assert [number_of(f.pixels) for f in frames] == list(range(len(frames)))
    assert 100 * share - 30 < len(frames) < 100 * share + 10
    assert not any(f.damaged for f in frames)


def test_the_same_recordings_whole_are_not_called_damaged(tmp_path: Path) -> None:
    for name, how in (("a.mp4", {"sound": True}), ("a.mkv", {"sound": True}), ("a.avi", {"codec": "mpeg4"})):
        with Watched(VideoFile, uri=make_clip(tmp_path / name, range(50), **how)) as clip:
            assert not any(f.damaged for f in clip)
            assert clip.events == []


@pytest.mark.parametrize("name", ["TUD-Stadtmitte.mp4", "face_single.mp4"])
def test_flipped_bits_mark_the_frames_that_show_them_and_no_others(
    assets: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    """Golden: the same frames of the whole file; what differs visibly must be marked, what is equal not."""
    whole = assets(f"video/{name}")
    data = bytearray(whole.read_bytes())
    start, rng = data.index(b"mdat") + 4, random.Random(7)
    length = int.from_bytes(data[start - 8 : start - 4], "big") - 8
    for _ in range(20):
        place = start + rng.randrange(length // 3, length)
        data[place] ^= 1 << rng.randrange(8)
    broken = tmp_path / name
    broken.write_bytes(data)
    good = {round(f.pts, 4): f.pixels for f in read_all(VideoFile, uri=whole)}
    with Watched(VideoFile, uri=broken) as clip:
        frames = list(clip)
        assert "file-damaged" in clip.kinds
    off = [np.abs(f.pixels.astype(int) - good[round(f.pts, 4)]).mean() for f in frames]
    spoilt = [f.damaged for f, difference in zip(frames, off, strict=True) if difference > 0.05]
    whole_ones = [f.damaged for f, difference in zip(frames, off, strict=True) if difference == 0]
    assert len(spoilt) > 20
    assert sum(spoilt) >= 0.8 * len(spoilt)
    assert sum(whole_ones) <= 0.05 * len(whole_ones)


def test_a_hole_in_the_middle_does_not_end_the_reading(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.ts", range(200), options={"g": "20"})
    data = bytearray(path.read_bytes())
    third = len(data) // 3 // 188 * 188
    data[third : third + 188 * 40] = bytes(188 * 40)
    path.write_bytes(data)
    with Watched(VideoFile, uri=path) as clip:
        frames = list(clip)
        assert clip.kinds == {"file-damaged"}
    assert number_of(frames[-1].pixels) == 199
    assert not frames[-1].damaged
    assert any(f.damaged for f in frames)
    assert [f.pts for f in frames] == sorted(f.pts for f in frames)
