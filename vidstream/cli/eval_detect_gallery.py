"""Contact sheets of the worst errors: a sheet for each kind, each error a crop with what it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detectors.evaluation import KINDS, Evaluation, Fault
from vidstream.cli.eval_detect_data import pixels_of
from vidstream.cli.eval_detect_sheet import ALARM, GREY, RULE, Sheet, shortened
from vidstream.cli.eval_detect_tables import Scorecard, many
from vidstream.geometry import Float64
from vidstream.sinks.base import write_error, write_whole
from vidstream.stages.draw.boxes import Rectangle, draw_dashed, outline
from vidstream.stages.draw.palette import WHITE
from vidstream.types import Pixels

#: of a crop on the sheet, and of the caption under it
_SIDE, _CAPTION, _GAP, _COLUMNS = 320, 64, 20, 4
#: a crop shows what is around, too: so many times the larger side, and at least so many pixels
_AROUND, _LEAST = 1.8, 64


@dataclass(frozen=True, slots=True)
class _Case:
    """One error to show: boxes x1 y1 x2 y2, and the words under them."""

    picture: int
    found: Float64 | None
    truth: Float64 | None
    head: str
    detail: str


def write_gallery(card: Scorecard, folder: Path, count: int) -> list[Path]:
    """Write ``KIND.png`` for each kind of error that happened, its worst `count` cases; gives the files."""
    kinds = {kind: [fault for fault in card.faults if fault.kind == kind] for kind in KINDS}
    cases = {kind: [_case(card.evaluation, f) for f in faults[:count]] for kind, faults in kinds.items()}
    wanted = sorted({case.picture for each in cases.values() for case in each})
    crops: dict[int, Pixels] = {}
    for index, pixels in pixels_of(card.evaluation.dataset, wanted):
        for case in (case for each in cases.values() for case in each if case.picture == index):
            crops[id(case)] = _crop(pixels, case)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in (kind for kind in KINDS if cases[kind]):
            sheet = _sheet(card, kind, len(kinds[kind]), [(crops[id(c)], c) for c in cases[kind]])
            paths.append(folder / f"{kind}.png")
            write_whole(paths[-1], sheet.png())
    except OSError as error:
        raise write_error(error, f"--errors '{folder}'") from error
    return paths


def _case(evaluation: Evaluation, fault: Fault) -> _Case:
    data, found = evaluation.dataset, evaluation.found
    mine = found.boxes[fault.found] if fault.found >= 0 else None
    theirs = data.truth.boxes[fault.truth] if fault.truth >= 0 else None
    true_name = data.names[int(data.truth.class_ids[fault.truth])] if fault.truth >= 0 else ""
    if mine is None:
        width, height = data.truth.xywh[fault.truth, 2:]
        return _Case(fault.picture, None, theirs, true_name, f"{width:.0f} x {height:.0f} pixels")
    name = f"{data.names[int(found.class_ids[fault.found])]} {fault.score:.2f}"
    is_of = f"is {true_name}, " if fault.kind in ("class", "both") else ""
    detail = "nothing annotated here" if theirs is None else f"{is_of}IoU {fault.overlap:.2f}"
    return _Case(fault.picture, mine, theirs, name, detail)


def _crop(pixels: Pixels, case: _Case) -> Pixels:
    """The place of an error with something around it, its boxes drawn: true white dashes, found red."""
    boxes = np.array([box for box in (case.found, case.truth) if box is not None])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    side = max(_AROUND * float((high - low).max()), _LEAST)
    room = np.array(pixels.shape[1::-1]) - side  # what lies beyond the edge shows nothing
    left, top = np.where(room > 0, np.clip((low + high - side) / 2, 0, np.maximum(room, 0)), room / 2)
    scale = _SIDE / side
    move = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    shrunk = cv2.warpAffine(_softened(pixels, scale), move, (_SIDE, _SIDE), flags=way, borderValue=RULE)
    picture = np.ascontiguousarray(shrunk, np.uint8)
    for box, draw in ((case.truth, _dash), (case.found, _frame)):
        if box is not None:
            placed = np.round((box.reshape(2, 2) - (left, top)) * scale).astype(int).ravel().tolist()
            draw(picture, (placed[0], placed[1], placed[2], placed[3]))
    return picture


def _softened(pixels: Pixels, scale: float) -> Pixels:
    """Blurred as much as it is going to be shrunk, so that it does not flicker."""
    if scale >= 0.7:
        return pixels
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale), np.uint8)


def _dash(pixels: Pixels, box: Rectangle) -> None:
    x1, y1, x2, y2 = box
    outline(pixels, (x1, y1, x2, y2), (60, 60, 60), 1)
    draw_dashed(pixels, box, WHITE, 2)


def _frame(pixels: Pixels, box: Rectangle) -> None:
    outline(pixels, box, ALARM, 2)


def _sheet(card: Scorecard, kind: str, total: int, cases: Sequence[tuple[Pixels, _Case]]) -> Sheet:
    rows = -(-len(cases) // _COLUMNS)
    sheet = Sheet(_GAP + _COLUMNS * (_SIDE + _GAP), 120 + rows * (_SIDE + _CAPTION + _GAP))
    shown = many(total, "case") if len(cases) == total else f"{len(cases)} of {total} cases, the worst first"
    sheet.text(_GAP, 20, f"{kind}: {KINDS[kind]}", 28)
    where = f"{card.name} on {card.evaluation.dataset.name}, boxes that score at least {card.confidence:.2f}"
    sheet.text(_GAP, 62, f"{shown}; {where}; white dashes: true, red: found", 19, GREY)
    for (x, y), (picture, case) in zip(_places(len(cases)), cases, strict=True):
        sheet.paste(picture, x, y)
        sheet.text(x, y + _SIDE + 6, shortened(case.head, 20, _SIDE), 20)
        name = card.evaluation.dataset.pictures[case.picture].name
        sheet.text(x, y + _SIDE + 32, shortened(f"{case.detail}; {name}", 16, _SIDE), 16, GREY)
    return sheet


def _places(count: int) -> Iterator[tuple[int, int]]:
    for number in range(count):
        row, column = divmod(number, _COLUMNS)
        yield _GAP + column * (_SIDE + _GAP), 110 + row * (_SIDE + _CAPTION + _GAP)
