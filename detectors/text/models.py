"""Cards of text networks, those in the catalogue and those of plain files."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

from detectors import catalogue
from detectors.catalogue import Card, InputSpec, ModelFile
from detectors.catalogue.card import MAIN, read_bytes
from detectors.dnn.describe import is_file_name
from detectors.dnn.network import NetworkOption, find_card
from detectors.dnn.onnx_header import read_onnx_header
from vidstream.errors import ModelError, did_you_mean

_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))

#: family -> what it is for, and its usual input; sizes are those taken where the file leaves them open
FAMILIES: Mapping[str, tuple[Literal["text-detect", "text-read"], InputSpec]] = {
    "db": ("text-detect", InputSpec(960, 960, "bgr", *_IMAGENET, fit="stretch")),
    "east": ("text-detect", InputSpec(640, 640, "rgb", (123.68, 116.78, 103.94), fit="stretch")),
    "ctc": ("text-read", InputSpec(320, 48, "bgr", (127.5,) * 3, (127.5,) * 3, "corner", 127.5)),
}


def load_text_model(
    option: NetworkOption, task: Literal["text-detect", "text-read"], models: Path | None = None
) -> tuple[Card, Mapping[str, bytes]]:
    """Card and checked bytes of a text network, in the catalogue or as an ONNX file. ModelError."""
    if is_file_name(option.model):
        return _described(Path(option.model), option, task)
    card = find_text_model(option, task, models)
    return card, catalogue.load(option.model, models)[1]


def find_text_model(
    option: NetworkOption, task: Literal["text-detect", "text-read"], models: Path | None = None
) -> Card:
    """The card, if the files are here. ModelError where they are not, or the model is for something else."""
    if is_file_name(option.model):
        return _described(Path(option.model), option, task)[0]
    card = find_card(option, (task,), models)
    _check_family(card.family, task, f"model '{option.model}'")
    return card


def characters_of(card: Card, data: Mapping[str, bytes]) -> tuple[str, ...]:
    """The characters a recogniser tells apart, in the order of its classes, blank left out.

    From the card, else from its file ``characters``, one to a line, else from the note ``character`` in the
    ONNX file; `options.space` adds a space at the end. ModelError where there are none.
    """
    names = tuple(card.names.values())
    if not names and "characters" in card.files:
        names = tuple(data["characters"].decode("utf-8").split("\n"))
    if not names and card.main.file.endswith(".onnx"):
        notes = read_onnx_header(data[MAIN], f"model '{card.name}'").metadata
        names = tuple(notes["character"].split("\n")) if "character" in notes else ()
    if not names:
        raise ModelError(
            "nothing tells which characters it reads",
            where=f"model '{card.name}'",
            fix="give names: the characters, in the order of its classes",
        )
    return (*names, " ") if card.options.get("space") else names


def _described(
    path: Path, option: NetworkOption, task: Literal["text-detect", "text-read"]
) -> tuple[Card, Mapping[str, bytes]]:
    """A card for an ONNX file: DB or CTC unless the family is named, sizes from the file."""
    where = f"model '{path}'"
    data = read_bytes(path, where)
    header = read_onnx_header(data, where)
    shape = next(iter(header.inputs.values()), ())
    if len(header.inputs) != 1 or len(shape) != 4 or shape[1] not in (1, 3):
        raise ModelError(
            f"expected one input N x 3 x H x W, the file has {dict(header.inputs)}",
            where=where,
            fix="export the network with one picture as its input",
        )
    family = option.family
    if family == "auto":
        family = "ctc" if task == "text-read" else "east" if len(header.outputs) == 2 else "db"
    _check_family(family, task, where)
    usual = FAMILIES[family][1]
    spec = InputSpec(
        shape[3] or usual.width,
        shape[2] or usual.height,
        "gray" if shape[1] == 1 else usual.colour,
        usual.mean,
        usual.std,
        usual.fit,
        usual.pad,
    )
    file = ModelFile("model.onnx", len(data), sha256(data).hexdigest())
    steps = next(iter(header.outputs.values()), ())
    noted = header.metadata.get("character", "").split("\n") if not option.names else option.names
    spaced = family == "ctc" and bool(steps) and steps[-1] == len(noted) + 2
    card = Card(
        name=path.stem.lower() if path.stem.isidentifier() else "model",
        task=task,
        family=family,
        files={MAIN: file},
        licence="not known",
        input=spec,
        classes=option.names,
        options={"space": True} if spaced else {},
    )
    return card, {MAIN: data}


def _check_family(family: str, task: str, where: str) -> None:
    known = [name for name, (purpose, _) in FAMILIES.items() if purpose == task]
    if family not in known:
        hint = did_you_mean(family, known) or f"known are {', '.join(known)}"
        raise ModelError(f"no decoder for the family '{family}' of {task} networks", where=where, fix=hint)
