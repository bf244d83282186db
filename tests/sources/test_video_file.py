"""Reading recordings: true times, every pixel format, turning, thinning, starting later, looping."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.clips import BLUE, MS, Watched, container_times, make_clip, number_of, read_all
from vidstream.errors import ParamError, SourceError
from vidstream.graph.params import make_params
from vidstream.sources.file import VideoFile

VARIABLE = [int(n) for n in np.cumsum(random.Random(3).choices([7, 33, 40, 41, 250], k=40))]
TS = Fraction(1, 90_000)
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
GIF = {"codec": "gif", "pix_fmt": "rgb8", "time_base": Fraction(1, 50)}

#: name, time stamps, and how the file is made
TIMED = [
    pytest.param("cfr.mp4", range(30), {}, id="mp4 at a constant rate"),
    pytest.param("vfr.mp4", VARIABLE, {"time_base": MS}, id="mp4 at a variable rate"),
    pytest.param("vfr.mkv", VARIABLE, {"time_base": MS}, id="mkv at a variable rate"),
    pytest.param("vfr.ts", [90 * v for v in VARIABLE], {"time_base": TS}, id="mpeg-ts at a variable rate"),
    pytest.param("vfr.mov", VARIABLE, {"time_base": MS, "codec": "mpeg4"}, id="mov at a variable rate"),
    pytest.param("vfr.webm", VARIABLE, {"time_base": MS, "codec": "libvpx"}, id="webm at a variable rate"),
    pytest.param("b.mp4", VARIABLE, {"time_base": MS, "options": {"bf": "3"}}, id="mp4 with B-frames"),
    pytest.param("b.mkv", VARIABLE, {"time_base": MS, "options": {"bf": "3"}}, id="mkv with B-frames"),
    pytest.param("b.ts", range(30), {"options": {"bf": "3"}}, id="mpeg-ts with B-frames"),
    pytest.param("late.mkv", [90_000 + v for v in VARIABLE], {"time_base": MS}, id="mkv that starts at 90 s"),
    pytest.param("late.mp4", range(250, 280), {}, id="mp4 that starts at 10 s"),
    pytest.param("sound.mp4", VARIABLE, {"time_base": MS, "sound": True}, id="mp4 with sound"),
    pytest.param("sound.ts", range(30), {"sound": True}, id="mpeg-ts with sound"),
    pytest.param("frag.mp4", VARIABLE, {"time_base": MS, "muxing": FRAGMENTED}, id="fragmented mp4"),
    pytest.param("clip.flv", VARIABLE, {"time_base": MS}, id="flv at a variable rate"),
    pytest.param("clip.avi", range(30), {"codec": "mpeg4"}, id="avi"),
    pytest.param("moving.gif", [2 * v for v in range(30)], GIF, id="gif"),
]


@pytest.mark.parametrize(("name", "stamps", "how"), TIMED)
def test_times_are_those_of_the_container_to_the_last_digit(
    tmp_path: Path, name: str, stamps: list[int], how: dict[str, object]
) -> None:
    path = make_clip(tmp_path / name, stamps, **how)
    frames = read_all(VideoFile, uri=path)
    assert [f.pts for f in frames] == container_times(path)
    wanted = [float((s - stamps[0]) * how.get("time_base", Fraction(1, 25))) for s in stamps]
    assert [f.pts for f in frames] == pytest.approx(wanted, abs=0.0006)  # containers round, to 1 ms at worst
    assert [number_of(f.pixels) for f in frames] == list(range(len(stamps)))
    assert {f.segment for f in frames} == {0}
    assert not any(f.damaged for f in frames)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("b.avi", {"options": {"bf": "2"}}, id="avi with B-frames, whose stamps FFmpeg mixes up"),
        pytest.param("bare.h264", {}, id="a bare stream without any time stamps"),
        pytest.param("bare_b.h264", {"options": {"bf": "2"}}, id="a bare stream with B-frames"),
    ],
)
def test_where_there_are_no_stamps_the_nominal_rate_counts(
    tmp_path: Path, name: str, how: dict[str, object]
) -> None:
    frames = read_all(VideoFile, uri=make_clip(tmp_path / name, **how))
    assert [f.pts for f in frames] == pytest.approx([n / 25 for n in range(30)], abs=1e-9)
    assert [number_of(f.pixels) for f in frames] == list(range(30))


@pytest.mark.parametrize(
    "name", ["video/vtest.avi", "video/bus_text_1080p.mp4", "odd/count_wrong_portrait.mov"]
)
def test_times_agree_with_opencv(assets: Callable[[str], Path], name: str) -> None:
    path = assets(name)
    capture, expected = cv2.VideoCapture(str(path)), []
    while len(expected) < 40 and capture.grab():
        expected.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    with Watched(VideoFile, uri=path) as clip:
        times = [f.pts for f in clip.take(len(expected))]
    assert times == pytest.approx([t - expected[0] for t in expected], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "frames", "size"),
    [
        ("odd/tree.avi", 68, (320, 240)),  # promises 444
        ("odd/count_wrong_portrait.mov", 28, (360, 640)),  # promises 41, lies on its side
        ("odd/no_face_broken_idr.mp4", 95, (960, 540)),  # promises 98
        ("odd/CRASHES_cv2_rawdib_48x48.avi", 51, (48, 48)),  # aborts OpenCV's reader
    ],
)
def test_odd_files_give_what_is_in_them(
    assets: Callable[[str], Path], name: str, frames: int, size: tuple[int, int]
) -> None:
    with Watched(VideoFile, uri=assets(name)) as clip:
        found = list(clip)
        assert len(found) == frames
        assert {f.pixels.shape for f in found} == {(size[1], size[0], 3)}
        assert (clip.info.width, clip.info.height) == size
        assert clip.events == []
    times = [f.pts for f in found]
    assert times == sorted(set(times))


def test_a_bottom_up_raw_picture_is_not_upside_down(assets: Callable[[str], Path]) -> None:
    """The reference is Pillow on the file's own bytes: the first frame is a DIB without its header."""
    path = assets("odd/CRASHES_cv2_rawdib_48x48.avi")
    data = path.read_bytes()
    start = data.index(b"00db", data.index(b"movi")) + 8
    rows = np.frombuffer(data, np.uint8, 48 * 48 * 3, start).reshape(48, 48, 3)
    first = read_all(VideoFile, uri=path)[0]
    np.testing.assert_array_equal(first.pixels, rows[::-1])


FORMATS = [
    ("libx264", "gray", "x.mp4"),
    ("libx264", "yuv422p10le", "x.mp4"),
    ("libx264", "yuv444p", "x.mp4"),
    ("libx264", "yuvj420p", "x.mp4"),
    ("ffv1", "bgra", "x.mkv"),
    ("ffv1", "yuv420p16le", "x.mkv"),
    ("ffv1", "gray16le", "x.mkv"),
    ("png", "rgba", "x.mov"),
    ("png", "rgb48be", "x.mov"),
    ("png", "ya8", "x.mov"),
    ("qtrle", "rgb24", "x.mov"),
    ("gif", "rgb8", "x.gif"),
    ("utvideo", "gbrp", "x.avi"),
    ("rawvideo", "bgr24", "x.avi"),
    ("rawvideo", "yuyv422", "x.avi"),
    ("mjpeg", "yuvj422p", "x.avi"),
    ("libx265", "yuv420p10le", "x.mp4"),
    ("libvpx-vp9", "yuv420p", "x.webm"),
]


@pytest.mark.parametrize(("codec", "pix_fmt", "name"), FORMATS, ids=[f"{c} {p}" for c, p, _ in FORMATS])
def test_every_pixel_format_gives_the_picture(tmp_path: Path, codec: str, pix_fmt: str, name: str) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = make_clip(tmp_path / name, range(6), codec=codec, pix_fmt=pix_fmt, options=options)
    frames = read_all(VideoFile, uri=path)
    assert [number_of(f.pixels) for f in frames] == list(range(6))
    blue = frames[0].pixels[4:20, -28:-4].mean(axis=(0, 1))
    if pix_fmt.startswith(("gray", "ya")):
        assert np.ptp(blue) < 2
    else:
        np.testing.assert_allclose(blue, BLUE, atol=50 if pix_fmt == "rgb8" else 8)


@pytest.mark.parametrize(
    ("rotation", "corner", "size"),
    [(0, (0, 0), (128, 96)), (90, (1, 0), (96, 128)), (-90, (0, 1), (96, 128)), (180, (1, 1), (128, 96))],
)
def test_clips_are_turned_upright(
    tmp_path: Path, rotation: int, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """The white patch at the stored top left goes where the display matrix sends it (counter-clockwise)."""
    path = make_clip(tmp_path / "turned.mp4", range(5), rotation=rotation)
    with Watched(VideoFile, uri=path) as clip:
        assert (clip.info.width, clip.info.height) == size
        pixels = clip.take(1)[0].pixels
    assert pixels.shape == (size[1], size[0], 3)
    row, column = corner[0] * (size[1] - 10), corner[1] * (size[0] - 10)
    assert pixels[row : row + 10, column : column + 10].mean() > 230
    assert (pixels > 225).mean() < 0.08


def test_pixels_are_those_opencv_reads(assets: Callable[[str], Path]) -> None:
    for name in ("video/face_talking.mp4", "video/highway_320.avi", "video/crowd_walking_720p.mp4"):
        capture = cv2.VideoCapture(str(assets(name)))
        with Watched(VideoFile, uri=assets(name)) as clip:
            for frame in clip.take(5):
                np.testing.assert_array_equal(frame.pixels, capture.read()[1])


def test_frames_cannot_be_written_and_never_change(assets: Callable[[str], Path]) -> None:
    """Buffers are used again, but not while anybody holds the array, nor after the file was closed."""
    path = assets("video/highway_320.avi")
    with Watched(VideoFile, uri=path) as clip:
        kept = [f.pixels for f in clip.take(60)]
        copies = [p.copy() for p in kept]
        views = [p[10:20, 10:20] for p in kept[:5]]
        del kept[:5]
        list(clip.take(300))
    with pytest.raises(ValueError, match="read-only"):
        kept[0][0, 0] = 0
    for pixels, copy in zip(kept, copies[5:], strict=True):
        np.testing.assert_array_equal(pixels, copy)
    for view, copy in zip(views, copies, strict=False):
        np.testing.assert_array_equal(view, copy[10:20, 10:20])


@pytest.mark.parametrize(("fps", "kept"), [(5, 6), (10, 12), (25, 30), (100, 30), (0.5, 1)])
def test_thinning_by_time(tmp_path: Path, fps: float, kept: int) -> None:
    path = make_clip(tmp_path / "clip.mkv")
    with Watched(VideoFile, uri=path, fps=fps) as clip:
        frames = list(clip)
        assert clip.info.fps == min(fps, 25)
    assert len(frames) == kept
    last = number_of(frames[-1].pixels)
    assert sum(f.skipped for f in frames) + kept == last + 1
    assert [f.pts for f in frames] == [number_of(f.pixels) / 25 for f in frames]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.h264", "a.flv"])
@pytest.mark.parametrize("start", [0.2, 2.0, 4.44])
def test_a_later_start_is_exact(tmp_path: Path, name: str, start: float) -> None:
    """The first frame is the one shown at that time, in formats with and without an index."""
    how = {"options": {"g": "40", "bf": "2"}} if name != "a.avi" else {"codec": "mpeg4"}
    path = make_clip(tmp_path / name, range(125), **how)
    frames = read_all(VideoFile, uri=path, start=start)
    first = round(start * 25)
    assert [number_of(f.pixels) for f in frames] == list(range(first, 125))
    assert [f.pts for f in frames] == pytest.approx([n / 25 for n in range(125 - first)], abs=1e-9)


@pytest.mark.parametrize("name", ["clip.mp4", "bare.h264"])
def test_a_start_behind_the_end_is_an_error(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path / name)
    with pytest.raises(SourceError, match="no picture that can be decoded at or after 5 s"):
        read_all(VideoFile, uri=path, start=5)


def test_looping_starts_new_segments_with_times_from_zero(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", range(10))
    with Watched(VideoFile, uri=path, loop=True) as clip:
        frames = clip.take(25)
    assert [f.segment for f in frames] == [0] * 10 + [1] * 10 + [2] * 5
    assert [f.pts for f in frames] == [n % 10 / 25 for n in range(25)]


RECORDED = datetime(2026, 5, 1, 8, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("start_time", "metadata", "first"),
    [
        pytest.param(
            "container", {"creation_time": "2026-05-01T08:00:00Z"}, RECORDED, id="as the file tells"
        ),
        pytest.param("container", {}, None, id="the file does not tell"),
        pytest.param("container", {"creation_time": "1970-01-01T00:00:00Z"}, None, id="a muxer's zero"),
        pytest.param("none", {"creation_time": "2026-05-01T08:00:00Z"}, None, id="not wanted"),
        pytest.param("2026-05-01T10:00:00+02:00", {}, RECORDED, id="given"),
    ],
)
def test_wall_time(tmp_path: Path, start_time: str, metadata: dict[str, str], first: float | None) -> None:
    path = make_clip(tmp_path / "clip.mkv", metadata=metadata)
    frames = read_all(VideoFile, uri=path, start_time=start_time)
    late = read_all(VideoFile, uri=path, start_time=start_time, start=0.4)
    if first is None:
        assert {f.wall for f in [*frames, *late]} == {None}
    else:
        assert [f.wall for f in frames] == pytest.approx([first + f.pts for f in frames])
        assert late[0].wall == pytest.approx(first + 0.4)


def test_a_start_time_that_is_none_is_refused_with_an_example(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", range(2))
    with pytest.raises(ParamError, match=r"start_time.*'yesterday'.*2026-05-01T08:00:00"):
        make_params(VideoFile.Params, {"uri": path, "start_time": "yesterday"}, "source")


def test_a_change_of_size_is_reported_and_time_runs_on(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.h264", range(10), size=(128, 96))
    large = make_clip(tmp_path / "large.h264", range(10), size=(160, 128))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with Watched(VideoFile, uri=both) as clip:
        frames = list(clip)
        assert clip.events == [("format-changed", "pictures are 160 x 128 pixels from here on")]
    assert [f.pixels.shape[1] for f in frames] == [128] * 10 + [160] * 10
    assert [f.pts for f in frames] == pytest.approx([n / 25 for n in range(20)])
    assert {f.segment for f in frames} == {0}


def test_spliced_recordings_whose_clock_jumps_back_become_segments(tmp_path: Path) -> None:
    late = make_clip(tmp_path / "late.ts", range(250, 280), muxing={"mpegts_copyts": "1"})
    early = make_clip(tmp_path / "early.ts", range(30), muxing={"mpegts_copyts": "1"})
    both = tmp_path / "both.ts"
    both.write_bytes(late.read_bytes() + early.read_bytes())
    frames = read_all(VideoFile, uri=both)
    assert [f.segment for f in frames] == [0] * 30 + [1] * 30
    assert [f.pts for f in frames] == pytest.approx([n / 25 for n in range(30)] * 2)


def test_what_is_known_on_opening(assets: Callable[[str], Path]) -> None:
    path = assets("video/vtest.avi")
    with Watched(VideoFile, uri=path) as clip:
        info = clip.info
    assert (info.width, info.height, info.fps, info.duration, info.frames) == (768, 576, 10, 79.5, 795)
    assert (info.live, info.uri) == (False, str(path))


def test_interrupt_ends_reading(assets: Callable[[str], Path]) -> None:
    with Watched(VideoFile, uri=assets("video/vtest.avi")) as clip:
        clip.take(3)
        clip.source.interrupt()
        assert clip.source.read() is None


def test_closing_an_unopened_file_is_harmless(tmp_path: Path) -> None:
    VideoFile(
        make_params(VideoFile.Params, {"uri": make_clip(tmp_path / "c.mp4", range(2))}, "source")
    ).close()
