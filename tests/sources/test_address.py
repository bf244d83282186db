"""Which kind of source takes which address."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstream.graph.params import parameters
from vidstream.graph.registry import Registry
from vidstream.sources import camera, file, images, sample, stream, synthetic
from vidstream.sources.address import kind_of_address

KINDS = {"file", "stream", "camera", "images", "synthetic", "sample"}
SOURCES = Registry([camera, file, images, sample, stream, synthetic]).sources


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("clip.mp4", "file"),
        ("/data/my clip.MKV", "file"),
        ("C:\\clips\\gate.avi", "file"),
        ("moving.gif", "file"),
        ("rtsp://user:pw@10.0.0.5:554/ch1", "stream"),
        ("https://host/live.m3u8?token=x", "stream"),
        ("ftp://host/clip.mp4", "stream"),  # which then names the schemes it knows
        ("http://host/picture.jpg", "stream"),
        ("0", "camera"),
        ("12", "camera"),
        ("/dev/video2", "camera"),
        ("/dev/v4l/by-id/usb-cam", "camera"),
        ("photo.JPG", "images"),
        ("shots/*.png", "images"),
        ("shots/frame_[0-9].tif", "images"),
        ("frames/", "images"),
        ("img1", "images"),
        ("clips/*.mp4", "images"),  # a pattern is always one of pictures; it then says that it finds none
        ("synthetic:people", "synthetic"),
        ("synthetic:", "synthetic"),
        ("synthetic", "synthetic"),
        ("synthetic.mp4", "file"),
        ("sample:people", "sample"),
        ("", "images"),
        ("x" * 5000 + ".mp4", "file"),
        ("nul\0l.mp4", "file"),
    ],
)
def test_an_address_names_its_kind(address: str, kind: str) -> None:
    assert kind_of_address(address) == kind


def test_what_lies_on_disk_decides_where_the_name_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shots.v2").mkdir()
    (tmp_path / "recording").write_bytes(b"x")
    (tmp_path / "take[1].mp4").write_bytes(b"x")
    assert kind_of_address("shots.v2") == "images"
    assert kind_of_address("recording") == "file"
    assert kind_of_address("take[1].mp4") == "file"


@given(st.text(max_size=40) | st.sampled_from(["0", "a.mp4", "rtsp://x", "synthetic:a", "a/", "*"]))
def test_exactly_one_kind_takes_any_address(address: str) -> None:
    assert [spec.name for spec in SOURCES.values() if spec.accepts(address)] == [kind_of_address(address)]


def test_all_kinds_are_in_the_registry_with_a_purpose_and_meanings() -> None:
    assert set(SOURCES) == KINDS
    for spec in SOURCES.values():
        assert spec.summary.endswith(".")
        assert all(p.meaning for p in parameters(spec.params)), spec.name
