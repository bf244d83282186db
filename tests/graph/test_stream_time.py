"""A stream's own clock."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from vidstream.graph.stream_time import StreamTime
from vidstream.types import FrameInfo, Gap, StreamInfo


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param(
            [(0, 5.0), (0, 6.0), (0, 6.5)], 1.5, id="it starts at nought and follows the time stamps"
        ),
        pytest.param([(0, 5.0), (0, 6.0), (1, 0.0), (1, 0.5)], 1.5, id="a loop costs no time"),
        pytest.param([(0, 5.0), (0, 4.0), (0, 4.5)], 0.5, id="time stamps that jump back do not count"),
        pytest.param(
            [(0, 5.0), (0, 6.0), 20.0, (1, 0.0), (1, 1.0)], 22.0, id="an outage of known length counts"
        ),
        pytest.param([(0, 5.0), None, (1, 0.0), (1, 1.0)], 1.0, id="one of unknown length does not"),
    ],
)
def test_stream_time(frames: Sequence[tuple[int, float] | float | None], expected: float) -> None:
    time, now = StreamTime(), 0.0
    for frame in frames:
        if isinstance(frame, tuple):
            now = time.at(FrameInfo("gate", frame[0], 0, frame[1], None, 0.0, 8, 6))
        else:
            time.skip(Gap("reconnect", StreamInfo("gate", 8, 6), frame))
    assert now == pytest.approx(expected)
