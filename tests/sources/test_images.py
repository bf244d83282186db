"""Pictures as a video: order, orientation, limits, and what cannot be read."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.support.clips import Watched, number_of, numbered, read_all
from vidstream.errors import ParamError, SourceError
from vidstream.graph.params import make_params
from vidstream.sources.images import ImageFiles

SIZE = (64, 48)


def save(path: Path, number: int = 0, size: tuple[int, int] = SIZE) -> Path:
    cv2.imwrite(str(path), numbered(number, size))
    return path


def huge_png(path: Path) -> Path:
    """A small PNG whose header claims 9000 x 8000 pixels, with the right checksum."""
    data = bytearray(save(path).read_bytes())
    data[16:24] = struct.pack(">II", 9000, 8000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    return path


def test_a_folder_in_natural_order(tmp_path: Path) -> None:
    names = ["f1.png", "f2.png", "F3.png", "f10.png", "f11b.png", "f100.jpg", "g.bmp"]
    for name in random.Random(0).sample(names, len(names)):
        save(tmp_path / name, names.index(name))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".f4.png").write_bytes(b"left by a file manager")
    (tmp_path / "deeper.png").mkdir()
    with Watched(ImageFiles, uri=tmp_path, fps=10) as folder:
        info, frames = folder.info, list(folder)
        assert folder.events == []
    assert [number_of(f.pixels) for f in frames] == list(range(7))
    assert [f.pts for f in frames] == pytest.approx([n / 10 for n in range(7)])
    assert (info.width, info.height, info.fps, info.frames, info.duration) == (64, 48, 10, 7, 0.7)
    assert not frames[0].pixels.flags.writeable


def test_a_pattern_and_a_single_picture(tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / f"shot{number}.png", number)
    save(tmp_path / "other.jpg", 99)
    frames = read_all(ImageFiles, uri=str(tmp_path / "shot?.png"))
    assert [number_of(f.pixels) for f in frames] == list(range(10))
    assert [f.pts for f in frames][:2] == [0, 0.04]
    assert len(read_all(ImageFiles, uri=tmp_path / "other.jpg")) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_as_exif_says(tmp_path: Path, orientation: int) -> None:
    """The reference is Pillow's own transposition."""
    upright = Image.fromarray(numbered(1, SIZE))
    exif = upright.getexif()
    exif[0x0112] = orientation
    upright.save(tmp_path / "a.jpg", exif=exif, quality=95)
    expected = ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg"))
    pixels = read_all(ImageFiles, uri=tmp_path / "a.jpg")[0].pixels
    np.testing.assert_array_equal(pixels[:, :, ::-1], np.asarray(expected))


@pytest.mark.parametrize(
    "name", ["pictures/bus.jpg", "pictures/text.png", "coco8/images/val/000000000036.jpg", "flow/aloeGT.png"]
)
def test_pixels_are_those_of_an_independent_reader(assets: Callable[[str], Path], name: str) -> None:
    pixels = read_all(ImageFiles, uri=assets(name))[0].pixels
    np.testing.assert_array_equal(pixels[:, :, ::-1], np.asarray(Image.open(assets(name)).convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK", "I;16"])
def test_every_kind_of_pixel(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        Image.fromarray(numbered(5, SIZE)[:, :, 0].astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(numbered(5, SIZE)[:, :, ::-1]).convert(mode).save(path)
    frame = read_all(ImageFiles, uri=path)[0]
    assert (frame.pixels.shape, frame.pixels.dtype) == ((48, 64, 3), np.uint8)
    assert number_of(frame.pixels) == 5


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp", "tif", "webp", "ppm"])
def test_every_format(tmp_path: Path, ending: str) -> None:
    assert number_of(read_all(ImageFiles, uri=save(tmp_path / f"a.{ending}", 77))[0].pixels) == 77


def cut(path: Path, share: float) -> Path:
    data = save(path).read_bytes()
    path.write_bytes(data[: round(share * len(data))])
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


UNREADABLE: list[tuple[str, Callable[[Path], Path], str]] = [
    ("a jpeg cut in half", lambda f: cut(f / "2.jpg", 0.5), "is damaged or cut short"),
    ("a png cut in half", lambda f: cut(f / "2.png", 0.5), "is damaged or cut short"),
    ("a jpeg of its first bytes", lambda f: cut(f / "2.jpg", 0.02), "has a header that makes no sense"),
    ("a webp cut short", lambda f: cut(f / "2.webp", 0.5), "has a header that makes no sense"),
    ("an empty file", lambda f: written(f / "2.jpg", b""), "is empty"),
    ("a text", lambda f: written(f / "2.jpg", b"Dear camera"), "is no picture in a known format"),
    ("a vector graphic", lambda f: written(f / "2.png", b"<svg/>"), "is no picture in a known format"),
    ("72 megapixels", lambda f: huge_png(f / "2.png"), "has 9000 x 8000 pixels, above 64 megapixels"),
]


@pytest.mark.parametrize(("make", "words"), [c[1:] for c in UNREADABLE], ids=[c[0] for c in UNREADABLE])
def test_an_unreadable_picture_is_told_left_out_and_keeps_its_number(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    save(tmp_path / "1.png", 1)
    bad = make(tmp_path)
    save(tmp_path / "3.png", 3)
    with Watched(ImageFiles, uri=tmp_path, fps=10) as folder:
        frames = list(folder)
        assert folder.events == [("picture-unreadable", f"'{bad}' {words}")]
    assert [(number_of(f.pixels), f.pts, f.skipped) for f in frames] == [(1, 0.0, 0), (3, 0.2, 1)]


@pytest.mark.timeout(10)
def test_a_pipe_among_the_pictures_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "1.png", 1)
    os.mkfifo(tmp_path / "2.png")
    assert len(read_all(ImageFiles, uri=tmp_path)) == 1


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source 'clip': no picture at .*; check the path"):
        read_all(ImageFiles, uri=tmp_path)
    (tmp_path / "a.jpg").write_text("no")
    (tmp_path / "b.jpg").write_text("no")
    with pytest.raises(SourceError, match="none of the 2 pictures at .* can be read"):
        read_all(ImageFiles, uri=tmp_path)


def test_a_pattern_without_a_match_is_found_out_while_checking(tmp_path: Path) -> None:
    with pytest.raises(ParamError, match="matches no file"):
        make_params(ImageFiles.Params, {"uri": str(tmp_path / "*.png")}, "")


def test_sizes_may_differ(tmp_path: Path) -> None:
    save(tmp_path / "1.png", 1, (64, 48))
    save(tmp_path / "2.png", 2, (96, 128))
    assert [f.pixels.shape for f in read_all(ImageFiles, uri=tmp_path)] == [(48, 64, 3), (128, 96, 3)]


def test_interrupt_ends_reading(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png")
    with Watched(ImageFiles, uri=tmp_path) as folder:
        folder.source.interrupt()
        assert folder.source.read() is None
