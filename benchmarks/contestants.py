"""The contestants: the same job as a bare OpenCV loop, as our graph, and as others do it.

``python -m benchmarks.contestants NAME CLIP OUT`` runs one and prints its figures as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.work import (
    HOG_EVERY,
    HOG_PYRAMID,
    HOG_SCALE,
    HOG_STRIDE,
    Encoder,
    capture,
    draw,
    frames,
    timed,
    trivial,
)
from vidstream import Stage, stage
from vidstream.types import Canvas, Counts, Detections, View


def bare(clip: Path, out: Path) -> int:
    """Decode, look, draw, encode: one loop."""
    video, width, height, fps = capture(clip)
    encoder = Encoder(out, width, height, fps)
    count = 0
    for pixels in frames(video):
        encoder.write(draw(pixels, trivial(pixels)))
        count += 1
    encoder.close()
    return count


def people_detector() -> cv2.HOGDescriptor:
    """OpenCV's own."""
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    return hog


def bare_hog(clip: Path, out: Path) -> int:
    """The same with the people detector on every third frame."""
    video, width, height, fps = capture(clip)
    encoder = Encoder(out, width, height, fps)
    hog = people_detector()
    boxes: Any = ()
    count = 0
    for pixels in frames(video):
        if count % HOG_EVERY == 0:
            big = cv2.resize(pixels, None, fx=HOG_SCALE, fy=HOG_SCALE)
            found, _ = hog.detectMultiScale(big, winStride=HOG_STRIDE, padding=(8, 8), scale=HOG_PYRAMID)
            boxes = [[v / HOG_SCALE for v in box] for box in found]
        encoder.write(draw(pixels, trivial(pixels), boxes))
        count += 1
    encoder.close()
    return count


@stage("bench.trivial")
class Trivial(Stage):
    """The look."""

    def process(self, image: View) -> Counts:
        """Mean brightness."""
        return Counts({"picture": {"brightness": trivial(image.pixels)}})


@stage("bench.hog", heavy=True, stateless=True)
class Hog(Stage):
    """The people detector, with the very calls of the bare loop."""

    def open(self, stream: Any) -> None:
        """Load it."""
        self._hog = people_detector()

    def process(self, image: View) -> Detections:
        """People."""
        big = cv2.resize(image.pixels, None, fx=HOG_SCALE, fy=HOG_SCALE)
        found, _ = self._hog.detectMultiScale(big, winStride=HOG_STRIDE, padding=(8, 8), scale=HOG_PYRAMID)
        return Detections.of([[x / HOG_SCALE, y / HOG_SCALE, (x + w) / HOG_SCALE, (y + h) / HOG_SCALE]
                              for x, y, w, h in found])  # fmt: skip


@stage("bench.draw")
class Draw(Stage):
    """The drawing."""

    def open(self, stream: Any) -> None:
        """Nothing found yet."""
        self._boxes: list[list[float]] = []

    def process(self, image: View, counts: Counts, detections: Detections | None = None) -> Canvas:
        """The last boxes and the brightness."""
        if detections is not None:
            self._boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in detections.boxes.tolist()]
        return Canvas(draw(image.pixels, counts.values["picture"]["brightness"], self._boxes))


def ours(clip: Path, out: Path, *, threads: Any, hog: bool = False) -> int:
    """Our graph, with those stages."""
    from vidstream import Pipeline

    graph: dict[str, Any] = {"look": Trivial}
    if hog:
        graph["find"] = {"use": Hog, "every": HOG_EVERY}
    graph |= {"draw": Draw, "file": {"use": "sink.video", "path": out.name}}
    pipeline = Pipeline.build(source=str(clip), graph=graph, run={"threads": threads, "out": str(out.parent)})
    report = pipeline.run()
    assert report.exit_code == 0, report.table()
    return report.sources[0].ledger.done


def supervision_loop(clip: Path, out: Path) -> int:
    """A loop in the style of the supervision package: its reader, its annotators, the same encoder."""
    import supervision as sv

    info = sv.VideoInfo.from_video_path(str(clip))
    encoder = Encoder(out, info.width, info.height, info.fps)
    hog = people_detector()
    annotator = sv.BoxAnnotator(color_lookup=sv.ColorLookup.INDEX)
    detections = sv.Detections.empty()
    count = 0
    for pixels in sv.get_video_frames_generator(str(clip)):
        if count % HOG_EVERY == 0:
            big = cv2.resize(pixels, None, fx=HOG_SCALE, fy=HOG_SCALE)
            found, _ = hog.detectMultiScale(big, winStride=HOG_STRIDE, padding=(8, 8), scale=HOG_PYRAMID)
            boxes = Detections.of([[x, y, x + w, y + h] for x, y, w, h in found]).boxes / HOG_SCALE
            detections = sv.Detections(xyxy=boxes) if len(boxes) else sv.Detections.empty()
        encoder.write(draw(annotator.annotate(pixels, detections), trivial(pixels)))
        count += 1
    encoder.close()
    return count


CONTESTANTS: Mapping[str, Callable[[Path, Path], int]] = {
    "bare": bare,
    "ours-fused": lambda clip, out: ours(clip, out, threads=1),
    "ours": lambda clip, out: ours(clip, out, threads="auto"),
    "bare-hog": bare_hog,
    "ours-hog-fused": lambda clip, out: ours(clip, out, threads=1, hog=True),
    "ours-hog": lambda clip, out: ours(clip, out, threads="auto", hog=True),
    "supervision-hog": supervision_loop,
}


def available(name: str) -> bool:
    """Whether a contestant's package is installed."""
    package = name.partition("-")[0]
    return package in ("bare", "ours") or importlib.util.find_spec(package) is not None


if __name__ == "__main__":
    from vidstream.environment import tune_allocator

    tune_allocator()  # the same memory settings for everybody
    chosen, clip_path, out_path = CONTESTANTS[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    print(json.dumps(timed(lambda: chosen(clip_path, out_path))))
