"""Videos are read back by a box walker of our own, by PyAV and by OpenCV."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.one_stage import picture
from vidstream.errors import SinkError
from vidstream.sinks.encoder import to_i420
from vidstream.sinks.video import TimeLine, VideoSink
from vidstream.types import Canvas, StreamInfo, View

At = Callable[..., Any]
Make = Callable[..., Any]


def gradient(step: int, width: int = 64, height: int = 48) -> View:
    """A smooth picture that changes with `step`."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return View(np.stack([x * 2, y * 3, (x + y + step * 5)], axis=2).astype(np.uint8))


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def pictures(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def boxes(data: bytes, wanted: bytes) -> Iterator[bytes]:
    """The contents of all boxes of a kind, anywhere in an MP4 (ISO/IEC 14496-12, 4.2)."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        content = data[place + 8 : place + size]
        if kind == wanted:
            yield content
        elif kind in (b"moof", b"traf", b"moov", b"trak", b"edts"):
            yield from boxes(content, wanted)
        place += size


def test_times_come_back_exactly_from_a_clip_with_a_varying_rate(
    make: Make, at: At, tmp_path: Path, assets: Any
) -> None:
    """A phone clip and one whose frames last 0.33 to 0.73 s."""
    for clip in ("odd/count_wrong_portrait.mov", "odd/tree.avi"):
        given = times(assets(clip))
        assert len(set(np.diff(given).round(4))) > 1, "the clip's rate varies"
        sink = make(VideoSink, path=f"{clip}.mp4", preset="ultrafast")
        for seq, pts in enumerate(given):
            sink.process(gradient(seq), at(seq, pts))
        sink.flush()
        back = times(tmp_path / f"{clip}.mp4")
        assert len(back) == len(given)
        assert np.abs(np.array(back) - given).max() < 1e-5
        capture = cv2.VideoCapture(str(tmp_path / f"{clip}.mp4"))
        seen = [capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 for _ in given if capture.grab()]
        assert np.abs(np.array(seen) - given).max() < 1e-3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([0, 1 / 25, 2 / 25], [0, 0.04, 0.08], id="an even rate"),
        pytest.param([0, 1001 / 30000, 2002 / 30000], [0, 3003 / 90000, 6006 / 90000], id="NTSC"),
        pytest.param([7.3, 7.5, 12.0], [7.3, 7.5, 12.0], id="the first picture is not at zero"),
        pytest.param(
            [0, 0.5, 0.5, 0.2, 1.0],
            [0, 0.5, 0.5 + 1 / 90000, 0.5 + 2 / 90000, 1.0],
            id="times that stand still or run back",
        ),
        pytest.param([0, 3600, 7200], [0, 3600, 7200], id="a picture an hour"),
        pytest.param([-0.5, 0.5], [0, 0.5], id="a time before the start"),
    ],
)
def test_times(make: Make, at: At, tmp_path: Path, given: list[float], expected: list[float]) -> None:
    sink = make(VideoSink, path="a.mp4")
    for seq, pts in enumerate(given):
        sink.process(gradient(seq), at(seq, pts))
    sink.flush()
    assert times(tmp_path / "a.mp4") == pytest.approx(expected, abs=1e-6)


def test_the_last_picture_is_shown_as_long_as_the_one_before(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="a.mp4")
    for seq, pts in enumerate([0.0, 0.04, 2.0, 2.5]):
        sink.process(gradient(seq), at(seq, pts))
    sink.flush()
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.duration == 3_000_000


def test_a_new_segment_goes_on_without_a_hole(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="a.mp4")
    for seq, (segment, pts) in enumerate([(0, 0.0), (0, 0.1), (0, 0.2), (1, 0.0), (1, 0.3), (2, 50.0)]):
        sink.process(gradient(seq), at(seq, pts, segment=segment))
    sink.flush()
    assert times(tmp_path / "a.mp4") == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.6, 0.9], abs=1e-5)


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(0, 1e5).map(lambda pts: round(pts, 6))),
        min_size=2,
        max_size=30,
    ),
    st.floats(0.001, 1.0),
)
def test_segments_never_run_back(steps: list[tuple[int, float]], step: float) -> None:
    """Whatever the segments' own clocks say, time goes on; inside a segment differences are kept."""
    line, segment, pts, last = TimeLine(step), 0, 0.0, -1.0
    for new, amount in steps:
        segment, before = segment + new, pts
        pts = amount if new else pts + amount
        now = line.at(segment, pts)
        assert now >= last
        if last >= 0 and not new:
            assert now - last == pytest.approx(pts - before, abs=1e-6)
        last = now


def test_an_even_rate_instead_of_the_times(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="a.mp4", fps=10)
    for seq in range(5):
        sink.process(gradient(seq), at(seq, seq * 60.0))
    sink.flush()
    assert times(tmp_path / "a.mp4") == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_parts_last_half_a_second(make: Make, at: At, tmp_path: Path) -> None:
    """Every second one begins with a keyframe."""
    sink = make(VideoSink, path="a.mp4")
    for seq in range(130):
        sink.process(gradient(seq), at(seq, seq / 25))
    sink.flush()
    data = (tmp_path / "a.mp4").read_bytes()
    starts = [struct.unpack(">Q", content[4:12])[0] for content in boxes(data, b"tfdt")]
    assert starts == [0, 46800, 90000, 136800, 180000, 226800, 270000, 316800, 360000, 406800, 450000]
    assert len(list(boxes(data, b"moof"))) == len(starts)
    with av.open(str(tmp_path / "a.mp4")) as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe]
    assert keys == starts[::2]


@pytest.mark.parametrize(
    "colour",
    [(0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255), (180, 60, 120), (255, 255, 255), (0, 0, 0)],
    ids=["red", "green", "blue", "yellow", "purple", "white", "black"],
)
def test_colours_come_back(make: Make, at: At, tmp_path: Path, colour: tuple[int, int, int]) -> None:
    """Within 5 of 255 in both readers; taken for BT.709 or full range, they would be off by 10 to 60."""
    sink = make(VideoSink, path="a.mp4")
    sink.process(Canvas(np.full((48, 64, 3), colour, np.uint8)), at(0, 0.0))
    sink.flush()
    path = tmp_path / "a.mp4"
    for back in (pictures(path)[0], cv2.VideoCapture(str(path)).read()[1]):
        assert np.abs(back[24, 32].astype(int) - colour).max() <= 5
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (6, 1), "tagged as what it is: players must not guess"


def test_a_photograph_comes_back(make: Make, at: At, tmp_path: Path, assets: Any) -> None:
    photo = picture(assets("pictures/dog.jpg"))
    sink = make(VideoSink, path="a.mp4", quality=12)
    sink.process(photo, at(0, 0.0))
    sink.flush()
    assert cv2.PSNR(pictures(tmp_path / "a.mp4")[0], photo.pixels) > 35


@pytest.mark.parametrize(
    ("width", "height"),
    [(63, 48), (64, 47), (33, 35), (16, 16), (5, 3)],
    ids=["odd width", "odd height", "both odd", "one block", "tiny"],
)
def test_odd_sizes_gain_a_pixel_and_lose_none(
    make: Make, at: At, tmp_path: Path, width: int, height: int
) -> None:
    sink = make(VideoSink, path="a.mp4", quality=1)
    given = gradient(0, width, height)
    sink.process(given, at(0, 0.0))
    sink.flush()
    back = pictures(tmp_path / "a.mp4")[0]
    assert back.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(back[:height, :width].astype(int) - given.pixels).mean() < 6
    if width % 2:
        assert np.abs(back[:, -1].astype(int) - back[:, -2]).mean() < 6


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_i420_of_any_size(width: int, height: int, gray: bool) -> None:
    pixels = np.full((height, width) if gray else (height, width, 3), 235, np.uint8)
    planes = to_i420(pixels)
    even = (height + height % 2, width + width % 2)
    assert planes.shape == (even[0] * 3 // 2, even[1])
    assert set(planes[: even[0]].ravel().tolist()) == {218}, "Y = 16 + 219/255 * 235 (BT.601)"
    assert set(planes[even[0] :].ravel().tolist()) == {128}, "gray has no colour"


def test_gray_and_sliced_pictures(make: Make, at: At, tmp_path: Path) -> None:
    whole = gradient(0, 128, 96).pixels
    given = [
        np.ascontiguousarray(whole[:48, :64, 0]),
        whole[10:58, 20:84, 0],
        whole[::2, ::2, 0],
        whole[47::-1, :64, 0],
    ]
    sink = make(VideoSink, path="a.mp4", quality=1)
    for seq, pixels in enumerate(given):
        sink.process(View(pixels), at(seq, seq * 0.1))
    for seq, pixels in enumerate([whole[10:58, 20:84], whole[47::-1, 63::-1]], start=len(given)):
        sink.process(View(pixels), at(seq, seq * 0.1))
        given.append(pixels)
    sink.flush()
    for back, pixels in zip(pictures(tmp_path / "a.mp4"), given, strict=True):
        assert np.abs(back.astype(int) - (pixels if pixels.ndim == 3 else pixels[:, :, None])).mean() < 5


def test_a_new_size_goes_on_in_a_new_file(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="a.mp4")
    sizes = [(64, 48)] * 3 + [(32, 48)] * 2 + [(64, 48)]
    for seq, size in enumerate(sizes):
        sink.process(gradient(seq, *size), at(seq, seq * 0.1))
    sink.flush()
    assert times(tmp_path / "a.mp4") == pytest.approx([0.0, 0.1, 0.2])
    assert times(tmp_path / "a-2.mp4") == pytest.approx([0.3, 0.4])
    assert times(tmp_path / "a-3.mp4") == pytest.approx([0.5])
    assert [kind for kind, _ in sink.notices] == ["size-changed"] * 2
    assert "32x48" in sink.notices[0][1]


def test_a_picture_too_small_for_the_format(make: Make, at: At) -> None:
    sink = make(VideoSink, path="a.mp4")
    with pytest.raises(SinkError, match="pictures of 1x1 cannot be encoded") as caught:
        sink.process(gradient(0, 1, 1), at(0, 0.0))
    assert caught.value.fix


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from vidstream.graph.params import make_params
from vidstream.sinks.video import VideoSink
from vidstream.types import FrameInfo, StreamInfo, View
sink = VideoSink(make_params(VideoSink.Params, {"path": "a.mp4"}, ""))
sink.out_root = Path(sys.argv[1])
sink.open(StreamInfo("gate", 64, 48, fps=25.0))
for i in range(85):
    sink.process(View(np.full((48, 64, 3), i, np.uint8)), FrameInfo("gate", 0, i, i / 25, None, 0.0, 64, 48))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_a_file_that_plays(tmp_path: Path) -> None:
    """3.4 s are given; all but the last 0.4 are there, and OpenCV and PyAV read them to the end."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == -signal.SIGKILL
    assert times(tmp_path / "a.mp4") == pytest.approx([i / 25 for i in range(75)], abs=1e-6)
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert sum(1 for _ in iter(capture.grab, False)) == 75


def write_noise(sink: Any, at: At, frames: int) -> None:
    noise = np.random.default_rng(0)
    for seq in range(frames):
        sink.process(View(noise.integers(0, 255, (48, 64, 3), np.uint8)), at(seq, seq / 25))


def fill(sink: Any, at: At) -> None:
    """Write until it fails: one clear error, the same again when asked to go on."""
    with pytest.raises(SinkError) as first:
        write_noise(sink, at, 500)
    with pytest.raises(SinkError) as again:
        sink.process(gradient(0), at(500, 20.0))
    assert str(again.value) == str(first.value)
    assert "a.mp4" in first.value.where
    assert first.value.fix


def test_a_full_disk(make: Make, at: At, small_disk: Callable[[int], Path]) -> None:
    folder = small_disk(200)
    sink = make(VideoSink, root=folder, path="a.mp4", preset="ultrafast")
    fill(sink, at)
    sink.close()  # what goes wrong now has been said
    kept = len(times(folder / "a.mp4"))
    assert kept > 0
    assert kept % 25 in (0, 13), "whole parts only, so that readers see no damage"


def test_a_file_that_may_not_grow(make: Make, at: At, tmp_path: Path, file_limit: Callable[..., Any]) -> None:
    sink = make(VideoSink, path="a.mp4", preset="ultrafast")
    with file_limit(200_000):
        fill(sink, at)
        sink.close()
    assert len(times(tmp_path / "a.mp4")) % 25 in (0, 13)


def test_a_disk_that_fills_up_at_the_very_end(
    make: Make, at: At, tmp_path: Path, file_limit: Callable[..., Any]
) -> None:
    sink = make(VideoSink, path="a.mp4", preset="ultrafast")
    write_noise(sink, at, 10)
    with file_limit(2000), pytest.raises(SinkError, match="cannot be written"):
        sink.flush()
    sink.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux shows them")
def test_no_file_is_left_open(make: Make, at: At, tmp_path: Path, file_limit: Callable[..., Any]) -> None:
    def open_files() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = open_files()
    for number in range(3):
        sink = make(VideoSink, path=f"a{number}.mp4", preset="ultrafast")
        with file_limit(100_000), pytest.raises(SinkError):
            write_noise(sink, at, 300)
        sink.close()
    assert open_files() == before


def test_closing_completes_the_file_also_without_flush(make: Make, at: At, tmp_path: Path) -> None:
    sink = make(VideoSink, path="a.mp4")
    for seq in range(3):
        sink.process(gradient(seq), at(seq, seq * 0.1))
    sink.close()
    sink.close()
    assert len(times(tmp_path / "a.mp4")) == 3


def test_no_picture_no_file(make: Make, tmp_path: Path) -> None:
    sink = make(VideoSink, path="a.mp4")
    assert (tmp_path / "a.mp4").exists()
    sink.flush()
    sink.close()
    assert not (tmp_path / "a.mp4").exists()


def test_what_it_is_given_stays_as_it_was(make: Make, at: At) -> None:
    sink = make(VideoSink, path="a.mp4")
    given = gradient(0, 63, 47)
    before = given.pixels.copy()
    sink.process(given, at(0, 0.0))
    assert (given.pixels == before).all()


@pytest.mark.parametrize("preset", ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"])
def test_every_preset_keeps_times_and_delays_nothing(make: Make, at: At, tmp_path: Path, preset: str) -> None:
    sink = make(VideoSink, path="a.mp4", preset=preset, stream=StreamInfo("gate", 64, 48))
    for seq in range(30):
        sink.process(gradient(seq), at(seq, seq * 0.1))
    assert len(times(tmp_path / "a.mp4")) == 25, "all but the last half second is readable meanwhile"
    sink.flush()
    assert times(tmp_path / "a.mp4") == pytest.approx([i * 0.1 for i in range(30)], abs=1e-5)
