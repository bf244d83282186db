"""Pictures small enough for a message."""

from __future__ import annotations

from typing import Final

from vidstream.types import Image

#: bytes that a picture may have: some brokers take no message above 128 kB
MOST: Final = 120_000
_QUALITIES: Final = (80, 60, 40, 20)


def jpeg(image: Image, width: int) -> bytes | None:
    """A JPEG no wider than `width` pixels and no larger than `MOST` bytes; None where it cannot be made."""
    import cv2

    scale = min(1.0, width / image.width)
    for _ in range(3):
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        small = cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else image.pixels
        for quality in _QUALITIES:
            try:
                encoded, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
            except cv2.error:  # it has no pixels, or more than JPEG can hold
                return None
            if encoded and len(data) <= MOST:
                return data.tobytes()
        scale /= 2
    return None
