"""A card for a model file of one's own: family and input size from what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from detectors.catalogue import Card, ModelFile, Task
from detectors.catalogue.card import MAIN, name_of
from detectors.dnn.bare import CONFIG, READERS, Wish
from detectors.dnn.recognise import noted_names
from vidstream.errors import ModelError

__all__ = ["describe", "is_file_name", "noted_names"]

#: what the files are called that belong to weights of a kind
_CONFIGS = {".weights": ".cfg", ".caffemodel": ".prototxt", ".pb": ".pbtxt"}


def is_file_name(model: str) -> bool:
    """True where a model is named by its file, not by its name in the catalogue.

    >>> is_file_name("yolox-nano"), is_file_name("./my.onnx"), is_file_name("my.weights")
    (False, True, True)
    """
    return model.endswith(tuple(READERS)) or "/" in model or "\\" in model


def describe(
    path: Path,
    *,
    tasks: Sequence[Task] = ("detect", "segment", "pose", "face"),
    family_name: str = "auto",
    names: Sequence[str] = (),
    name: str = "",
) -> tuple[Card, Mapping[str, bytes]]:
    """A card for the model file `path`, and the bytes of its files, by role.

    ONNX; Darknet, Caffe and TensorFlow with their description beside them; TensorFlow Lite with detection.
    The family is told from outputs and notes, among those for `tasks`, unless `family_name` gives it. Class
    names are `names`, or those the exporter noted, or COCO's or VOC's where their number fits; else none.
    ModelError: no such file, another format, a free input size, or outputs of no known family or of several.
    """
    where = f"model '{path}'"
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ModelError(
            "is no network's file, by its name" if path.is_file() else "no such file",
            where=where,
            fix=f"give a file that ends in {', '.join(READERS)}",
        )
    bare = reader(path, Wish(tasks, family_name, names), where)
    name = name or name_of(path)
    main = {".cfg": ".weights", ".prototxt": ".caffemodel", ".pbtxt": ".pb"}.get(path.suffix, path.suffix)
    ends = {MAIN: main, CONFIG: _CONFIGS.get(main, "")}
    card = Card(
        name=name,
        task=bare.family.task,
        family=bare.family.name,
        files={
            role: ModelFile(f"{name}{ends[role]}", len(data), sha256(data).hexdigest())
            for role, data in bare.files.items()
        },
        licence="not known",
        input=bare.input,
        classes=bare.classes,
        options=bare.options,
    )
    return card, bare.files
