"""Travelling values as plain ones (numbers, texts, lists, mappings), rounded the same way everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

#: decimals of lengths in pixels, of scores, and of everything else (times, speeds, evidence)
PIXEL_DECIMALS, SCORE_DECIMALS, DECIMALS = 2, 4, 6


def rounded(values: npt.NDArray[Any], decimals: int) -> list[Any]:
    """An array of numbers as nested lists, never -0.0; what is not finite becomes None.

    >>> rounded(np.array([[0.125, np.nan]], np.float32), 2)
    [[0.12, None]]
    """
    array = np.round(values.astype(np.float64), decimals) + 0.0
    found: list[Any] = array.tolist()
    return found if np.isfinite(array).all() else plain(found)


def column(values: npt.NDArray[Any]) -> list[Any]:
    """One value per row of a named column of any dtype."""
    if values.dtype.kind == "f":
        return rounded(values, DECIMALS)
    found: list[Any] = values.tolist()
    return found if values.dtype.kind in "iub" else plain(found)


def plain(value: Any) -> Any:
    """Evidence as JSON can hold it. Raises TypeError naming a type it cannot.

    >>> plain({"speed": np.float32(0.1), "path": np.array([[1, 2]]), "score": float("nan")})
    {'speed': 0.1, 'path': [[1, 2]], 'score': None}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return round(float(value), DECIMALS) + 0.0 if math.isfinite(value) else None
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(type(value).__name__)


def utc(wall: float | None) -> str | None:
    """A time of day as text.

    >>> utc(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    if wall is None:
        return None
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
