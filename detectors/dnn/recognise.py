"""Which family a network is of, told from the shapes of its outputs and the exporter's notes."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from detectors.catalogue import Task
from detectors.dnn.families import FAMILIES, Family
from detectors.dnn.families.base import UNTOLD
from detectors.dnn.onnx_header import OnnxHeader
from vidstream.errors import ModelError

_NOTES_LIMIT = 1 << 16
#: COCO's classes: what a network without names of its own is most likely trained for
_COCO = 80


def recognise(
    header: OnnxHeader, size: tuple[int, int], tasks: Sequence[Task], names: Sequence[str], where: str
) -> Family:
    """The one family, among those for `tasks`, that the outputs fit at this input size (width, height).

    Where several fit, the task that Ultralytics notes decides, then the number of `names`, then COCO's 80
    classes. ModelError: none fits, or a question where more than one does.
    """
    noted = header.metadata.get("task", "")
    _refuse_other_task(noted, tasks, where)
    fits = {
        family.name: count
        for family in FAMILIES.values()
        if family.task in tasks and (count := family.classes(header, *size))
    }
    for narrower in (
        {name: c for name, c in fits.items() if FAMILIES[name].task == noted},
        {name: c for name, c in fits.items() if names and c in (len(names), UNTOLD)},
        {name: c for name, c in fits.items() if not names and c == _COCO},
    ):
        fits = narrower or fits
    if len(fits) == 1:
        return FAMILIES[next(iter(fits))]
    shown = ", ".join(str(shape) for shape in header.outputs.values())
    if not fits:
        raise ModelError(
            f"outputs of shape {shown} at {size[0]} x {size[1]} are of no known family",
            where=where,
            fix=f"give family: {', '.join(_families(tasks))}, if it is one of them",
        )
    raise ModelError(
        f"outputs of shape {shown} at {size[0]} x {size[1]} fit {_listed(fits)}",
        where=where,
        fix=f"give family: {' or family: '.join(fits)}; or names: with one name per class",
    )


def noted_names(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Class names as Ultralytics notes them: the text of a Python dict, or list."""
    text = metadata.get("names", "")
    if len(text) > _NOTES_LIMIT:
        return ()
    try:
        table = ast.literal_eval(text)  # reads literals only, runs nothing
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ()
    if isinstance(table, list):
        table = dict(enumerate(table))
    if not isinstance(table, dict) or set(table) != set(range(len(table))):
        return ()
    return tuple(str(table[i]) for i in range(len(table)))


def noted_size(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """Input width and height as Ultralytics notes them: ``[height, width]``."""
    try:
        height, width = ast.literal_eval(metadata.get("imgsz", "")[:64])
        return int(width), int(height)
    except (ValueError, SyntaxError, TypeError):
        return None


def _refuse_other_task(noted: str, tasks: Sequence[Task], where: str) -> None:
    if noted and noted not in tasks:
        raise ModelError(
            f"is for another task, as its exporter notes: {noted}, not {' or '.join(tasks)}",
            where=where,
            fix="choose a model for this task",
        )


def _families(tasks: Sequence[Task]) -> list[str]:
    return [family.name for family in FAMILIES.values() if family.task in tasks]


def _listed(fits: Mapping[str, int]) -> str:
    """As "yolox (2 classes) and yolov8 (3 classes)"."""
    told = [name if count == UNTOLD else f"{name} ({count} classes)" for name, count in fits.items()]
    return f"{', '.join(told[:-1])} and {told[-1]}"
