"""Counting reference frames in streams that libx264 made, whole and with pictures missing."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clips import numbered
from vidstream.sources.h264 import MissingFrames


def encoded(count: int, **options: str) -> list[bytes]:
    """Pictures in the order of decoding, with start codes, parameter sets at keyframes."""
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = 64, 48, options.pop("pix_fmt", "yuv420p")
    codec.time_base = Fraction(1, 25)
    x264 = f"annexb=1:repeat-headers=1:{options.pop('x264', '')}".rstrip(":")
    codec.options = {"g": "12", "sc_threshold": "0", "x264-params": x264, **options}
    packets = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(numbered(number, (64, 48)), "bgr24").reformat(format=codec.pix_fmt)
        frame.pts = number
        packets += codec.encode(frame)
    return [bytes(p) for p in [*packets, *codec.encode(None)]]


KINDS = {
    "simplest": {"profile": "baseline", "preset": "ultrafast"},
    "pictures out of order": {"bf": "3", "preset": "medium"},
    "several reference frames in a pyramid": {"bf": "3", "x264": "ref=4:b-pyramid=normal"},
    "several slices": {"bf": "0", "x264": "slices=4"},
    "full colours": {"pix_fmt": "yuv444p", "bf": "0"},
    "scaling lists": {"bf": "0", "x264": "cqm=jvt"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_stream_misses_nothing(kind: str) -> None:
    missing = MissingFrames()
    assert not any(missing.precede(data) for data in encoded(40, **KINDS[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_reference_frame_is_told_at_the_next_picture(kind: str) -> None:
    packets = encoded(40, **KINDS[kind])
    references = [n for n, data in enumerate(packets) if is_reference(data)]
    lost = references[5]
    missing = MissingFrames()
    told = [n for n, data in enumerate(packets) if n != lost and missing.precede(data)]
    assert told[0] == lost + 1
    assert all(n <= references[7] for n in told)


def is_reference(data: bytes) -> bool:
    """Whether the first slice says that others refer to it."""
    units = data.split(b"\0\0\1")[1:]
    return next(unit[0] & 0x60 != 0 for unit in units if unit[0] & 31 in (1, 5))


def test_what_is_lost_in_front_of_a_keyframe_does_no_harm() -> None:
    packets = encoded(40, bf="0")
    missing = MissingFrames()
    assert not any(missing.precede(data) for n, data in enumerate(packets) if n not in (10, 11))


@settings(max_examples=200)
@given(data=st.binary(max_size=300), seed=st.integers(0, 100))
def test_rubbish_raises_nothing(data: bytes, seed: int) -> None:
    missing = MissingFrames()
    missing.precede(data)
    missing.precede(b"\0\0\1\x67" + data)
    missing.precede(b"\0\0\1\x65" + data)
    missing.precede(b"\0\0\1" + np.random.default_rng(seed).bytes(100))
