"""Model families: how each wants its input, how its outputs are told apart and decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from detectors.catalogue import InputSpec
from detectors.dnn import yolo
from detectors.dnn.engine import Outputs
from vidstream.errors import ModelError, did_you_mean

FamilyName: TypeAlias = Literal["auto", "yolox", "yolov8"]


@dataclass(frozen=True, slots=True)
class Family:
    """Networks that share pre- and post-processing."""

    name: str
    #: outputs, input width, input height, confidence -> candidates in input pixels
    decode: Callable[[Outputs, int, int, float], yolo.Candidates]
    #: output shapes, input width, input height -> number of classes, 0 where it is another family
    classes: Callable[[list[tuple[int, ...]], int, int], int]
    #: the way it is usually trained
    colour: Literal["bgr", "rgb"]
    std: float
    fit: Literal["corner", "centre", "stretch"]

    def input(self, width: int, height: int) -> InputSpec:
        """The family's usual input at this size."""
        return InputSpec(width, height, self.colour, std=(self.std,) * 3, fit=self.fit)


def _yolox_classes(shapes: list[tuple[int, ...]], width: int, height: int) -> int:
    cells = yolo.cell_count(width, height)
    return shapes[0][2] - 5 if len(shapes) == 1 and shapes[0][:2] == (1, cells) else 0


def _yolov8_classes(shapes: list[tuple[int, ...]], width: int, height: int) -> int:
    cells = yolo.cell_count(width, height)
    return shapes[0][1] - 4 if len(shapes) == 1 and shapes[0][::2] == (1, cells) else 0


FAMILIES = {
    family.name: family
    for family in (
        Family("yolox", yolo.decode_yolox, _yolox_classes, "bgr", 1.0, "corner"),
        Family("yolov8", yolo.decode_yolov8, _yolov8_classes, "rgb", 255.0, "centre"),
    )
}


def family(name: str, where: str) -> Family:
    """A family by its name. ModelError where no decoder for it is known."""
    if name not in FAMILIES:
        hint = did_you_mean(name, list(FAMILIES)) or f"known are {', '.join(FAMILIES)}"
        raise ModelError(f"no decoder for the family '{name}'", where=where, fix=hint)
    return FAMILIES[name]
