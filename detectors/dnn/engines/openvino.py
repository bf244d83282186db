"""OpenVINO: about as fast as ONNX Runtime on a CPU; reads ONNX, and some TensorFlow and TFLite files."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from detectors.dnn.engines.base import Blob, Kind, Outputs, library, one_line, shapes_of, threads
from vidstream.errors import ModelError


class OpenVinoEngine:
    """A network in OpenVINO, for one picture at a time soon rather than many at once.

    Arguments as for `OpenCvEngine`. TensorFlow's own formats keep channels last; as OpenCV turns such
    networks around, and cards are written for that, blobs and maps are turned here as well.
    MissingDependency: not installed. ModelError: it cannot read the network.
    """

    name = "openvino"

    def __init__(
        self,
        data: bytes | Mapping[str, bytes],
        *,
        file: str = "model.onnx",
        device: str = "cpu",
        outputs: Sequence[str] = (),
        where: str = "model",
    ) -> None:
        core = _core()
        self.device = device
        self._where = where
        end = PurePath(file).suffix.lower()
        if end not in KIND.formats:
            raise ModelError(
                f"OpenVINO reads {', '.join(KIND.formats)}, not '{end}'",
                where=where,
                fix="use engine: default",
            )
        self._channels_last = end != ".onnx"
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads(),
            "INFERENCE_PRECISION_HINT": "f32",  # it would take bfloat16 where the CPU has it
        }
        try:
            model = _read(core, data["model"] if isinstance(data, Mapping) else data, end)
            self._compiled = core.compile_model(model, "CPU", settings)
            self._request = self._compiled.create_infer_request()
            self._outputs = [self._compiled.output(name) for name in outputs] or self._all()
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot read the network: {_reason(error)}",
                where=where,
                fix="check that it is whole",
            ) from error
        self._types = {name: i.element_type.to_dtype() for i in self._compiled.inputs for name in i.names}

    def run(self, blob: Blob | Mapping[str, Blob]) -> Outputs:
        """Outputs in the order asked for. ModelError where a blob does not fit the network."""
        named = blob if isinstance(blob, Mapping) else {next(iter(self._types), ""): blob}
        fed = {name: self._in(name, value) for name, value in named.items()}
        try:
            found = self._request.infer(fed)
        except RuntimeError as error:
            raise ModelError(
                f"the network cannot run on an input of shape {shapes_of(blob)}: {_reason(error)}",
                where=self._where,
                fix="check the input size on its card",
            ) from error
        return [self._out(found[output]) for output in self._outputs]

    def _all(self) -> Sequence[Any]:
        """Every output, in the order in which OpenCV would give them: not the file's, but for ONNX."""
        every = list(self._compiled.outputs)
        return sorted(every, key=lambda output: str(output.any_name)) if self._channels_last else every

    def _in(self, name: str, blob: Blob) -> Any:
        turned = blob.transpose(0, 2, 3, 1) if self._channels_last and blob.ndim == 4 else blob
        return np.ascontiguousarray(turned, self._types.get(name, np.float32))

    def _out(self, output: Any) -> Any:
        """A copy, as the request writes into the same memory at the next run."""
        turned = output.transpose(0, 3, 1, 2) if self._channels_last and output.ndim == 4 else output
        return np.array(turned, np.float32 if output.dtype == np.float16 else output.dtype, order="C")


def devices() -> tuple[str, ...]:
    """What OpenVINO is used for here: the CPU."""
    return ("cpu",)


@cache
def _core() -> Any:
    """The one core of this process, kept for ever.

    On CPUs with AVX-512 each core lays a stack for signals over that of the one before, and takes it away
    with itself: of two cores, dropped in the order they were made, the second leaves a stack that is no
    more, and the next signal (Ctrl-C) ends the program with a segmentation fault.
    """
    return _openvino().Core()


def _openvino() -> Any:
    """The library, without what it loads beside itself to report its use to its makers."""
    reporter = "openvino_telemetry"
    if "openvino" not in sys.modules and reporter not in sys.modules:
        sys.modules[reporter] = None  # type: ignore[assignment]  # Python's way to say: not to be imported
    return library("openvino")


def _read(core: Any, data: bytes, end: str) -> Any:
    """The network; TensorFlow's formats are read from files alone, and told by their names."""
    if end == ".onnx":
        return core.read_model(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{end}"
        path.write_bytes(data)
        return core.read_model(path)


def _reason(error: BaseException) -> str:
    """The last words of a long story of C++ files."""
    lines = [line for line in str(error).splitlines() if line.strip() and ".cpp:" not in line]
    return one_line(RuntimeError(" ".join(lines) or str(error)))


KIND = Kind("openvino", (".onnx", ".tflite", ".pb"), devices, OpenVinoEngine)
