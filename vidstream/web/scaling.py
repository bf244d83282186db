"""Pictures for the page: made smaller, greyed, captioned, encoded."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from vidstream.stages.draw.look import Look as Sizes
from vidstream.stages.draw.palette import DIM, WHITE
from vidstream.types import Image, Pixels, View

#: 75 of 100: blocks cannot be seen at arm's length, and a 640-pixel picture is 30 to 60 kB
QUALITY: Final = 75
#: how much light a greyed picture keeps
_GREY: Final = 0.45


def shrunk(image: Image, width: int) -> View:
    """The picture no wider than that, and no higher than twice that, with its way back to source pixels."""
    share = min(1.0, width / image.width, 2 * width / image.height)
    if share == 1.0:
        return View(image.pixels, image.matrix)
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    pixels = np.asarray(cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    step = np.diag([image.width / size[0], image.height / size[1], 1.0])
    return View(pixels, image.matrix).derive(pixels, step)


def captioned(pixels: Pixels, title: str, words: str) -> Pixels:
    """A greyed copy that says why it is grey."""
    gray = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    grey = np.asarray(cv2.cvtColor((gray * _GREY).astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)
    height, width = grey.shape[:2]
    sizes = Sizes.of(width, height, None, None, None)
    y = height // 2 - sizes.face.height
    for text, colour in ((title, WHITE), (words, DIM)):
        if text:
            patch = sizes.cards.line(((_cut(text, width, sizes.face.height), colour),))
            patch.over(grey, max(0, (width - patch.width) // 2), y)
            y += patch.height + sizes.gap
    return grey


def _cut(text: str, width: int, height: int) -> str:
    """As much of a text as fits: letters are about half as wide as high."""
    room = max(8, int(1.7 * width / height))
    return text if len(text) <= room else f"{text[: room - 1]}…"


def jpeg(pixels: Pixels) -> bytes:
    """As a JPEG file."""
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done, "any picture of uint8 can be encoded"
    return data.tobytes()


def empty(width: int) -> Pixels:
    """In the place of a picture that has never come."""
    return np.full((width * 9 // 16, width, 3), 32, np.uint8)


def cutting(image: Image, box: tuple[float, float, float, float] | None, longest: int = 320) -> Pixels:
    """What happened, cut out of the picture with some of what is around it, the box drawn in."""
    if box is None:
        return shrunk(image, longest).bgr()
    x1, y1, x2, y2 = image.boxes_from_source(np.array([box], np.float32))[0].tolist()
    margin = max(0.6 * max(x2 - x1, y2 - y1), 24.0)
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    right, bottom = min(image.width, int(x2 + margin)), min(image.height, int(y2 + margin))
    if min(x2, image.width) <= max(x1, 0) or min(y2, image.height) <= max(y1, 0):  # it lies outside
        return shrunk(image, longest).bgr()
    part = View(np.ascontiguousarray(image.pixels[top:bottom, left:right]))
    small = shrunk(part, longest if part.width >= part.height else longest * part.width // part.height)
    drawn = small.bgr().copy()
    scale = small.width / part.width
    corners = [
        round((value - offset) * scale) for value, offset in ((x1, left), (y1, top), (x2, left), (y2, top))
    ]
    cv2.rectangle(
        drawn, (corners[0], corners[1]), (corners[2] - 1, corners[3] - 1), (255, 255, 255), 2, cv2.LINE_AA
    )
    cv2.rectangle(
        drawn, (corners[0], corners[1]), (corners[2] - 1, corners[3] - 1), (60, 160, 40), 1, cv2.LINE_AA
    )
    return drawn
