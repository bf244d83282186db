"""Camera devices. There is no camera on a test machine: a capture object stands in for OpenCV's."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.clips import Watched
from vidstream.errors import ParamError, SourceError
from vidstream.graph.params import make_params
from vidstream.sources import camera
from vidstream.sources.address import kind_of_address
from vidstream.sources.camera import CameraDevice


class FakeCapture:
    """Answers like `cv2.VideoCapture`: 640 x 480 at 30 until asked otherwise, then `pictures` pictures."""

    def __init__(self, pictures: int = 1_000_000, period: float = 0.0) -> None:
        self.asked: list[tuple[int, float]] = []
        self.released = False
        self.blocked = threading.Event()
        self._left, self._period = pictures, period
        self._values = {
            cv2.CAP_PROP_FRAME_WIDTH: 640.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
            cv2.CAP_PROP_FPS: 30.0,
        }

    def set(self, key: int, value: float) -> bool:
        self.asked.append((key, value))
        self._values[key] = value
        return True

    def get(self, key: int) -> float:
        return self._values.get(key, 0.0)

    def read(self) -> tuple[bool, Any]:
        time.sleep(self._period)
        if self.blocked.is_set():
            time.sleep(1)
        self._left -= 1
        width, height = (int(self._values[k]) for k in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        return (True, np.full((height, width, 3), 7, np.uint8)) if self._left >= 0 else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[FakeCapture]:
    """What is opened, in this order; an empty list stands for no camera."""
    waiting: list[FakeCapture] = []

    def opened(device: int | str) -> FakeCapture:
        if not waiting:
            raise SourceError(f"camera {device} cannot be opened")
        return waiting.pop(0)

    monkeypatch.setattr(camera, "_check_device", lambda device: None)
    monkeypatch.setattr(camera, "_opened", opened)
    return waiting


@pytest.mark.skipif(Path("/dev/video77").exists(), reason="this machine has a camera 77")
@pytest.mark.parametrize("address", ["77", 77, "/dev/video77"])
def test_a_camera_that_is_not_there_is_one_clear_error(
    address: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"source 'clip': there is no camera /dev/video77; cameras of this"):
        Watched(CameraDevice, uri=address, reconnect=False).__enter__()
    assert time.monotonic() - started < 2
    assert capfd.readouterr() == ("", "")


def test_what_can_never_be_a_camera_is_not_waited_for() -> None:
    with pytest.raises(SourceError, match="/etc/hostname is no camera; name a device"):
        Watched(CameraDevice, uri="/etc/hostname").__enter__()


def test_a_camera_that_is_not_there_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, captures: list[FakeCapture]
) -> None:
    cam = Watched(CameraDevice, uri=0)
    states: list[tuple[str, str]] = []
    cam.source.announce = lambda state, cause: states.append((state, cause))
    timer = threading.Timer(0.4, lambda: captures.append(FakeCapture(period=0.01)))
    timer.start()
    with cam:
        assert len(cam.take(3)) == 3
    timer.join()
    assert ("lost", "camera 0 cannot be opened") in states
    assert states[-1] == ("live", "")


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two cameras; the first has two devices, as they do."""
    for number, name in ((2, "HD Pro Webcam C920"), (3, "HD Pro Webcam C920"), (10, "Integrated Camera")):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(f"{name}\n")
    monkeypatch.setattr(camera, "_NAMES", tmp_path)


@pytest.mark.parametrize(
    ("address", "device"),
    [("camera:c920", 2), ("camera:Integrated", 10), ("3", 3), ("/dev/video7", "/dev/video7")],
)
def test_which_device_an_address_means(names: None, address: str, device: int | str) -> None:
    assert kind_of_address(address) == "camera"
    assert camera._device(address) == device


def test_an_unknown_name_is_told_with_those_there_are(names: None) -> None:
    with pytest.raises(SourceError, match=r"there is no camera with 'Sony' in its name; .*C920 \(2\), "):
        Watched(CameraDevice, uri="camera:Sony", reconnect=False).__enter__()


def test_a_name_must_not_be_empty() -> None:
    with pytest.raises(ParamError, match="part of a camera's name"):
        make_params(CameraDevice.Params, {"uri": "camera:"}, "")


@pytest.mark.parametrize("device", ["/dev/null", "/etc/hostname", "/dev"])
def test_what_is_no_camera_is_refused(device: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"is no camera|cannot be opened"):
        Watched(CameraDevice, uri=device, reconnect=False).__enter__()


def test_the_device_is_asked_for_its_coding_before_its_size(captures: list[FakeCapture]) -> None:
    fake = FakeCapture(period=0.001)
    captures.append(fake)
    with Watched(CameraDevice, uri=0, size=[1280, 720], fourcc="MJPG", fps=15) as cam:
        info, frame = cam.info, cam.take(1)[0]
    assert [key for key, _ in fake.asked] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
    ]
    assert fake.asked[0][1] == int.from_bytes(b"MJPG", "little")
    assert (info.width, info.height, info.fps, info.live) == (1280, 720, 15, True)
    assert frame.pixels.shape == (720, 1280, 3)
    assert not frame.pixels.flags.writeable
    assert fake.released


def test_times_are_those_of_arrival(captures: list[FakeCapture]) -> None:
    captures.append(FakeCapture(period=0.02))
    with Watched(CameraDevice, uri=0) as cam:
        frames = cam.take(10)
    steps = np.diff([f.pts for f in frames])
    assert (steps >= 0.019).all()
    assert frames[0].pts < 0.5
    assert all(f.wall is not None and abs(f.wall - time.time()) < 10 for f in frames)


def test_more_than_asked_for_is_thinned_out(captures: list[FakeCapture]) -> None:
    captures.append(FakeCapture(period=0.005))
    with Watched(CameraDevice, uri=0, fps=20) as cam:
        frames = cam.take(8)
    assert np.diff([f.pts for f in frames]).mean() == pytest.approx(0.05, abs=0.02)
    assert sum(f.skipped for f in frames) > 10


def test_an_unplugged_camera_is_found_again(captures: list[FakeCapture]) -> None:
    captures += [FakeCapture(pictures=3), FakeCapture(pictures=3)]
    with Watched(CameraDevice, uri=0) as cam:
        frames = cam.take(6)
        assert cam.events == [
            ("source-lost", "gives no more pictures"),
            ("source-back", "pictures arrive again"),
        ]
    assert [f.segment for f in frames] == [0, 0, 0, 1, 1, 1]


def test_without_reconnect_the_loss_is_an_error(captures: list[FakeCapture]) -> None:
    captures.append(FakeCapture(pictures=3))
    lost = pytest.raises(SourceError, match="source 'clip': gives no more pictures")
    with Watched(CameraDevice, uri=0, reconnect=False) as cam, lost:
        cam.take(4)


def test_a_camera_that_is_only_known_to_opencv_as_too_large_is_refused(captures: list[FakeCapture]) -> None:
    captures.append(FakeCapture())
    with pytest.raises(SourceError, match="20000 x 20000"):
        Watched(CameraDevice, uri=0, size=[20_000, 20_000], reconnect=False).__enter__()


def test_interrupt_does_not_wait_for_a_stuck_driver(captures: list[FakeCapture]) -> None:
    fake = FakeCapture(period=0.001)
    captures.append(fake)
    with Watched(CameraDevice, uri=0) as cam:
        cam.take(2)
        fake.blocked.set()
        timer = threading.Timer(0.1, cam.source.interrupt)
        timer.start()
        started = time.monotonic()
        assert sum(1 for _ in cam) <= 3
        assert time.monotonic() - started < 0.8
        timer.join()


@pytest.mark.parametrize("fourcc", ["MJPEG", "MJ", "", "MJ\nG"])
def test_a_coding_has_four_letters(fourcc: str) -> None:
    with pytest.raises(ParamError, match="fourcc"):
        make_params(CameraDevice.Params, {"uri": 0, "fourcc": fourcc}, "")
