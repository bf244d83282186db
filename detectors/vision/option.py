"""Options of networks without boxes, and what a bare ONNX file of one says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from detectors.catalogue import Card, InputSpec, ModelFile, Task
from detectors.catalogue.card import MAIN, name_of, read_bytes
from detectors.dnn.describe import noted_names
from detectors.dnn.network import NetworkOption
from detectors.dnn.onnx_header import OnnxHeader, read_onnx_header
from vidstream.errors import ModelError

Shape: TypeAlias = tuple[int, ...]
Triple: TypeAlias = tuple[float, float, float]

#: name -> mean and standard deviation, in pixel values, red first
RANGES: Mapping[str, tuple[Triple, Triple]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "0..1": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "-1..1": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "0..255": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "lab": ((127.5, 127.5, 127.5), (2.55, 2.55, 2.55)),  # lightness from -50 to 50
}


class _Usual(NamedTuple):
    """How most networks for a task are trained."""

    pixels: str
    fit: Literal["stretch", "crop"]
    #: number of axes of the first output; sizes of 1 at the end of a row of numbers do not count
    axes: tuple[int, ...]
    gives: str


_USUAL: Mapping[Task, _Usual] = {
    "classify": _Usual("imagenet", "crop", (2,), "one row of class scores (1, K)"),
    "embed": _Usual("imagenet", "stretch", (2,), "one vector (1, D)"),
    "semantic": _Usual("imagenet", "stretch", (3, 4), "a class map (1, C, H, W) or (1, H, W)"),
    "matte": _Usual("imagenet", "stretch", (3, 4), "a matte (1, 1, H, W)"),
    "picture": _Usual("0..1", "stretch", (4,), "a picture (1, 3, H, W)"),
}
#: what the rules of this room are for
TASKS = tuple(_USUAL)
#: number of classes -> the list they are usually from
_LISTS: Mapping[tuple[str, int], str] = {
    ("classify", 1000): "imagenet",
    ("semantic", 21): "voc",
    ("semantic", 19): "cityscapes",
    ("semantic", 150): "ade20k",
}


@dataclass(frozen=True)
class VisionOption(NetworkOption):
    """Which network to run, and what a bare model file does not say of itself."""

    #: pixels as a model file wants them; auto: 0..1 where it makes pictures, else by ImageNet's mean
    pixels: Literal["auto", "imagenet", "0..1", "-1..1", "0..255"] = "auto"
    colour: Literal["rgb", "bgr"] = "rgb"  #: order of colours that a model file wants
    size: tuple[int, int] | None = None  #: width and height, where a model file leaves its input's size free

    def describe(self, tasks: Sequence[Task]) -> tuple[Card, Mapping[str, bytes]]:
        """A card for the ONNX file named, and its bytes by role. ModelError: not ONNX, for another task."""
        path, task = Path(self.model), tasks[0]
        where = f"model '{path}'"
        data = read_bytes(path, where)
        if path.suffix.lower() != ".onnx":
            what = "does not say what it takes and gives: only ONNX files do"
            raise ModelError(what, where=where, fix="export it to ONNX, or write it a card (docs/vision.md)")
        header = read_onnx_header(data, where)
        output = _plain(next(iter(header.outputs.values()), ()))
        usual = _USUAL[task]
        if output and len(output) not in usual.axes:
            shapes = ", ".join(map(str, header.outputs.values()))
            what = f"expected {usual.gives}, the file gives {shapes} (0 = free)"
            raise ModelError(what, where=where, fix="choose a model for this task")
        family = _family(task, header) if self.family == "auto" else self.family
        name = name_of(path)
        card = Card(
            name=name,
            task=task,
            family=family,
            files={MAIN: ModelFile(f"{name}.onnx", len(data), sha256(data).hexdigest())},
            licence="not known",
            input=self._input(header, task, family, where),
            classes=self.names or noted_names(header.metadata) or _usual_names(task, output),
            options={"size": "free"} if self._at_any_size(header, task, family) else {},
        )
        return card, {MAIN: data}

    def _input(self, header: OnnxHeader, task: Task, family: str, where: str) -> InputSpec:
        shape = next(iter(header.inputs.values()), ())
        layout = _layout(shape)
        if len(header.inputs) != 1 or layout is None:
            raise ModelError(
                f"expected one picture as input, the file has {dict(header.inputs)} (0 = free)",
                where=where,
                fix="export it with one input 1 x 3 x H x W or 1 x H x W x 3",
            )
        channels, height, width = shape[1:] if layout == "nchw" else (shape[3], shape[1], shape[2])
        usual, given = _USUAL[task], self.size or (0, 0)
        if self._at_any_size(header, task, family):
            given = (64, 64)  # it is laid out anew for the first picture
        width, height = width or given[0], height or given[1]
        if 0 in (width, height):
            what = "leaves its input's size free"
            raise ModelError(what, where=where, fix="give it: size: [width, height], as it was trained with")
        usually = "lab" if family == "colourise" else usual.pixels
        mean, std = RANGES[usually if self.pixels == "auto" else self.pixels]
        if self.colour == "bgr":
            mean, std = (mean[2], mean[1], mean[0]), (std[2], std[1], std[0])
        colour: Literal["rgb", "bgr", "gray"] = "gray" if channels == 1 else self.colour
        return InputSpec(width, height, colour, mean, std, usual.fit, layout=layout)

    def _at_any_size(self, header: OnnxHeader, task: Task, family: str) -> bool:
        """Whether the network runs at the size of each picture: what makes pictures, and leaves it open."""
        shape = next(iter(header.inputs.values()), ())
        sizes = shape[2:4] if _layout(shape) == "nchw" else shape[1:3]
        return task == "picture" and family != "colourise" and self.size is None and sizes == (0, 0)


def _layout(shape: Shape) -> Literal["nchw", "nhwc"] | None:
    """Where the channels are; None where it is no picture."""
    if len(shape) != 4 or shape[0] > 1:
        return None
    if shape[1] in (1, 3):
        return "nchw"
    return "nhwc" if shape[3] in (1, 3) else None


def _plain(shape: Shape) -> Shape:
    """A shape without the empty axes behind a row of numbers: (1, 1000, 1, 1) is (1, 1000)."""
    inner = [n for n in shape[1:] if n != 1]
    return (*shape[:1], *inner) if len(shape) == 4 and len(inner) == 1 and 0 not in inner else shape


def _family(task: Task, header: OnnxHeader) -> str:
    """The task's own name, but for pictures, which differ in the channels they take and give."""
    if task != "picture":
        return task
    taken, given = (next(iter(v.values()), ()) for v in (header.inputs, header.outputs))
    if taken[1:2] != (1,):
        return "image"
    return "luma" if given[1:2] == (1,) else "colourise"


def _usual_names(task: Task, output: Shape) -> str | tuple[str, ...]:
    if task == "semantic" and len(output) == 4 and 1 in output[1:]:
        return ("background", "foreground")
    found = (_LISTS.get((task, size)) for size in output[1:])
    return next(filter(None, found), ())
