"""The work that every contestant does on a frame: the same OpenCV calls, the same encoder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vidstream.types import Pixels

#: HoG as configs/people.yaml uses it
HOG_SCALE, HOG_STRIDE, HOG_PYRAMID, HOG_EVERY = 1.25, (8, 8), 1.2, 3


def trivial(pixels: Pixels) -> float:
    """A cheap look at the picture: its mean brightness."""
    return float(cv2.mean(pixels)[0])


def draw(pixels: Pixels, value: float, boxes: Any = ()) -> Pixels:
    """Boxes and a line of text, on a copy."""
    canvas = pixels.copy()
    for x, y, w, h in boxes:
        cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), (0, 200, 0), 2)
    cv2.putText(
        canvas, f"brightness {value:.1f}", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 1
    )
    return canvas


class Encoder:
    """H.264 through PyAV with the settings of sink.video, as a bare loop would write it."""

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        flags = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
        self._container = av.open(str(path), "w", format="mp4", options=flags)
        options = {"preset": "superfast", "crf": "23", "tune": "zerolatency", "threads": "1"}
        rate = Fraction(fps).limit_denominator(1001)
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.gop_size = round(fps)
        self._index = 0

    def write(self, pixels: Pixels) -> None:
        """Encode one frame."""
        planes = cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_numpy_buffer(np.asarray(planes, np.uint8), format="yuv420p")
        frame.pts, frame.time_base = self._index, Fraction(1, round(self._stream.average_rate or 25))
        self._index += 1
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def capture(clip: Path) -> tuple[cv2.VideoCapture, int, int, float]:
    """An open capture with its width, height and rate."""
    video = cv2.VideoCapture(str(clip))
    width, height = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return video, width, height, video.get(cv2.CAP_PROP_FPS)


def frames(video: cv2.VideoCapture) -> Iterator[Pixels]:
    """All frames of a capture."""
    while True:
        ok, pixels = video.read()
        if not ok:
            return
        yield np.asarray(pixels, np.uint8)


def timed(work: Callable[[], int]) -> dict[str, float]:
    """CPU and wall seconds of `work`, which gives the number of frames it did."""
    cpu, wall = time.process_time(), time.perf_counter()
    count = work()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "frames": float(count)}
