"""A card for a model file of one's own: family and input size from what the file says of itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from detectors.catalogue import Card, ModelFile, Task
from detectors.catalogue.card import MAIN, read_bytes
from detectors.dnn.families import FAMILIES, Family, family
from detectors.dnn.onnx_header import OnnxHeader, read_onnx_header
from vidstream.errors import ModelError

_NOTES_LIMIT = 1 << 16


def is_file_name(model: str) -> bool:
    """True where a model is named by its file, not by its name in the catalogue.

    >>> is_file_name("yolox-nano"), is_file_name("./my.onnx"), is_file_name("my.onnx")
    (False, True, True)
    """
    return model.endswith(".onnx") or "/" in model or "\\" in model


def describe(
    path: Path,
    *,
    tasks: Sequence[Task] = ("detect", "segment", "pose", "face"),
    family_name: str = "auto",
    names: Sequence[str] = (),
    name: str = "",
) -> tuple[Card, Mapping[str, bytes]]:
    """A card for the ONNX file `path`, and the bytes read from it, by role.

    The family is told from the shapes of the outputs, among those for `tasks`, unless `family_name` gives it.
    Class names are `names`, or those the exporter noted (Ultralytics), or COCO's where there are 80 classes;
    else none. ModelError: no such file, not ONNX, a free input size, or outputs of no known family.
    """
    where = f"model '{path}'"
    data = read_bytes(path, where)
    header = read_onnx_header(data, where)
    width, height = _input_size(header, where)
    found = (
        family(family_name, where)
        if family_name != "auto"
        else _recognise(header, width, height, tasks, where)
    )
    count = found.classes(header, width, height)
    name = name or re.sub(r"[^a-z0-9._-]", "-", path.stem.lower()).strip("._-") or "model"
    card = Card(
        name=name,
        task=found.task,
        family=found.name,
        files={MAIN: ModelFile(f"{name}.onnx", len(data), sha256(data).hexdigest())},
        licence="not known",
        input=found.input(width, height),
        classes=tuple(names) or noted_names(header.metadata) or ("coco" if count == 80 else ()),
    )
    return card, {MAIN: data}


def _input_size(header: OnnxHeader, where: str) -> tuple[int, int]:
    """Width and height of the one picture the network takes."""
    shape = next(iter(header.inputs.values()), ())
    if len(header.inputs) != 1 or len(shape) != 4 or shape[1] != 3 or 0 in shape:
        raise ModelError(
            f"expected one input of fixed size 1 x 3 x H x W, the file has {dict(header.inputs)} (0 = free)",
            where=where,
            fix="export it with a fixed input size and batch 1",
        )
    return shape[3], shape[2]


def _recognise(header: OnnxHeader, width: int, height: int, tasks: Sequence[Task], where: str) -> Family:
    fitting = [f for f in FAMILIES.values() if f.task in tasks and f.classes(header, width, height) > 0]
    if len(fitting) != 1:
        raise ModelError(
            f"outputs of shape {', '.join(map(str, header.outputs.values()))} are of no known family",
            where=where,
            fix=f"give family: {' or '.join(FAMILIES)}, if it is one of them",
        )
    return fitting[0]


def noted_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Class names as Ultralytics notes them: the text of a Python dict."""
    text = metadata.get("names", "")
    if len(text) > _NOTES_LIMIT:
        return ()
    try:
        table = ast.literal_eval(text)  # reads literals only, runs nothing
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ()
    if not isinstance(table, dict) or set(table) != set(range(len(table))):
        return ()
    return tuple(str(table[i]) for i in range(len(table)))
