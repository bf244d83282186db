"""What runs a network, whatever the library behind it."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

#: (1, 3, H, W) float32, as a card's `InputSpec` says
Blob: TypeAlias = npt.NDArray[np.float32]
Outputs: TypeAlias = list[npt.NDArray[Any]]
#: where to run: auto takes CUDA where it is available and the CPU elsewhere
Device: TypeAlias = Literal["auto", "cpu", "cuda", "cuda_fp16", "opencl"]


class Engine(Protocol):
    """One loaded network. Used from one thread at a time."""

    @property
    def device(self) -> str:
        """What the network runs on, as taken: never "auto"."""

    def run(self, blob: Blob) -> Outputs:
        """Outputs in the order the model file declares them. The blob may be overwritten afterwards."""
