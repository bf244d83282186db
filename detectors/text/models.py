"""Cards of text networks, those in the catalogue and those of plain files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from detectors.catalogue import Card, InputSpec, ModelFile, Task
from detectors.catalogue.card import MAIN, name_of, read_bytes
from detectors.dnn.network import NetworkOption, find_card, load_model
from detectors.dnn.onnx_header import OnnxHeader, read_onnx_header
from vidstream.errors import ModelError, did_you_mean

_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))

#: family -> what it is for, and its usual input; sizes are those taken where the file leaves them open
FAMILIES: Mapping[str, tuple[Task, InputSpec]] = {
    "db": ("text-detect", InputSpec(960, 960, "bgr", *_IMAGENET, fit="stretch")),
    "east": ("text-detect", InputSpec(640, 640, "rgb", (123.68, 116.78, 103.94), fit="stretch")),
    "ctc": ("text-read", InputSpec(320, 48, "bgr", (127.5,) * 3, (127.5,) * 3, "corner", 127.5)),
}


class TextOption(NetworkOption):
    """Which text network to run, and what runs it."""

    def describe(self, tasks: Sequence[Task]) -> tuple[Card, Mapping[str, bytes]]:
        """A card for the ONNX file named: DB, EAST or CTC by its outputs unless the family is named."""
        path, task = Path(self.model), tasks[0]
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
        family = self.family
        if family == "auto":
            family = "ctc" if task == "text-read" else "east" if len(header.outputs) == 2 else "db"
        _check_family(family, task, where)
        card = Card(
            name=name_of(path),
            task=task,
            family=family,
            files={MAIN: ModelFile("model.onnx", len(data), sha256(data).hexdigest())},
            licence="not known",
            input=_input(family, shape),
            classes=self.names,
            options={"space": True} if _spaced(header, self.names) else {},
        )
        return card, {MAIN: data}


def load_text_model(
    option: NetworkOption, task: Task, models: Path | None = None
) -> tuple[Card, Mapping[str, bytes]]:
    """Card and checked bytes of a text network, in the catalogue or as an ONNX file. ModelError."""
    card, data = load_model(option, (task,), models)
    _check_family(card.family, task, f"model '{option.model}'")
    return card, data


def find_text_model(option: NetworkOption, task: Task, models: Path | None = None) -> Card:
    """The card, if the files are here. ModelError where they are not, or the model is for something else."""
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


def _input(family: str, shape: tuple[int, ...]) -> InputSpec:
    """The family's usual input, at the sizes that the file states."""
    usual = FAMILIES[family][1]
    colour = "gray" if shape[1] == 1 else usual.colour
    return replace(usual, width=shape[3] or usual.width, height=shape[2] or usual.height, colour=colour)


def _spaced(header: OnnxHeader, names: Sequence[str]) -> bool:
    """Whether a recogniser tells one character more apart than are listed: the space, and the blank."""
    listed = len(names) or len(header.metadata.get("character", "").split("\n"))
    steps = next(iter(header.outputs.values()), ())
    return bool(steps) and steps[-1] == listed + 2


def _check_family(family: str, task: str, where: str) -> None:
    known = [name for name, (purpose, _) in FAMILIES.items() if purpose == task]
    if family not in known:
        hint = did_you_mean(family, known) or f"known are {', '.join(known)}"
        raise ModelError(f"no decoder for the family '{family}' of {task} networks", where=where, fix=hint)
