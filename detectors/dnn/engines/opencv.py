"""The default engine: OpenCV's DNN module, on CPU, CUDA or OpenCL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

import cv2
import numpy as np

from detectors.dnn.engines.base import Blob, Device, Kind, Outputs, one_line, shapes_of
from detectors.dnn.engines.sanity import check_bytes
from detectors.dnn.onnx_header import read_onnx_header
from vidstream.errors import ModelError

#: device -> OpenCV's backend and target
_TARGETS = {
    "cpu": (cv2.dnn.DNN_BACKEND_OPENCV, cv2.dnn.DNN_TARGET_CPU),
    "cuda": (cv2.dnn.DNN_BACKEND_CUDA, cv2.dnn.DNN_TARGET_CUDA),
    "cuda_fp16": (cv2.dnn.DNN_BACKEND_CUDA, cv2.dnn.DNN_TARGET_CUDA_FP16),
    "opencl": (cv2.dnn.DNN_BACKEND_OPENCV, cv2.dnn.DNN_TARGET_OPENCL),
}
_ADVICE = {
    "cuda": "set device to auto or cpu, or install an OpenCV built with CUDA and its driver",
    "cuda_fp16": "set device to auto or cpu, or install an OpenCV built with CUDA and its driver",
    "opencl": "set device to auto or cpu, or install an OpenCL driver",
}
#: file name's end -> OpenCV's name of the format
FORMATS = {
    ".onnx": "onnx",
    ".tflite": "tflite",
    ".weights": "darknet",
    ".caffemodel": "caffe",
    ".pb": "tensorflow",
}


def available(device: str) -> bool:
    """True where this OpenCV, on this machine, can run networks on `device`.

    Asked first, because OpenCV itself falls back to the CPU with no more than a line in its log.
    """
    backend, target = _TARGETS[device]
    return target in cv2.dnn.getAvailableTargets(backend)


def devices() -> tuple[str, ...]:
    """What this OpenCV can run networks on, on this machine."""
    return tuple(device for device in _TARGETS if device == "cpu" or available(device))


def choose_device(wanted: Device) -> str:
    """The device to take. ModelError where one is asked for by name and is not there.

    >>> choose_device("cpu")
    'cpu'
    """
    if wanted == "auto":
        return "cuda" if available("cuda") else "cpu"
    if wanted not in _TARGETS:
        raise ModelError(f"unknown device '{wanted}'", fix=f"use auto, {', '.join(_TARGETS)}")
    if wanted != "cpu" and not available(wanted):
        raise ModelError(
            f"device '{wanted}' is not available in this OpenCV on this machine", fix=_ADVICE[wanted]
        )
    return wanted


class OpenCvEngine:
    """A network in OpenCV. `run` leaves Python's lock free; one network is used by one thread.

    `data` is the network, or the network as ``model`` and its description as ``config`` (Darknet, Caffe,
    TensorFlow); `file` tells the format by its end; `outputs` names what is wanted, in order.
    ModelError: the device is not there, or OpenCV cannot read the network.
    """

    name = "opencv"

    def __init__(
        self,
        data: bytes | Mapping[str, bytes],
        *,
        file: str = "model.onnx",
        device: Device = "auto",
        outputs: Sequence[str] = (),
        where: str = "model",
    ) -> None:
        self.device = choose_device(device)
        self._where = where
        parts = data if isinstance(data, Mapping) else {"model": data}
        kind = FORMATS.get(PurePath(file).suffix.lower(), "")
        self._outputs = list(outputs)
        if kind == "onnx" and not outputs:  # OpenCV's own list is in the order of the alphabet
            self._outputs = list(read_onnx_header(parts["model"], where).outputs)
        self._net = _read(parts, kind, where)
        if not self._outputs:
            self._outputs = list(self._net.getUnconnectedOutLayersNames())
        backend, target = _TARGETS[self.device]
        self._net.setPreferableBackend(backend)
        self._net.setPreferableTarget(target)

    def run(self, blob: Blob | Mapping[str, Blob]) -> Outputs:
        """Outputs in the order asked for. ModelError where a blob does not fit the network."""
        try:
            if isinstance(blob, Mapping):
                for name, value in blob.items():
                    self._net.setInput(value, name)
            else:
                self._net.setInput(blob)
            return [np.asarray(output) for output in self._net.forward(self._outputs)]
        except cv2.error as error:
            raise ModelError(
                f"the network cannot run on an input of shape {shapes_of(blob)}: {one_line(error)}",
                where=self._where,
                fix="check the input size on its card",
            ) from error


def _read(parts: Mapping[str, bytes], kind: str, where: str) -> Any:
    """The network as OpenCV holds it. ModelError where it cannot."""
    if not kind:
        raise ModelError(
            "OpenCV reads networks by the end of the file's name, and not this one",
            where=where,
            fix=f"give a file that ends in {', '.join(FORMATS)}",
        )
    check_bytes(parts, kind, where)
    network = np.frombuffer(parts["model"], np.uint8)
    described = _uncut(parts["config"]) if kind == "darknet" and "config" in parts else parts.get("config")
    config = None if described is None else np.frombuffer(described, np.uint8)
    try:
        with quiet():
            net = _parsed(kind, network, config)
    except cv2.error as error:
        raise ModelError(
            f"OpenCV cannot read the network: {one_line(error)}",
            where=where,
            fix="check that it is whole; an ONNX file wants a fixed input size, and to be simplified",
        ) from error
    if net.empty():
        raise ModelError("holds no network", where=where, fix="check the file")
    return net


def _uncut(cfg: bytes) -> bytes:
    """A Darknet description whose layers give small scores, too: OpenCV sets those below `thresh` to 0.

    Darknet itself takes that from its command line; OpenCV takes 0.2 where the file says nothing.
    """
    without = re.sub(rb"(?m)^\s*thresh\s*=.*$", b"", cfg)
    return re.sub(rb"(?m)^(\s*\[(?:yolo|region)\].*)$", rb"\1\nthresh=0.001", without)


def _parsed(kind: str, network: Any, config: Any) -> Any:
    if kind == "onnx":
        return cv2.dnn.readNetFromONNX(network)
    if kind == "tflite":
        return cv2.dnn.readNetFromTFLite(network)
    if config is None:
        return cv2.dnn.readNet(kind, network)
    return cv2.dnn.readNet(kind, network, config)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV from printing pages about what it also raises."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


KIND = Kind("opencv", tuple(FORMATS), devices, OpenCvEngine)
