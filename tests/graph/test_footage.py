"""What is kept of the packets that came in, and for how long."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vidstream.graph.footage import Codec, EncodedPacket, Footage

CODEC = Codec("h264", 320, 240, Fraction(1, 90_000))


def packet(
    n: int, every: int = 10, fps: float = 10, size: int = 100, segment: int = 0, speed: float = 1
) -> EncodedPacket:
    """The n-th picture; `speed` is how much faster it arrived than it plays."""
    pts = n / fps
    return EncodedPacket(CODEC, segment, pts, pts, 1 / fps, n % every == 0, bytes(size), 100 + pts / speed)


def test_nothing_is_wanted_until_somebody_says_so() -> None:
    footage = Footage()
    assert not footage.wanted
    footage.keep(2)
    assert footage.wanted


def test_at_least_the_wanted_time_is_kept_from_a_keyframe_on() -> None:
    footage = Footage()
    footage.keep(1)
    footage.keep(3)
    for n in range(200):
        footage.put(packet(n))
        kept = footage.since(0)
        assert kept[0].keyframe
        assert kept[-1].pts - kept[0].pts >= min(3.0, n / 10)
        assert len(kept) <= 41
    assert [p.number for p in footage.since(195)] == [195, 196, 197, 198, 199]
    assert footage.since(200) == []


@pytest.mark.parametrize("speed", [50.0, 0.02])
def test_a_recording_read_faster_or_slower_than_it_plays_keeps_its_own_seconds(speed: float) -> None:
    footage = Footage()
    footage.keep(3)
    for n in range(200):
        footage.put(packet(n, speed=speed))
    kept = footage.since(0)
    assert kept[-1].pts - kept[0].pts >= 3.0


def test_a_segment_that_is_over_is_forgotten_by_its_age() -> None:
    footage = Footage()
    footage.keep(3)
    for n in range(20):
        footage.put(packet(n))
    for n in range(20, 200):
        footage.put(packet(n, segment=1))
    assert {p.segment for p in footage.since(0)} == {1}


def test_there_is_a_limit_in_bytes() -> None:
    footage = Footage(most_bytes=5000)
    footage.keep(3600)
    for n in range(200):
        footage.put(packet(n))
        assert sum(len(p.data) for p in footage.since(0)) <= 5000
        assert footage.since(0)[0].keyframe


def test_a_group_of_pictures_above_the_limit_is_given_up_to_the_next_keyframe() -> None:
    footage = Footage(most_bytes=500)
    footage.keep(3600)
    for n in range(15):
        footage.put(packet(n))
    assert [p.number for p in footage.since(0)] == [10, 11, 12, 13, 14]
