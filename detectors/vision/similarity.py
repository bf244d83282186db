"""Which vectors are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def most_similar(
    queries: npt.NDArray[Any], gallery: npt.NDArray[Any], count: int = 5
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The rows of `gallery` most like each query, best first, and their cosine similarities.

    queries (N, D) and gallery (M, D) are unit rows, as `Detections.features` holds them; the results are
    int64 and float32 (N, min(count, M)). Equal ones keep the gallery's order.

    >>> rows = np.eye(3, dtype=np.float32)
    >>> most_similar(np.array([[0.0, 0.8, 0.6]]), rows, 2)[0].tolist()
    [[1, 2]]
    """
    alike = np.asarray(queries, np.float32) @ np.asarray(gallery, np.float32).T
    order = np.argsort(-alike, axis=1, kind="stable")[:, :count]
    return order.astype(np.int64), np.take_along_axis(alike, order, axis=1)
