"""Cameras that send what they should not: damaged, cut, of another size, far too large, no pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.camera import HUGE
from tests.support.fault_table import Recorder
from tests.support.live_site import Site
from tests.support.memory import peak_growth


def judged(running: Site, kind: str, since: float, record: Recorder) -> tuple[int, int]:
    """How many frames were visibly spoilt, and how many of these were marked."""
    frames = running.after(kind, since)
    spoilt = [f for f in frames if f.spoilt]
    whole = len(frames) - len(spoilt)
    marked = sum(f.damaged for f in spoilt)
    record("frames given", len(frames), "", on=kind)
    record("visibly damaged", len(spoilt), "", on=kind)
    if spoilt:
        record("of these marked", 100 * marked / len(spoilt), "%", on=kind)
    if whole:
        record("good ones marked", 100 * sum(f.damaged for f in frames if not f.spoilt) / whole, "%", on=kind)
    return len(spoilt), marked


def clean(running: Site, record: Recorder, began: float) -> None:
    """The camera beside them: nothing marked, nothing lost, never restarted."""
    frames = running.after("bystander", began)
    record("marked although clean", sum(f.damaged for f in frames), "", "= 0", on="another camera")
    record("restarts", running.segments("bystander") - 1, "", "= 0", on="another camera")
    record("frames lost", running.missing("bystander", began), "", "= 0", on="another camera")
    assert not any(f.damaged for f in frames)
    assert running.segments("bystander") == 1
    assert len(frames) > 20


def in_trouble(cameras: Any, site: Any, kinds: tuple[str, ...], **orders: Any) -> tuple[Site, float]:
    """A site whose cameras are well for ten frames and then get these orders; when that was."""
    victims = {kind: cameras(kind) for kind in kinds}
    running = site({**{k: c.url for k, c in victims.items()}, "bystander": cameras("rtsp").url}, judge=True)
    for name in [*kinds, "bystander"]:
        running.wait_for_frames(name, 10)
    began = time.monotonic()
    for camera in victims.values():
        camera.order(**orders)
    return running, began


def test_size_change(cameras: Any, site: Any, record: Recorder) -> None:
    """Size changes on the way"""
    kinds = ("rtsp", "ts", "mjpeg", "udp")
    running, began = in_trouble(cameras, site, kinds, size=(192, 112))
    for kind in kinds:
        new = running.wait(
            lambda k=kind: [f for f in running.after(k, began) if f.size == (192, 112)], f"{kind}: new size"
        )
        running.wait_for_frames(kind, 25, new[0].at)
        record("first frame of the new size", new[0].at - began, "s", on=kind)
        states = [s.state for s in running.states[kind] if s.mono > began]
        segments = {
            size: {f.segment for f in running.frames[kind] if f.size == size}
            for size in ((320, 240), (192, 112))
        }
        record("said format-changed", states.count("format-changed"), "times", "= 1", on=kind)
        assert segments[320, 240].isdisjoint(segments[192, 112]), "a new size is a new segment"
        assert "format-changed" in states, states
        assert not any(f.size == (320, 240) for f in running.after(kind, new[0].at))
    clean(running, record, began)


@pytest.mark.parametrize(
    ("trouble", "share", "kinds"),
    [
        pytest.param("flipped", 0.03, ("rtsp", "ts", "udp"), id="one byte in 33 packets is another one"),
        pytest.param("lossy", 0.02, ("rtsp", "udp"), id="one packet in 50 is lost"),
    ],
)
def test_damage_on_the_way(
    cameras: Any, site: Any, record: Recorder, trouble: str, share: float, kinds: tuple[str, ...]
) -> None:
    """Packets damaged or lost on the way"""
    running, began = in_trouble(cameras, site, kinds, trouble=trouble, share=share, fps=25)
    time.sleep(15)
    found = [judged(running, kind, began, record) for kind in kinds]
    spoilt, marked = (sum(values) for values in zip(*found, strict=True))
    record("visibly damaged frames marked", 100 * marked / spoilt, "%", ">= 95", on="all")
    clean(running, record, began)
    assert marked >= 0.85 * spoilt, found  # what a codec takes for a valid picture, nobody can tell


@pytest.mark.parametrize(
    ("trouble", "share", "goal"),
    [
        pytest.param("halved", 0.3, ">= 95", id="a third of the JPEGs is cut in half"),
        # most bytes of a JPEG are valid whatever they are: another picture, and nobody can tell
        pytest.param("flipped", 0.3, "", id="a byte of every third JPEG is another one"),
    ],
)
def test_damaged_jpegs(
    cameras: Any, site: Any, record: Recorder, trouble: str, share: float, goal: str
) -> None:
    """MJPEG over HTTP with damaged pictures"""
    running, began = in_trouble(cameras, site, ("mjpeg",), trouble=trouble, share=share)
    time.sleep(8)
    spoilt, marked = judged(running, "mjpeg", began, record)
    record("visibly damaged frames marked", 100 * marked / spoilt, "%", goal, on="all")
    record("restarts", running.segments("mjpeg") - 1, "", on="mjpeg")
    clean(running, record, began)
    assert len(running.after("mjpeg", began)) > 40
    assert marked >= 0.9 * spoilt or not goal


def test_noise_between_pictures(cameras: Any, site: Any, record: Recorder) -> None:
    """MJPEG over HTTP with noise between the pictures"""
    noise = cameras("mjpeg")
    running = site({"noise": noise.url, "bystander": cameras("rtsp").url}, judge=True)
    running.wait_for_frames("noise", 10)
    began = time.monotonic()
    noise.order(trouble="garbage", share=0.02)
    time.sleep(10)
    judged(running, "noise", began, record)
    record("connections", running.segments("noise"), "", on="mjpeg")
    noise.order(trouble="")
    cured = time.monotonic()
    back = running.first_fresh("noise", cured).at - cured
    record("first new frame after the noise", back, "s", "<= 5.5", on="mjpeg")
    clean(running, record, began)
    assert back < 11
    assert len(running.after("noise", began)) > 20


def test_nothing_but_garbage(cameras: Any, site: Any, record: Recorder) -> None:
    """Nothing but noise over HTTP"""
    noise = cameras("mjpeg", trouble="garbage", share=1.0)
    running = site({"noise": noise.url, "bystander": cameras("rtsp").url})
    began = time.monotonic()
    running.wait_for_frames("bystander", 25)
    running.wait(
        lambda: any(s.state == "bad-data" for s in running.states["noise"]), "bad-data to be said", 60
    )
    record("told as bad-data after", time.monotonic() - began, "s", on="mjpeg")
    assert not running.frames["noise"]
    noise.order(trouble="")
    cured = time.monotonic()
    back = running.first_fresh("noise", cured).at - cured
    record("first new frame", back, "s", on="mjpeg")
    assert running.segments("bystander") == 1


@pytest.mark.parametrize(
    ("trouble", "most"),
    [
        pytest.param("bomb", 64.0, id="JPEGs that claim to be 30000 x 30000"),
        pytest.param("huge", 700.0, id="JPEGs of 7680 x 4320"),
    ],
)
def test_too_large(cameras: Any, site: Any, record: Recorder, trouble: str, most: float) -> None:
    """Pictures that are too large, or nearly"""
    with peak_growth() as growth:
        running, _ = in_trouble(cameras, site, ("mjpeg",), trouble=trouble, share=0.1)
        time.sleep(8)
        running.wait_for_frames("mjpeg", 10, time.monotonic())
        running.stop()
    record("memory at the most", growth(), "MiB more", f"<= {most:g}", on="mjpeg")
    sizes = {f.size for f in running.frames["mjpeg"]}
    assert sizes <= {(320, 240), HUGE}
    assert (HUGE in sizes) == (trouble == "huge")
    assert running.segments("bystander") == 1
    assert growth() <= 2 * most


def test_bomb_in_a_folder(tmp_path: Path, record: Recorder) -> None:
    """A PNG of 30000 x 30000 in a folder of pictures"""
    import struct
    import zlib

    import cv2
    import numpy as np

    from vidstream import Pipeline

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(30_001 * 30_000), 9)  # 900 MB unpacked, 900 kB here
    head = struct.pack("!IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    for name in ("a.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    del rows
    (tmp_path / "b.png").write_bytes(png)
    with peak_growth() as growth:
        pipeline = Pipeline.build(source=str(tmp_path), graph={"move": "detect.motion"})
        report = pipeline.run()
    record("memory at the most", growth(), "MiB more", "<= 64", on="folder")
    record("good pictures given", report.sources[0].ledger.done, "", "= 2", on="folder")
    assert growth() < 128
    assert report.sources[0].ledger.done == 2
