"""What a picture costs in each engine, all included, and how much of that is the network.

``python -m benchmarks.engines`` writes a table into docs/engines.md. Networks are those of the list below
whose files are found (``VIDSTREAM_MODELS``, the cache); pictures are frames of the demo clip at 1920 x 1080.
Times are CPU time of one thread; the engines take turns, and the median of the rounds counts.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from benchmarks.pages import put
from detectors import catalogue
from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.dnn.engines.base import Engine
from detectors.dnn.engines.choose import KINDS, open_engine
from detectors.dnn.preprocess import Preprocessor
from vidstream.demo_clip import demo_clip
from vidstream.errors import VidstreamError
from vidstream.types import View
from vidstream.types.values import ModelName

PAGE = Path(__file__).resolve().parents[1] / "docs" / "engines.md"
MODELS = (
    "yolox-nano",
    "nanodet-m",
    "yolo-fastestv2",
    "yolov8n",
    "yolo11n-seg",
    "yolo11n-pose",
    "efficientdet-lite0",
)
_PACKAGES = {"opencv": "opencv-contrib-python", "onnxruntime": "onnxruntime", "openvino": "openvino"}
_ROUNDS, _PICTURES = int(os.environ.get("ROUNDS", "5")), 4


class Times(NamedTuple):
    """Milliseconds of CPU per picture."""

    prepare: float
    forward: float
    whole: float


def main() -> None:
    """Measure, print, write."""
    cv2.setNumThreads(1)
    views = list(_views())
    rows = {name: times for name in MODELS if (times := _model(name, views))}
    text = _table(rows)
    print(text)
    put(PAGE, "engines", text)


def _views() -> Iterator[View]:
    """Frames from all over the clip, as a camera of today gives them."""
    with av.open(str(demo_clip(print))) as clip:
        for number, frame in enumerate(clip.decode(video=0)):
            if number % 150 == 75 and number < 150 * _PICTURES:
                yield View(np.asarray(cv2.resize(frame.to_ndarray(format="bgr24"), (1920, 1080)), np.uint8))


def _model(name: str, views: Sequence[View]) -> Mapping[str, Times]:
    """What the network costs in each engine that runs it; empty where its files are not here."""
    try:
        card, data = catalogue.load(name)
    except VidstreamError as error:
        print(error)
        return {}
    detectors: dict[str, tuple[DnnDetector, Engine]] = {}
    for kind in KINDS:
        try:
            engine, _ = open_engine(card, data, engine=kind, device="cpu")  # type: ignore[arg-type]  # a name
            detectors[kind] = DnnDetector(DnnParams(model=ModelName(card.name)), engine=engine), engine
        except VidstreamError as error:
            print(f"{name}: {error}")
    turns: dict[str, list[Times]] = {kind: [] for kind in detectors}
    for number in range(_ROUNDS + 1):
        for kind, (detector, engine) in detectors.items():
            if number:  # the first round warms up
                turns[kind].append(_times(detector, engine, views))
            else:
                detector.detect(views[0])
    return {kind: Times(*map(statistics.median, zip(*found, strict=True))) for kind, found in turns.items()}


def _times(detector: DnnDetector, engine: Engine, views: Sequence[View]) -> Times:
    prepare = Preprocessor(detector.card.input)
    blob, _ = prepare(views[0])
    return Times(_cpu(prepare, views), _cpu(lambda _: engine.run(blob), views), _cpu(detector.detect, views))


def _cpu(act: Callable[[View], object], views: Sequence[View]) -> float:
    """Milliseconds per picture."""
    start = time.process_time()
    for view in views:
        act(view)
    return 1000 * (time.process_time() - start) / len(views)


def _table(rows: Mapping[str, Mapping[str, Times]]) -> str:
    versions = ", ".join(f"{kind} {version(_PACKAGES[kind])}" for kind in KINDS)
    lines = [
        f"`python -m benchmarks.engines` on {platform.machine()}, one thread; {versions}.",
        "",
        "| network | OpenCV: ms per 1080p picture | of that the bare forward pass | preparing"
        " | ONNX Runtime: cost against OpenCV | forward's share"
        " | OpenVINO: cost against OpenCV | forward's share |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, times in rows.items():
        cells = [name]
        ours = times["opencv"]
        cells += [f"{ours.whole:.0f}", f"{ours.forward / ours.whole:.0%}", f"{ours.prepare:.1f} ms"]
        for kind in ("onnxruntime", "openvino"):
            there = times.get(kind)
            cells += (
                [f"{there.whole / ours.whole:.2f}x", f"{there.forward / there.whole:.0%}"]
                if there
                else ["-", "-"]
            )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
