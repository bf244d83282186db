"""Putting one face in the place of another, by 68 landmarks.

Each triangle of a Delaunay triangulation of the landmarks is moved by the affine map of its corners; the seam
is removed by P. Perez, M. Gangnet, A. Blake: Poisson Image Editing, 2003 (`cv2.seamlessClone`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from detectors.faces.detect.hog import HogFaceDetector
from detectors.faces.landmarks import LandmarkFinder
from detectors.faces.points import Points
from vidstream.errors import ShapeError, UsageError
from vidstream.types import Pixels, View

_LANDMARKS = 68
#: a face whose landmarks span fewer pixels is left as it is
_LEAST = 12


@dataclass(frozen=True, slots=True, eq=False)
class Donor:
    """A face to put in the place of others."""

    pixels: Pixels
    #: (68, 2) in `pixels`
    points: Points
    #: (T, 3) landmarks that make up each triangle
    triangles: Points

    @classmethod
    def of(cls, path: Path, finder: LandmarkFinder) -> Self:
        """The face in a picture. UsageError: there is none, or several; ShapeError: not 68 landmarks."""
        pixels = cv2.imread(str(path))
        faces = None if pixels is None else HogFaceDetector().detect(View(np.asarray(pixels, np.uint8)))
        if pixels is None or faces is None or len(faces) != 1:
            found = "no picture" if faces is None else f"{len(faces)} faces"
            raise UsageError(f"expected one face, found {found}", where=f"'{path}'", fix="give a portrait")
        view = View(np.asarray(pixels, np.uint8))
        marks = finder.find(view, faces).keypoints
        if marks is None or marks.shape[1] != _LANDMARKS:
            raise ShapeError("expected 68 landmarks", where=f"'{path}'", fix="use dlib-68")
        return cls(view.pixels, marks[0, :, :2], delaunay(marks[0, :, :2]))

    def onto(self, pixels: Pixels, faces: Sequence[Points]) -> Pixels:
        """A BGR copy of the picture with this face over each of `faces` (68, 2).

        ShapeError: faces without 68 landmarks.
        """
        drawn = np.array(pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
        for points in faces:
            if len(points) != _LANDMARKS:
                what = f"expected faces with 68 landmarks, got {len(points)}"
                raise ShapeError(what, where="faces", fix="put face.landmarks with dlib-68 before")
            drawn = self._onto(drawn, points)
        return drawn

    def _onto(self, pixels: Pixels, points: Points) -> Pixels:
        height, width = pixels.shape[:2]
        left, top = np.floor(points.min(axis=0)).astype(int) - 1
        right, bottom = np.ceil(points.max(axis=0)).astype(int) + 2
        inside = left > 0 and top > 0 and right < width and bottom < height
        if not inside or min(right - left, bottom - top) < _LEAST:
            return pixels  # seamlessClone needs a margin of the picture around the face
        there = (points - (left, top)).astype(np.float32)
        warped = self._warped(there, right - left, bottom - top)
        hull = cv2.convexHull(np.rint(there).astype(np.int32))
        mask = np.zeros(warped.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, hull, 255)
        x, y, w, h = cv2.boundingRect(mask)  # seamlessClone puts the middle of the mask's box at the point
        centre = (int(left + x + w // 2), int(top + y + h // 2))
        return np.asarray(cv2.seamlessClone(warped, pixels, mask, centre, cv2.NORMAL_CLONE), np.uint8)

    def _warped(self, there: Points, width: int, height: int) -> Pixels:
        """This face with its landmarks at `there`, in a picture of this size."""
        out = np.zeros((height, width, 3), np.uint8)
        for rows in self.triangles:
            target = there[rows]
            x, y, w, h = cv2.boundingRect(target)
            moved = cv2.getAffineTransform(
                self.points[rows].astype(np.float32), target - np.array([x, y], np.float32)
            )
            patch = cv2.warpAffine(
                self.pixels, moved, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
            )
            mask = np.zeros((h, w), np.uint8)
            cv2.fillConvexPoly(mask, np.rint(target - (x, y)).astype(np.int32), 255)
            part = out[y : y + h, x : x + w]
            kept = mask[: part.shape[0], : part.shape[1]] > 0
            part[kept] = patch[: part.shape[0], : part.shape[1]][kept]
        return out


def delaunay(points: Points) -> Points:
    """(T, 3) rows of points (N, 2) that make up the triangles between them."""
    low, high = np.floor(points.min(axis=0)).astype(int) - 1, np.ceil(points.max(axis=0)).astype(int) + 2
    division = cv2.Subdiv2D((int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])))
    for x, y in points.tolist():
        division.insert((x, y))
    corners = np.asarray(division.getTriangleList()).reshape(-1, 3, 2)
    apart = np.linalg.norm(corners[:, :, None] - points[None, None], axis=3)
    rows = apart.argmin(axis=2)
    # triangles to the corners of the plane are among them
    return np.asarray(rows[(apart.min(axis=2) < 0.5).all(axis=1)])
