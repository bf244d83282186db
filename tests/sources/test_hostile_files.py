"""What is no video, or means harm, is refused quickly, with one clear error."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.support.clips import make_clip, read_all
from vidstream.errors import ParamError, SourceError
from vidstream.graph.params import make_params
from vidstream.sources.file import VideoFile
from vidstream.types.values import InputFile

Make = Callable[[Path], Path]


def text(folder: Path, name: str = "clip.mp4", content: str = "Dear camera,\n" * 400) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def junk(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(100_000))
    return path


def cut_before_its_index(folder: Path) -> Path:
    path = make_clip(folder / "clip.mp4")
    path.write_bytes(path.read_bytes()[:-200])
    return path


def sound_only(folder: Path) -> Path:
    path = folder / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux([packet for _ in range(20) for packet in stream.encode(frame)])
        container.mux(stream.encode(None))
    return path


def picture(folder: Path) -> Path:
    path = folder / "photo.mp4"
    Image.new("RGB", (64, 48), "red").save(path, "JPEG")
    return path


def raw_avi(folder: Path, width: int, height: int, coding: bytes = b"") -> Path:
    """An AVI whose header claims this size (and coding)."""
    path = make_clip(folder / "raw.avi", range(3), codec="rawvideo", pix_fmt="bgr24", size=(64, 48))
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 8
    data[header + 4 : header + 12] = struct.pack("<ii", width, height)
    if coding:
        data[header + 16 : header + 20] = coding
        data[data.index(b"strh") + 12 : data.index(b"strh") + 16] = coding
    path.write_bytes(data)
    return path


def without_frames(folder: Path) -> Path:
    path = make_clip(folder / "short.avi", range(1), codec="mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    return path


def pipe(folder: Path) -> Path:
    path = folder / "pipe.mp4"
    os.mkfifo(path)
    return path


def playlist(folder: Path, content: str) -> Path:
    make_clip(folder / "secret.ts", range(5))
    return text(folder, "list.mp4", content.replace("FOLDER", str(folder)))


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://FOLDER/secret.ts\n#EXT-X-ENDLIST\n"
NOT_VIDEO = "not a video in a known format, or damaged or cut short"
CASES: list[tuple[str, Make, str]] = [
    ("missing", lambda folder: folder / "gone.mp4", "does not exist"),
    ("a folder", lambda folder: folder, "is not a regular file"),
    ("a named pipe, which would block for ever", pipe, "is not a regular file"),
    ("a device that never ends", lambda folder: Path("/dev/zero"), "is not a regular file"),
    ("empty", lambda folder: text(folder, content=""), "is empty"),
    ("a text called .mp4", text, NOT_VIDEO),
    ("a text, which FFmpeg would render as a video", lambda f: text(f, "notes.txt"), NOT_VIDEO),
    ("subtitles", lambda f: text(f, "a.srt", "1\n00:00:01,000 --> 00:00:02,000\nHi\n"), NOT_VIDEO),
    ("noise", junk, NOT_VIDEO),
    ("one byte", lambda folder: text(folder, content="x"), NOT_VIDEO),
    ("cut before its index", cut_before_its_index, NOT_VIDEO),
    ("a playlist that names another file", lambda f: playlist(f, HLS), NOT_VIDEO),
    ("a list of files to join", lambda f: playlist(f, "ffconcat version 1.0\nfile secret.ts\n"), NOT_VIDEO),
    ("a still picture called .mp4", picture, NOT_VIDEO),
    ("sound alone", sound_only, "has no video in it"),
    ("pictures of 400 megapixels", lambda f: raw_avi(f, 20_000, 20_000), "above 64 megapixels"),
    ("pictures of no size", lambda f: raw_avi(f, 0, 0), "holds no picture"),
    ("pictures of negative size", lambda f: raw_avi(f, -5, 48), "holds no picture"),
    ("a coding nobody knows", lambda f: raw_avi(f, 64, 48, b"QQZZ"), "cannot be decoded here"),
    ("a header without a frame", without_frames, "holds no picture"),
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("make", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_one_clear_error(tmp_path: Path, make: Make, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = make(tmp_path)
    started = time.process_time()
    with pytest.raises(SourceError) as caught:
        read_all(VideoFile, uri=InputFile(path)) if path.is_file() else VideoFile(params(path)).open()
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert not caught.value.retry
    assert "\n" not in str(caught.value)
    assert time.process_time() - started < 1.0
    assert capfd.readouterr() == ("", "")


def params(path: Path) -> VideoFile.Params:
    """As code may build them, past the check that looks for the file."""
    return VideoFile.Params(InputFile(path))


def test_a_missing_file_is_found_out_while_checking(tmp_path: Path) -> None:
    with pytest.raises(ParamError, match=r"uri: file .*gone\.mp4' does not exist"):
        make_params(VideoFile.Params, {"uri": str(tmp_path / "gone.mp4")}, "")


@pytest.mark.parametrize(
    "name", ["http:clip.mp4", "concat:a|b.mp4", "a%03d.mp4", "-i.mp4", "clip #1?.mp4", "ä ö.mp4"]
)
def test_names_are_names_not_addresses(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path / "clip.mp4", range(3)).rename(tmp_path / name)
    assert len(read_all(VideoFile, uri=path)) == 3


def test_a_picture_that_grows_too_large_on_the_way_is_not_decoded(tmp_path: Path) -> None:
    """Motion JPEG carries its size in every picture: the second claims 64000 x 64000."""
    path = make_clip(tmp_path / "a.mjpeg", range(3), codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    second = data.index(b"\xff\xd8", 10)
    frame_header = data.index(b"\xff\xc0", second)
    data[frame_header + 5 : frame_header + 9] = struct.pack(">HH", 64_000, 64_000)
    path.write_bytes(data)
    assert {f.pixels.shape for f in read_all(VideoFile, uri=path)} == {(96, 128, 3)}
