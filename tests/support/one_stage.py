"""One stage alone: built from options as a graph would, opened, and given frames by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vidstream.graph.params import make_params
from vidstream.graph.stage import Stage
from vidstream.types import FrameInfo, Gap, StreamInfo, View


class OneStage:
    """Calls a stage with values by port name; `notices` are the (kind, message) it reported."""

    def __init__(self, cls: type[Stage], size: tuple[int, int] = (768, 576), **options: Any) -> None:
        self.stage: Any = cls(make_params(cls.Params, options, cls.spec.name))
        self.notices: list[tuple[str, str]] = []
        self.stage.notify = lambda kind, message: self.notices.append((kind, message))
        self.stream = StreamInfo("test", *size)
        self.size = size
        self.seq = 0
        self.stage.open(self.stream)

    def __call__(self, pts: float | None = None, **values: Any) -> Any:
        """What `process` gives at `pts` (left out: 0.1 s after the last), frames being of `size`."""
        at = self.seq * 0.1 if pts is None else pts
        self.seq += 1
        given = dict(values)
        if self.stage.spec.signature.frame_at >= 0:
            given["frame"] = FrameInfo("test", 0, self.seq - 1, at, None, at, *self.size)
        return self.stage.process(**given)

    def gap(self) -> None:
        """Tell it that time jumped."""
        self.stage.on_gap(Gap("seek", self.stream))


def picture(path: Path) -> View:
    """A picture file as a source would give it."""
    pixels = cv2.imread(str(path))
    assert pixels is not None, path
    return View(np.asarray(pixels, np.uint8))


def clip(path: Path, frames: int, start: int = 0, every: int = 1) -> Iterator[tuple[float, View]]:
    """(pts, view) of a clip: `frames` pictures from frame `start` on, each `every`-th."""
    capture = cv2.VideoCapture(str(path))
    try:
        for index in range(start + frames * every):
            assert capture.grab(), f"{path} ends before frame {index}"
            pts = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if index >= start and (index - start) % every == 0:
                _, pixels = capture.retrieve()
                yield pts, View(np.asarray(pixels, np.uint8))
    finally:
        capture.release()


def problems(cls: type[Stage], **options: Any) -> list[str]:
    """What `check` says of these options."""
    params = make_params(cls.Params, options, cls.spec.name)
    return [str(problem) for problem in cls.check(params)]
