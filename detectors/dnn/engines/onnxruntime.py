"""ONNX Runtime: about twice as fast as OpenCV on a CPU, and reads every ONNX file."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from detectors.dnn.engines.base import Blob, Kind, Outputs, library, one_line, shapes_of, threads
from vidstream.errors import ModelError

#: device -> the provider that serves it
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
#: what ONNX Runtime calls a tensor's elements -> NumPy's type
_TYPES = {
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}
_ONLY_FATAL = 4


class OnnxRuntimeEngine:
    """A network in ONNX Runtime; arguments as for `OpenCvEngine`.

    Its threads do not spin while they wait: two that spin take 144 ms for a ResNet50 that one alone does in
    75, once anything else runs beside them.
    MissingDependency: not installed. ModelError: no such device, or it cannot read the network.
    """

    name = "onnxruntime"

    def __init__(
        self,
        data: bytes | Mapping[str, bytes],
        *,
        file: str = "model.onnx",
        device: str = "cpu",
        outputs: Sequence[str] = (),
        where: str = "model",
    ) -> None:
        runtime = library("onnxruntime")
        runtime.disable_telemetry_events()  # which its Windows build would send
        self.device = device
        self._where = where
        if PurePath(file).suffix.lower() not in KIND.formats:
            raise ModelError(
                f"ONNX Runtime reads ONNX, not '{PurePath(file).suffix}'",
                where=where,
                fix="use engine: default",
            )
        self._errors = _errors(runtime)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ONLY_FATAL  # what goes wrong is raised, and told by us
        try:
            self._session = runtime.InferenceSession(
                data["model"] if isinstance(data, Mapping) else data, options, providers=[_PROVIDERS[device]]
            )
        except self._errors as error:
            raise ModelError(
                f"ONNX Runtime cannot read the network: {one_line(error)}",
                where=where,
                fix="check that it is whole",
            ) from error
        if _PROVIDERS[device] not in self._session.get_providers():
            raise ModelError(
                f"ONNX Runtime has no '{device}' device on this machine", where=where, fix="use device: auto"
            )
        self._types = {i.name: _TYPES.get(i.type, np.float32) for i in self._session.get_inputs()}
        self._outputs = _wanted(outputs, [o.name for o in self._session.get_outputs()], where)

    def run(self, blob: Blob | Mapping[str, Blob]) -> Outputs:
        """Outputs in the order asked for. ModelError where a blob does not fit the network."""
        named = blob if isinstance(blob, Mapping) else {next(iter(self._types), ""): blob}
        fed: dict[str, Any] = {
            name: np.asarray(b, self._types.get(name, np.float32)) for name, b in named.items()
        }
        try:
            return [_plain(output) for output in self._session.run(self._outputs, fed)]
        except self._errors as error:
            raise ModelError(
                f"the network cannot run on an input of shape {shapes_of(blob)}: {one_line(error)}",
                where=self._where,
                fix="check the input size on its card",
            ) from error


def devices() -> tuple[str, ...]:
    """What this ONNX Runtime can run on; it is loaded only where it was built with CUDA."""
    found = importlib.util.find_spec("onnxruntime")
    folders = [Path(f) for f in (found.submodule_search_locations or ())] if found else []
    if not any(any(folder.glob("capi/*providers_cuda*")) for folder in folders):
        return ("cpu",)
    known = library("onnxruntime").get_available_providers()
    return tuple(device for device, provider in _PROVIDERS.items() if provider in known)


def _errors(runtime: Any) -> tuple[type[Exception], ...]:
    """Everything it raises: a dozen classes that share no root but Exception."""
    own = vars(runtime.capi.onnxruntime_pybind11_state).values()
    raised = [e for e in own if isinstance(e, type) and issubclass(e, Exception)]
    return (*raised, ValueError, RuntimeError)


def _wanted(outputs: Sequence[str], known: Sequence[str], where: str) -> list[str]:
    """The outputs asked for, or all. ModelError where one is not there."""
    if missing := [name for name in outputs if name not in known]:
        raise ModelError(
            f"has no output '{missing[0]}'", where=where, fix=f"its outputs are {', '.join(known)}"
        )
    return list(outputs or known)


def _plain(output: Any) -> Any:
    """Half precision as float32; all else as it is."""
    array = np.asarray(output)
    return array.astype(np.float32) if array.dtype == np.float16 else array


KIND = Kind("onnxruntime", (".onnx",), devices, OnnxRuntimeEngine)
