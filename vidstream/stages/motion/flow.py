"""Dense optical flow: how every pixel moved since the frame before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.geometry import Float32, scaling, transform_points
from vidstream.graph.stage import Stage, stage
from vidstream.types import Flow, FrameInfo, Gap, Pixels, StreamInfo, View
from vidstream.types.image import Matrix
from vidstream.types.values import Range

Scale: TypeAlias = Annotated[float, Range(0.0, 1.0, open_low=True)]

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@dataclass(frozen=True, slots=True)
class FlowParams:
    """Options of motion.flow."""

    method: Literal["dis", "farneback"] = "dis"  #: dis is faster and follows larger motion
    preset: Literal["ultrafast", "fast", "medium"] = "medium"  #: how thorough `dis` is
    scale: Scale = 0.5  #: the picture is shrunk to this share before; 1 keeps its size


@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """The picture that motion is measured against."""

    gray: Pixels
    matrix: Matrix | None
    pts: float


@stage("motion.flow", heavy=True)
class DenseFlow(Stage):
    """Measure how every pixel moved since the frame before (dense optical flow).

    `dis` is Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (ECCV 2016), `farneback` is
    Farneback, "Two-Frame Motion Estimation Based on Polynomial Expansion" (SCIA 2003). Gives nothing on
    the first frame, after a gap, and where the view has changed its place in the source picture.

    Example::

        graph:
          flow: {use: motion.flow, scale: 0.25}
    """

    Params = FlowParams
    params: FlowParams

    def open(self, stream: StreamInfo) -> None:
        """Choose the method."""
        self._before: _Before | None = None
        self._dis = cv2.DISOpticalFlow.create(_PRESETS[self.params.preset])

    def on_gap(self, gap: Gap) -> None:
        """What comes next has nothing to do with the last frame."""
        self._before = None

    def process(self, image: View, frame: FrameInfo) -> Flow | None:
        """Displacements in source pixels on the grid of the shrunk picture, float32 (h, w, 2)."""
        gray = self._shrunk(image.gray())
        before, self._before = self._before, _Before(gray, image.matrix, frame.pts)
        if before is None or before.gray.shape != gray.shape or not _same(before.matrix, image.matrix):
            return None
        if frame.pts <= before.pts:
            return None
        grid = image.derive(gray, scaling(image.width / gray.shape[1], image.height / gray.shape[0])).matrix
        vectors = self._estimate(before.gray, gray)
        return Flow(_to_source(vectors, grid), frame.pts - before.pts, grid)

    def _shrunk(self, gray: Pixels) -> Pixels:
        scale = self.params.scale
        if scale == 1:
            return gray
        return np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)

    def _estimate(self, before: Pixels, now: Pixels) -> Float32:
        if self.params.method == "dis":
            return np.asarray(self._dis.calc(before, now, np.empty(0, np.float32)), np.float32)
        blank = np.empty(0, np.float32)
        # 5 levels of half the size each, window 15, 3 rounds, 5 x 5 neighbourhoods smoothed by 1.1
        flow = cv2.calcOpticalFlowFarneback(before, now, blank, 0.5, 5, 15, 3, 5, 1.1, 0)
        return np.asarray(flow, np.float32)


def _same(a: Matrix | None, b: Matrix | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _to_source(vectors: Float32, grid: npt.NDArray[np.float64] | None) -> Float32:
    """Vectors in pixels of the grid as vectors in source pixels."""
    if grid is None:
        return vectors
    if np.array_equal(grid[2], (0, 0, 1)):
        return vectors @ grid[:2, :2].T.astype(np.float32)
    # Under perspective the same motion is longer where the picture was shrunk more.
    height, width = vectors.shape[:2]
    start = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    moved = transform_points(start + vectors.reshape(-1, 2), grid) - transform_points(start, grid)
    return moved.reshape(vectors.shape)
