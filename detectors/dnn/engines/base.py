"""What runs a network, whatever the library behind it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.errors import MissingDependency

#: one input: float32, as a card's `InputSpec` says
Blob: TypeAlias = npt.NDArray[np.float32]
Outputs: TypeAlias = list[npt.NDArray[Any]]
#: where to run: auto takes CUDA where it is available and the CPU elsewhere
Device: TypeAlias = Literal["auto", "cpu", "cuda", "cuda_fp16", "opencl"]
#: what runs it: default is OpenCV where it can read the network, auto whichever is fastest here
EngineName: TypeAlias = Literal["default", "auto", "opencv", "onnxruntime", "openvino", "ultralytics"]


class Remark(NamedTuple):
    """What a user should know of how a network came to run as it does; stages pass it on as a notice."""

    kind: str
    text: str


class Engine(Protocol):
    """One loaded network. Used from one thread at a time; `run` leaves Python's lock free."""

    @property
    def name(self) -> str:
        """opencv, onnxruntime, openvino or ultralytics."""

    @property
    def device(self) -> str:
        """What the network runs on, as taken: never "auto"."""

    def run(self, blob: Blob | Mapping[str, Blob]) -> Outputs:
        """Outputs in the card's order, or the file's. Blobs may be overwritten afterwards.

        A network with several inputs takes them by name. ModelError where the blob does not fit.
        """


class Kind(NamedTuple):
    """A library that runs networks, before any is loaded."""

    name: str
    #: ends of the names of files that it reads
    formats: tuple[str, ...]
    #: what it can run on, on this machine; loads the library
    devices: Callable[[], tuple[str, ...]]
    #: opens a network: see `OpenCvEngine`, whose arguments all of them take
    open: Callable[..., Engine]

    @property
    def installed(self) -> bool:
        """True where the library is there; it is not loaded."""
        return self.name == "opencv" or importlib.util.find_spec(self.name) is not None


def library(name: str) -> Any:
    """An engine's library, loaded now. MissingDependency, with the line that installs it."""
    fix = f"pip install {name}  (or all engines: pip install -r requirements/engines.txt)"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingDependency(f"{name} is not installed", where=f"engine '{name}'", fix=fix) from error
    except (ImportError, OSError) as error:
        raise MissingDependency(
            f"{name} is installed but cannot be loaded: {error}", where=f"engine '{name}'", fix=fix
        ) from error


def threads() -> int:
    """How many threads a network may take: as many as OpenCV's pool, which is sized so that all heavy
    stages together fill the cores and no more.
    """
    return max(1, cv2.getNumThreads())


def one_line(error: BaseException) -> str:
    """The libraries' own words, without line breaks, cut to a length that can be read."""
    return " ".join(str(getattr(error, "err", "") or error).split())[:300]


def shapes_of(blob: Blob | Mapping[str, Blob]) -> object:
    """Shapes for an error's text."""
    return {name: b.shape for name, b in blob.items()} if isinstance(blob, Mapping) else blob.shape
