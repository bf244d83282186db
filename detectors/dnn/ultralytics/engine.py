"""`engine: ultralytics`: a `.pt` or ONNX file run by the package, decoded as any other network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from detectors.catalogue import Card, ModelFile
from detectors.catalogue.card import MAIN, name_of, read_bytes
from detectors.dnn.bare import Wish
from detectors.dnn.engines.base import Blob, Device, Outputs, threads
from detectors.dnn.families import family
from detectors.dnn.families.yolo_pose import noted_points
from detectors.dnn.onnx_header import OnnxHeader
from detectors.dnn.recognise import noted_names, recognise
from detectors.dnn.ultralytics.process import Process
from vidstream.errors import ModelError

#: what the package runs of the formats it knows
FORMATS = (".pt", ".onnx")


class UltralyticsEngine:
    """A network in the other process. One request costs 2 to 3 ms more than the network itself.

    ModelError: no such device, or it cannot load the file; MissingDependency: no such package.
    """

    name = "ultralytics"

    def __init__(
        self, path: Path, *, device: Device = "auto", size: Sequence[int] = (), where: str = "model"
    ) -> None:
        if device == "opencl":
            raise ModelError("Ultralytics has no OpenCL device", where=where, fix="set device to auto or cpu")
        self._where = where
        self._process = Process(where)
        self.about, _ = self._process.ask(
            "open", path=str(path.resolve()), device=device, threads=threads(), size=list(size)
        )
        self.device = str(self.about["device"])

    def run(self, blob: Blob | Mapping[str, Blob]) -> Outputs:
        """Outputs in the package's order. ModelError: the blob does not fit, or the process is gone."""
        if isinstance(blob, Mapping):
            raise ModelError("takes one input, not several", where=self._where)
        return self._process.ask("run", [np.asarray(blob, np.float32)])[1]

    def close(self) -> None:
        """End the process."""
        self._process.close()


def card_of(path: Path, engine: UltralyticsEngine, wish: Wish) -> Card:
    """A card for a file, from what the package says of the network in it. ModelError: none that is known."""
    where = f"model '{path}'"
    about = engine.about
    height, width = about["size"]
    notes = {key: str(about[key]) for key in ("task", "names", "kpt_shape") if about.get(key)}
    shapes = {str(number): tuple(shape) for number, shape in enumerate(about["shapes"])}
    header = OnnxHeader({"images": (1, 3, height, width)}, shapes, notes)
    names = tuple(wish.names) or noted_names(notes)
    found = (
        family(wish.family, where)
        if wish.family != "auto"
        else recognise(header, (width, height), wish.tasks, names, where)
    )
    name = name_of(path)
    data = read_bytes(path, where)
    is_pose = found.task == "pose"
    return Card(
        name=name,
        task=found.task,
        family=found.name,
        files={MAIN: ModelFile(f"{name}{path.suffix}", len(data), sha256(data).hexdigest())},
        licence="not known",
        input=found.input(width, height),
        classes=names,
        options=dict(zip(("keypoints", "dimensions"), noted_points(header), strict=True)) if is_pose else {},
    )


def check_file(model: str) -> None:
    """Raise ModelError unless the package could run such a file."""
    path, where = Path(model), f"model '{model}'"
    if path.suffix.lower() not in FORMATS:
        raise ModelError(
            f"engine ultralytics runs {' and '.join(FORMATS)} files", where=where, fix="use engine: default"
        )
    if not path.is_file():
        raise ModelError("no such file", where=where, fix="check the path")


def open_ultralytics(model: str, wish: Wish, device: Device) -> tuple[Card, UltralyticsEngine]:
    """The network in a file, and its card. ModelError, MissingDependency."""
    check_file(model)
    engine = UltralyticsEngine(Path(model), device=device, where=f"model '{model}'")
    try:
        return card_of(Path(model), engine, wish), engine
    except ModelError:
        engine.close()
        raise
