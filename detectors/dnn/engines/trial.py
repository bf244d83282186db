"""One run of a network before it is relied on, and whether two engines give the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card, InputSpec
from detectors.catalogue.card import MAIN
from detectors.dnn.engines.base import Blob, Engine, Kind, Outputs
from detectors.dnn.onnx_header import OnnxHeader, read_onnx_header
from vidstream.errors import ModelError

#: engines agree where so many of their numbers are equal to within these
_SHARE, _RELATIVE, _ABSOLUTE = 0.995, 0.01, 1e-3


class Place(NamedTuple):
    """An engine, and what it would run on."""

    kind: Kind
    device: str


@dataclass(frozen=True)
class Trial:
    """A network to be opened, and the input that it is tried with."""

    card: Card
    data: Mapping[str, bytes]
    blob: Blob | Mapping[str, Blob]
    may_be_empty: bool

    @classmethod
    def of(cls, card: Card, data: Mapping[str, bytes]) -> Self:
        """Read off the file what it takes, where it says so."""
        is_onnx = PurePath(card.main.file).suffix.lower() == ".onnx"
        header = read_onnx_header(data[MAIN], f"model '{card.name}'") if is_onnx else None
        free = header is not None and any(0 in shape for shape in header.outputs.values())
        return cls(card, data, sample(card.input, header), free)

    def open(self, place: Place) -> tuple[Engine, Outputs]:
        """The network, tried out, and what it gave. ModelError, MissingDependency."""
        where = f"model '{self.card.name}'"
        engine = place.kind.open(
            self.data, file=self.card.main.file, device=place.device, outputs=self.card.outputs, where=where
        )
        return engine, try_out(engine, self.blob, where, may_be_empty=self.may_be_empty)


def sample(spec: InputSpec, header: OnnxHeader | None = None) -> Blob | Mapping[str, Blob]:
    """An input like a picture: soft shapes and some noise, the same every time.

    A network with further inputs, such as the picture's size, is given ones for them.
    """
    random = np.random.default_rng(0)
    channels = 1 if spec.colour == "gray" else 3
    soft = np.asarray(cv2.resize(random.uniform(0, 255, (7, 7, 3)), (spec.width, spec.height)))
    pixels = soft[:, :, :channels] + random.uniform(-20, 20, (spec.height, spec.width, channels))
    scaled = (np.clip(pixels, 0, 255) - spec.mean[:channels]) / spec.std[:channels]
    picture = np.ascontiguousarray(scaled if spec.layout == "nhwc" else scaled.transpose(2, 0, 1), np.float32)
    if header is None or len(header.inputs) < 2:
        return picture[None]
    first = next((n for n, shape in header.inputs.items() if len(shape) == 4), next(iter(header.inputs)))
    others = {n: np.ones([d or 1 for d in s], np.float32) for n, s in header.inputs.items() if n != first}
    return {first: picture[None], **others}


def try_out(engine: Engine, blob: Blob | Mapping[str, Blob], where: str, *, may_be_empty: bool) -> Outputs:
    """The engine's outputs. ModelError where it fails, gives nothing, or gives what is not a number.

    `may_be_empty`: the file declares outputs of free size, so finding nothing is no fault.
    """
    outputs = engine.run(blob)
    if not outputs or (not may_be_empty and any(output.size == 0 for output in outputs)):
        raise ModelError(f"gives nothing in {engine.name} on {engine.device}", where=where, fix=_CHECK)
    if any(output.dtype.kind == "f" and np.isnan(output).any() for output in outputs):
        raise ModelError(
            f"gives numbers that are none (NaN) in {engine.name} on {engine.device}", where=where, fix=_CHECK
        )
    return outputs


def agree(one: Sequence[npt.NDArray[Any]], other: Sequence[npt.NDArray[Any]]) -> bool:
    """True where two engines' outputs are equal but for rounding.

    >>> agree([np.array([1.0, 2.0])], [np.array([1.001, 2.0])])
    True
    >>> agree([np.array([1.0, 2.0])], [np.array([1.5, 2.0])])
    False
    """
    return len(one) == len(other) and all(map(_close, one, other))


def _close(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    if one.shape != other.shape:
        return False
    atol = _ABSOLUTE * min(1.0, float(np.abs(one).max(initial=0.0)))
    return one.size == 0 or float(np.isclose(one, other, _RELATIVE, atol).mean()) >= _SHARE


_CHECK = "check the file, and the input on its card"
