"""What runs in the other process: loads a network with the package, answers requests on its standard input.

A message is the length of a JSON text (4 bytes, little endian), the text, and the bytes of the arrays it
announces. Nothing of this project is imported, as the process may be another environment's Python.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np

_LENGTH = struct.Struct("<I")
#: set before the package is imported: no look-ups, no installs, no pickled programs beyond its own classes
SETTINGS = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "true",
}


def send(stream: IO[bytes], header: Mapping[str, Any], arrays: Sequence[Any] = ()) -> None:
    """Write a message: a header that JSON can hold, and arrays."""
    packed: list[Any] = [np.ascontiguousarray(array) for array in arrays]
    text = json.dumps({**header, "arrays": [[a.dtype.str, a.shape] for a in packed]}).encode()
    stream.write(_LENGTH.pack(len(text)))
    stream.write(text)
    for array in packed:
        stream.write(memoryview(array.reshape(-1)).cast("B"))
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], list[Any]]:
    """Read a message. EOFError where the other side is gone."""
    text = _exactly(stream, _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0])
    header = json.loads(bytes(text))
    arrays = []
    for dtype, shape in header.pop("arrays"):
        kind = np.dtype(dtype)
        size = kind.itemsize * int(np.prod(shape, dtype=np.int64))
        arrays.append(np.frombuffer(_exactly(stream, size), kind).reshape(shape))
    return header, arrays


def _exactly(stream: IO[bytes], size: int) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        count = stream.readinto(view[got:])  # type: ignore[attr-defined]  # binary streams have it
        if not count:
            raise EOFError("the other process is gone")
        got += count
    return data


class Worker:
    """Answers requests, each by the method of its name."""

    def __init__(self) -> None:
        self._model: Any = None

    def open(self, header: Mapping[str, Any], _: Sequence[Any]) -> tuple[dict[str, Any], list[Any]]:
        """Load the file for this device, and run it once on a grey picture of its size."""
        torch, package = import_module("torch"), import_module("ultralytics")
        _refuse_programs(header["path"])
        wanted, has = header["device"], torch.cuda.is_available()
        if wanted.startswith("cuda") and not has:
            raise ValueError(f"device '{wanted}' is not available in its torch")
        device = "cuda" if has and wanted == "auto" else wanted.replace("auto", "cpu")
        torch.set_num_threads(header["threads"])
        self._model = import_module("ultralytics.nn.autobackend").AutoBackend(
            header["path"],
            device=torch.device("cuda:0" if device.startswith("cuda") else "cpu"),
            fp16=device == "cuda_fp16",
            verbose=False,
        )
        self._model.eval()
        size = header["size"] or _trained_size(self._model)
        outputs = self._forward(np.full((1, 3, *size), 0.5, np.float32))
        about = {
            "version": package.__version__,
            "device": device,
            "task": _task(self._model),
            "names": str({int(key): str(name) for key, name in dict(self._model.names).items()}),
            "kpt_shape": str(list(getattr(self._model, "kpt_shape", None) or ())),
            "size": size,
            "shapes": [list(output.shape) for output in outputs],
        }
        return about, []

    def run(self, _: Mapping[str, Any], arrays: Sequence[Any]) -> tuple[dict[str, Any], list[Any]]:
        """Outputs for one blob (N, 3, H, W)."""
        return {}, self._forward(arrays[0])

    def export(self, header: Mapping[str, Any], _: Sequence[Any]) -> tuple[dict[str, Any], list[Any]]:
        """Write the network as ONNX with a fixed input size into a folder; gives the file's path."""
        _refuse_programs(header["path"])
        copy = shutil.copy(header["path"], header["folder"])  # the package writes beside what it reads
        model = import_module("ultralytics").YOLO(copy)
        file = model.export(
            format="onnx", imgsz=header["size"], simplify=True, dynamic=False, batch=1, device="cpu"
        )
        return {"path": str(Path(file).resolve())}, []

    def pictures(self, _: Mapping[str, Any], __: Sequence[Any]) -> tuple[dict[str, Any], list[Any]]:
        """The pictures that come with the package."""
        folder = Path(import_module("ultralytics.utils").ASSETS)
        return {"paths": [str(path) for path in sorted(folder.glob("*.jpg"))]}, []

    def _forward(self, blob: Any) -> list[Any]:
        torch = import_module("torch")
        with torch.inference_mode():
            pixels = torch.from_numpy(np.array(blob)).to(self._model.device)
            found = self._model(pixels.half() if self._model.fp16 else pixels)
        return [tensor.float().cpu().numpy() for tensor in _tensors(found)]


def _tensors(found: Any) -> list[Any]:
    """The tensors of an answer; what a network gives beside them for training is left out."""
    if hasattr(found, "cpu"):
        return [found]
    if isinstance(found[0], (list, tuple)):  # (answers, for training)
        return _tensors(found[0])
    return [item for item in found if hasattr(item, "cpu")]


def _task(model: Any) -> str:
    """What the network is for: noted in the file, or told by its last layer."""
    inner = getattr(model, "model", None)
    guess = import_module("ultralytics.nn.tasks").guess_model_task
    return str(getattr(model, "task", None) or getattr(inner, "task", None) or guess(inner))


def _refuse_programs(path: str) -> None:
    """A .pt file is loaded in safe mode, by a package that has one: else it could run anything."""
    safe = getattr(import_module("ultralytics.nn.tasks"), "_SafeLoad", None)
    if path.endswith(".pt") and not getattr(safe, "SUPPORTED", False):
        raise RuntimeError("this ultralytics and torch have no safe mode for .pt files: use newer ones")


def _trained_size(model: Any) -> list[int]:
    """Height and width the network was trained or exported for."""
    noted = getattr(model, "imgsz", None) or getattr(getattr(model, "model", None), "args", {}).get(
        "imgsz", 640
    )
    sides = [int(side) for side in noted] if isinstance(noted, (list, tuple)) else [int(noted)] * 2
    return (sides * 2)[:2]


def main() -> None:
    """Answer until the other side is gone. Whatever the package prints goes to standard error."""
    os.environ.update(SETTINGS)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    worker = Worker()
    while True:
        try:
            header, arrays = receive(requests)
        except EOFError:
            return
        try:
            reply, results = getattr(worker, header.pop("do"))(header, arrays)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the other side has to hear of it
            reply, results = {"error": f"{type(error).__name__}: {error}"[:500]}, []
        try:
            send(answers, reply, results)
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
