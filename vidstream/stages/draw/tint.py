"""Translucent areas: zones, label maps, instance masks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.stages.draw.palette import Bgr, name_colour
from vidstream.types import Image, MaskCrop, Masks, Pixels

Matrix = npt.NDArray[np.float64]


def tint(pixels: Pixels, area: npt.NDArray[np.uint8], colour: Bgr, opacity: float) -> None:
    """Mix `colour` into `pixels` (h, w, 3), in place, where `area` (h, w) is not 0."""
    mixed = cv2.convertScaleAbs(pixels, alpha=1 - opacity)
    cv2.add(mixed, np.array([*(c * opacity for c in colour), 0.0]), mixed)
    cv2.copyTo(mixed, area, pixels)


def tint_labels(pixels: Pixels, image: Image, masks: Masks, opacity: float) -> list[str]:
    """Mix a label map's colours into the picture, 0 stays clear; gives the names to be seen.

    A map of one name alone needs no legend, so it gives none.
    """
    labels = masks.labels
    if labels.dtype != np.uint8:
        labels = np.where(labels > 0, (labels - 1) % 255 + 1, 0).astype(np.uint8)
    area, x, y = _on_view(labels, masks.matrix, image)
    if not area.size:
        return []
    under = pixels[y : y + area.shape[0], x : x + area.shape[1]]
    # every fourth pixel shows which labels there are at a sixteenth of the cost
    present = [label for label in np.unique(area[::4, ::4]).tolist() if label]
    names = [masks.names.get(label, str(label)) for label in present]
    table = np.zeros((256, 1, 3), np.uint8)
    for label in range(1, 256):
        table[label, 0] = name_colour(masks.names.get(label, str(label)))
    mixed = cv2.addWeighted(under, 1 - opacity, cv2.applyColorMap(area, table), opacity, 0)
    cv2.copyTo(mixed, area, under)
    return names if len(masks.names) > 1 else []


def tint_objects(
    pixels: Pixels, image: Image, crops: Sequence[MaskCrop], colours: Sequence[Bgr], opacity: float
) -> None:
    """Mix each object's colour into its mask, and draw the mask's edge."""
    for crop, colour in zip(crops, colours, strict=True):
        to_source = np.array([[1, 0, crop.x], [0, 1, crop.y], [0, 0, 1]], np.float64)
        area, x, y = _on_view(crop.pixels.view(np.uint8), to_source, image)
        if area.size:
            under = pixels[y : y + area.shape[0], x : x + area.shape[1]]
            tint(under, area, colour, opacity)
            edges, _ = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(under, edges, -1, colour, 1, cv2.LINE_AA)


def _on_view(
    labels: npt.NDArray[np.uint8], to_source: Matrix | None, image: Image
) -> tuple[npt.NDArray[np.uint8], int, int]:
    """A label picture in the pixels of `image`, cut to it, and its top left there."""
    step = _between(to_source, image.matrix)
    height, width = labels.shape
    hull = Image(labels, step).boxes_to_source(np.array([[0, 0, width, height]]))[0]
    left, top = np.clip(np.floor(hull[:2]), 0, (image.width, image.height)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(hull[2:]), 0, (image.width, image.height)).astype(int).tolist()
    if right <= left or bottom <= top:
        return np.zeros((0, 0), np.uint8), 0, 0
    if step is None or np.array_equal(step[:, :2], np.eye(3)[:, :2]):  # moved by whole pixels at most
        dx, dy = (0, 0) if step is None else (round(step[0, 2]), round(step[1, 2]))
        return labels[top - dy : bottom - dy, left - dx : right - dx], left, top
    # OpenCV counts from pixel centres, our matrices from pixel edges: half a pixel between them
    to_edge, to_centre = _moved(0.5, 0.5), _moved(-0.5 - left, -0.5 - top)
    warp = to_centre @ step @ to_edge
    size, nearest = (right - left, bottom - top), cv2.INTER_NEAREST
    return np.asarray(cv2.warpPerspective(labels, warp, size, flags=nearest), np.uint8), left, top


def _between(to_source: Matrix | None, view_to_source: Matrix | None) -> Matrix | None:
    """From label pixels to view pixels."""
    if view_to_source is None:
        return to_source
    back = np.asarray(np.linalg.inv(view_to_source), np.float64)
    return back if to_source is None else np.asarray(back @ to_source, np.float64)


def _moved(dx: float, dy: float) -> Matrix:
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], np.float64)
