"""Reading one picture file: looked at before it is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vidstream.sources.limits import MAX_PIXELS
from vidstream.types import Pixels

#: bytes; an uncompressed picture of the largest size allowed takes no more
_MAX_BYTES = 5 * MAX_PIXELS


class UnreadableError(ValueError):
    """This file gives no picture; the text says why, as the end of a sentence."""


def read_picture(path: Path) -> Pixels:
    """uint8 (H, W, 3) BGR, read-only, upright as the EXIF data say, the same pixels that `cv2.imread` gives.

    Formats other than JPEG, PNG, BMP, TIFF, WebP and PNM are refused by their first bytes, pictures above 64
    megapixels by their header, before anything is decoded.
    """
    import cv2

    try:
        with path.open("rb") as file:
            width, height = _header_size(file)
            if width * height > MAX_PIXELS:
                raise UnreadableError(
                    f"has {width} x {height} pixels, above {MAX_PIXELS // 1_000_000} megapixels"
                )
            file.seek(0)
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise UnreadableError("is damaged or cut short")
    picture = np.asarray(pixels, np.uint8)
    picture.flags.writeable = False
    return picture


def _header_size(file: Any) -> tuple[int, int]:
    """Width and height, from the header alone.

    Pillow's readers are used one by one: `Image.open` tries all it has, and warns of large pictures.
    """
    from PIL import (
        BmpImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        PpmImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    readers: dict[bytes, Any] = {
        b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
        b"\x89PNG": PngImagePlugin.PngImageFile,
        b"BM": BmpImagePlugin.BmpImageFile,
        b"II*\0": TiffImagePlugin.TiffImageFile,
        b"MM\0*": TiffImagePlugin.TiffImageFile,
        b"RIFF": WebPImagePlugin.WebPImageFile,
        **{b"P%d" % n: PpmImagePlugin.PpmImageFile for n in range(1, 7)},
    }
    start = file.read(4)
    file.seek(0)
    reader = next((reader for mark, reader in readers.items() if start.startswith(mark)), None)
    if reader is None:
        raise UnreadableError("is empty" if not start else "is no picture in a known format")
    try:
        width, height = reader(file).size
    except (SyntaxError, ValueError, OSError, UserWarning):  # Pillow's many words for a bad header
        raise UnreadableError("has a header that makes no sense") from None
    return width, height
