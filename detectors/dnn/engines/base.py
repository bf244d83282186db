"""What runs a network, whatever the library behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

#: one input: float32, as a card's `InputSpec` says
Blob: TypeAlias = npt.NDArray[np.float32]
Outputs: TypeAlias = list[npt.NDArray[Any]]
#: where to run: auto takes CUDA where it is available and the CPU elsewhere
Device: TypeAlias = Literal["auto", "cpu", "cuda", "cuda_fp16", "opencl"]
#: what runs it: default is OpenCV where it can read the network, auto whichever is fastest here
EngineName: TypeAlias = Literal["default", "auto", "opencv", "onnxruntime", "openvino"]


class Remark(NamedTuple):
    """What a user should know of how a network came to run as it does; stages pass it on as a notice."""

    kind: str
    text: str


class Engine(Protocol):
    """One loaded network. Used from one thread at a time; `run` leaves Python's lock free."""

    @property
    def name(self) -> str:
        """opencv, onnxruntime or openvino."""

    @property
    def device(self) -> str:
        """What the network runs on, as taken: never "auto"."""

    def run(self, blob: Blob | Mapping[str, Blob]) -> Outputs:
        """Outputs in the card's order, or the file's. Blobs may be overwritten afterwards.

        A network with several inputs takes them by name. ModelError where the blob does not fit.
        """
