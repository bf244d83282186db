"""Which engine runs a network, and what the user should know about it."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.catalogue import Card
from detectors.dnn.engines.base import Device, Engine, EngineName, Remark
from detectors.dnn.engines.opencv import OpenCvEngine
from vidstream.errors import ModelError


def open_engine(
    card: Card, data: Mapping[str, bytes], *, engine: EngineName = "default", device: Device = "auto"
) -> tuple[Engine, tuple[Remark, ...]]:
    """The network of `card` in an engine, and remarks on what was taken. ModelError where none runs it."""
    where = f"model '{card.name}'"
    if engine not in ("default", "auto", "opencv"):
        raise ModelError(f"no engine '{engine}'", where=where, fix="use opencv")
    opened = OpenCvEngine(data, file=card.main.file, device=device, outputs=card.outputs, where=where)
    return opened, _remarks(device, opened)


def _remarks(device: Device, opened: Engine) -> tuple[Remark, ...]:
    if device != "auto":
        return ()
    if opened.device == "cpu":
        return (Remark("cpu-fallback", "device auto took the CPU: this OpenCV has no CUDA device"),)
    return (Remark("device", f"device auto took {opened.device}"),)
