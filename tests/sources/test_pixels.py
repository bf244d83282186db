"""Converting decoded frames: OpenCV's values, and memory that is used again."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vidstream.sources.pixels import Converter


def decoded(path: Path, count: int) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return [frame for _, frame in zip(range(count), container.decode(video=0), strict=False)]


def test_a_buffer_is_used_again_only_when_nobody_holds_it(assets: Callable[[str], Path]) -> None:
    frame = decoded(assets("video/highway_320.avi"), 1)[0]
    convert = Converter()
    held = deque((convert(frame) for _ in range(8)), maxlen=8)
    assert len({array.ctypes.data for array in held}) == 8
    places = set()
    for _ in range(200):
        held.append(convert(frame))
        places.add(held[-1].ctypes.data)
        assert len({array.ctypes.data for array in held}) == 8
    assert len(places) <= 10


def test_arrays_outlive_the_converter(assets: Callable[[str], Path]) -> None:
    frame = decoded(assets("video/highway_320.avi"), 1)[0]
    kept = Converter()(frame)
    before = kept.copy()
    gc.collect()
    others = [Converter()(frame) for _ in range(20)]
    np.testing.assert_array_equal(kept, before)
    assert not any(np.shares_memory(kept, other) for other in others)


def test_arrays_are_what_stages_expect(assets: Callable[[str], Path]) -> None:
    pixels = Converter()(decoded(assets("video/face_talking.mp4"), 1)[0])
    assert (pixels.shape, pixels.dtype, pixels.flags.writeable) == ((576, 720, 3), np.uint8, False)


def test_a_frame_of_another_kind_is_taken_in_stride() -> None:
    convert, shapes = Converter(), []
    for width, height, kind in ((64, 48, "yuv420p"), (64, 48, "gray"), (32, 96, "rgba"), (64, 48, "yuv420p")):
        frame = av.VideoFrame(width, height, kind)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        shapes.append(convert(frame).shape)
    assert shapes == [(48, 64, 3), (48, 64, 3), (96, 32, 3), (48, 64, 3)]
