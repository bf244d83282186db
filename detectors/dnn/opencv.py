"""The default engine: OpenCV's DNN module, on CPU, CUDA or OpenCL."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.dnn.engine import Blob, Device, Outputs
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


def available(device: str) -> bool:
    """True where this OpenCV, on this machine, can run networks on `device`.

    Asked first, because OpenCV itself falls back to the CPU with no more than a line in its log.
    """
    backend, target = _TARGETS[device]
    return target in cv2.dnn.getAvailableTargets(backend)


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
    """An ONNX network in OpenCV. `run` leaves Python's lock free; one network is used by one thread.

    ModelError: the device is not there, or OpenCV cannot read the network.
    """

    def __init__(self, model: bytes, *, device: Device = "auto", where: str = "model") -> None:
        self.device = choose_device(device)
        self._where = where
        # OpenCV's own list of outputs is in the order of the alphabet
        self._outputs = list(read_onnx_header(model, where).outputs)
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"OpenCV cannot read the network: {_short(error)}",
                where=where,
                fix="check that it is ONNX with a fixed input size, and simplify it when exporting",
            ) from error
        backend, target = _TARGETS[self.device]
        self._net.setPreferableBackend(backend)
        self._net.setPreferableTarget(target)

    def run(self, blob: Blob) -> Outputs:
        """Outputs in the order the file declares them. ModelError where the blob does not fit the network."""
        try:
            self._net.setInput(blob)
            return [np.asarray(output) for output in self._net.forward(self._outputs)]
        except cv2.error as error:
            raise ModelError(
                f"the network cannot run on an input of shape {blob.shape}: {_short(error)}",
                where=self._where,
                fix="check the input size on its card",
            ) from error


def _short(error: cv2.error) -> str:
    """OpenCV's own words, without its source path and line."""
    text = str(getattr(error, "err", "") or error)
    return " ".join(text.split())[:200]
