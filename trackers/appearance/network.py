"""What objects look like, told by a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np

from trackers.appearance.crops import cut, unit_rows
from vidstream.errors import ModelError
from vidstream.geometry import Array, Float32
from vidstream.types import Boxes, Pixels


class Network(Protocol):
    """What runs a network, on whatever device; the engines of `detectors.dnn` fit."""

    def run(self, blob: Float32) -> Sequence[Array]:
        """Outputs, the first (N, D), of a blob (N, 3, H, W). ModelError where it does not fit."""


class Input(Protocol):
    """What a network wants to see: ``(pixel - mean) / std``, pixels 0 to 255; a model's card fits."""

    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def colour(self) -> Literal["bgr", "rgb", "gray"]: ...  # noqa: D102
    @property
    def mean(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def std(self) -> tuple[float, float, float]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class CropInput:
    """An `Input` to be written down where there is no card; the default is what OSNet and its kin take."""

    width: int = 128
    height: int = 256
    colour: Literal["bgr", "rgb"] = "rgb"
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)


#: what the network of DeepSORT takes (Wojke 2017, table 1): 128 numbers of a person
DEEPSORT_INPUT = CropInput(64, 128, "rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class NetworkEmbedder:
    """A re-identification network such as OSNet (Zhou et al. 2019) or DeepSORT's own.

    network: an ONNX file, run by OpenCV on the CPU, or a `Network` that is loaded already, on any device.
    seen: what it takes; crops are stretched to that. batch: crops per run; exports that have a batch of
    one built in run one by one whatever is asked, and on a CPU a batch is no faster. Raises ModelError
    where the network does not run on such crops.

    >>> embed = NetworkEmbedder("osnet_x0_25_msmt17.onnx")         # doctest: +SKIP
    >>> tracker = DeepSortTracker(DeepSortParams(), embed)         # doctest: +SKIP
    """

    def __init__(self, network: Path | str | Network, seen: Input | None = None, batch: int = 16) -> None:
        self._input = seen or CropInput()
        self._network = OpenCvNetwork(network) if isinstance(network, Path | str) else network
        std = np.array(self._input.std, np.float32)
        self._factor, self._offset = 1 / std, -np.array(self._input.mean, np.float32) / std
        self._blob = np.zeros((max(batch, 1), 3, self._input.height, self._input.width), np.float32)
        self._size = self._run(1).shape[1]
        if batch > 1 and not self._batches():
            self._blob = self._blob[:1]

    def __call__(self, pixels: Pixels, boxes: Boxes) -> Float32:
        """(N, D) unit rows for (N, 4) boxes in these BGR pixels."""
        crops = cut(pixels, boxes)
        rows = np.zeros((len(crops), self._size), np.float32)
        limit = len(self._blob)
        for first in range(0, len(crops), limit):
            some = crops[first : first + limit]
            for place, crop in zip(self._blob, some, strict=False):
                self._show(crop, place)
            rows[first : first + len(some)] = self._run(len(some))
        return unit_rows(rows)

    def _show(self, crop: Pixels, place: Float32) -> None:
        """The crop as the network wants it, written to (3, H, W)."""
        planes = cv2.split(cv2.resize(crop, (self._input.width, self._input.height)))
        ordered = planes if self._input.colour == "bgr" else planes[::-1]
        for channel, plane in enumerate(ordered):
            np.multiply(plane, self._factor[channel], out=place[channel])
            place[channel] += self._offset[channel]

    def _run(self, count: int) -> Float32:
        """(count, D) what the network says of the first crops in the blob."""
        rows = np.asarray(self._network.run(self._blob[:count])[0], np.float32)
        if rows.size == 0 or rows.size % count or rows.shape[0] != count:
            raise ModelError(f"expected one row per crop, got {rows.shape} for {count}", where="network")
        return rows.reshape(count, -1)

    def _batches(self) -> bool:
        """Whether two crops at once give what each gives alone."""
        self._blob[0], self._blob[1] = 0.5, -0.5
        one, self._blob[0] = self._run(1), -0.5
        other, self._blob[0] = self._run(1), 0.5
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            both = self._run(2)
        except ModelError:  # OpenCV would print a page about it, too
            return False
        finally:
            cv2.utils.logging.setLogLevel(level)
        return bool(np.allclose(both, np.concatenate([one, other]), atol=1e-3 * np.abs(both).max()))


class OpenCvNetwork:
    """An ONNX file run by OpenCV on the CPU."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        try:
            self._net = cv2.dnn.readNetFromONNX(self._path)
        except cv2.error as error:
            raise ModelError(f"is no network that OpenCV can read: {error}", where=self._path) from error

    def run(self, blob: Float32) -> Sequence[Array]:
        """The network's output. ModelError where it does not take such blobs."""
        try:
            self._net.setInput(blob)
            return [np.asarray(self._net.forward())]
        except cv2.error as error:
            raise ModelError(f"does not run on crops {blob.shape}: {error}", where=self._path) from error
