"""Decoding on a graphics card: what is chosen. No card is needed, nor used where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.clips import Watched, make_clip, read_all
from vidstream.errors import ParamError, SourceError
from vidstream.graph.params import make_params
from vidstream.sources import hardware
from vidstream.sources.file import VideoFile
from vidstream.sources.stream import NetworkStream


class FakeAccel:
    """Stands for PyAV's; only `works` can be opened."""

    works = ""

    def __init__(self, kind: str, allow_software_fallback: bool = False) -> None:
        self.kind, self.falls_back = kind, allow_software_fallback

    def create(self, codec: av.codec.Codec) -> FakeAccel:
        if self.kind == "odd":
            raise NotImplementedError("no configuration for this codec")
        if self.kind != self.works:
            raise av.error.PermissionError(1, "Operation not permitted")
        return self


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A build of PyAV that knows three kinds of devices."""
    monkeypatch.setattr(hardware, "HWAccel", FakeAccel)
    monkeypatch.setattr(hardware, "hwdevices_available", lambda: ["odd", "cuda", "vaapi"])
    hardware.device.cache_clear()
    yield
    hardware.device.cache_clear()


@pytest.mark.parametrize(
    ("works", "decode", "kind"),
    [
        ("", "cpu", None),
        ("", "auto", None),
        ("cuda", "cpu", None),
        ("cuda", "auto", "cuda"),
        ("vaapi", "hardware", "vaapi"),
    ],
)
def test_what_decodes(monkeypatch: pytest.MonkeyPatch, works: str, decode: Any, kind: str | None) -> None:
    monkeypatch.setattr(FakeAccel, "works", works)
    chosen: Any = hardware.accelerator(decode)
    assert (chosen and chosen.kind) == kind
    assert chosen is None or chosen.falls_back == (decode == "auto")


@pytest.mark.parametrize("source", ["file", "stream"])
def test_a_device_that_is_not_there_is_one_clear_error(tmp_path: Path, source: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", range(5))
    kind, uri = (VideoFile, clip) if source == "file" else (NetworkStream, "tcp://127.0.0.1:9")
    with pytest.raises(
        SourceError, match=r"no device of this machine decodes video; set decode: auto, or inst"
    ):
        Watched(kind, uri=uri, decode="hardware").__enter__()


def test_without_a_device_auto_reads_on_the_processor(tmp_path: Path) -> None:
    assert len(read_all(VideoFile, uri=make_clip(tmp_path / "clip.mp4", range(5)), decode="auto")) == 5


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ParamError, match="decode"):
        make_params(NetworkStream.Params, {"uri": "rtsp://cam/1", "decode": "gpu"}, "")
