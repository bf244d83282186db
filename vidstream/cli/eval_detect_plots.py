"""Precision over recall for each class, and what is taken for what, as pictures."""

from __future__ import annotations

import numpy as np

from detectors.evaluation.rules import LEVELS
from vidstream.cli.eval_detect_sheet import ACCENT, ALARM, GREY, RULE, Sheet, face, mixed, shortened
from vidstream.cli.eval_detect_tables import Scorecard, many, occurring, percent
from vidstream.geometry import Float64
from vidstream.stages.draw.palette import INK, WHITE, text_on

#: so many classes fit on a sheet
_PANELS, _COLUMNS = 24, 4
_SIDE, _GAP, _MARGIN = 300, 64, 56


def curves_png(card: Scorecard) -> bytes:
    """A panel for each of the commonest classes: at IoU 0.5 (filled) and 0.75, the dot at the confidence."""
    known = card.known[:_PANELS]
    columns = max(1, min(_COLUMNS, len(known)))
    rows = max(1, -(-len(known) // columns))
    width = max(2 * _MARGIN + columns * _SIDE + (columns - 1) * _GAP, 900)
    sheet = Sheet(width, 150 + rows * (_SIDE + 110))
    sheet.text(_MARGIN, 28, f"{card.name} on {card.evaluation.dataset.name}: precision over recall", 30)
    summary = card.evaluation.summary()
    numbers = ", ".join(f"{name} {percent(summary[name])}" for name in ("AP", "AP50", "AP75"))
    hidden = f"; {len(card.known) - len(known)} rarer classes not shown" * (len(card.known) > len(known))
    sheet.text(_MARGIN, 72, f"all classes: {numbers}{hidden}", 20, GREY)
    legend = f"filled: IoU 0.5; line: IoU 0.75; dot: boxes that score at least {card.confidence:.2f}"
    sheet.text(_MARGIN, 100, legend, 20, GREY)
    for number, class_id in enumerate(known):
        row, column = divmod(number, columns)
        _panel(sheet, _MARGIN + column * (_SIDE + _GAP), 190 + row * (_SIDE + 110), card, class_id)
    return sheet.png()


def _panel(sheet: Sheet, left: int, top: int, card: Scorecard, class_id: int) -> None:
    """One class, its axes from 0 to 1."""
    evaluation = card.evaluation
    k = int(np.flatnonzero(evaluation.classes == class_id)[0])
    summary = evaluation.summary(class_id)
    name = evaluation.dataset.names[class_id]
    sheet.text(left, top - 48, shortened(name, 21, _SIDE - 140), 21)
    sheet.text(left + _SIDE, top - 46, f"AP50 {percent(summary['AP50'])}", 18, GREY, "right")
    sheet.text(left, top - 24, many(card.curves[class_id].total, "object"), 16, GREY)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        along = np.array([[tick, 0.0], [tick, 1.0]])
        sheet.line(_on(left, top, along), RULE)
        sheet.line(_on(left, top, along[:, ::-1]), RULE)
    for text, x in (("0", left), ("recall", left + _SIDE // 2), ("1", left + _SIDE)):
        sheet.text(x, top + _SIDE + 6, text, 15, GREY, "centre")
    for text, y in (("1", top - 8), ("0", top + _SIDE - 12)):
        sheet.text(left - 8, y, text, 15, GREY, "right")
    strict, loose = evaluation.precision[5, :, k, 0], evaluation.precision[0, :, k, 0]
    filled = np.stack([np.append(LEVELS, [1.0, 0.0]), np.append(loose, [0.0, 0.0])], axis=1)
    sheet.area(_on(left, top, filled), ACCENT, 0.18)
    sheet.line(_on(left, top, np.stack([LEVELS, strict], axis=1)), mixed(ACCENT, 0.55), 2)
    sheet.line(_on(left, top, np.stack([LEVELS, loose], axis=1)), ACCENT, 3)
    here = card.curves[class_id].at(card.confidence)
    if here.right:
        x, y = _on(left, top, np.array([[here.recall, here.precision]]))[0]
        sheet.dot(float(x), float(y), 6, ALARM)


def _on(left: int, top: int, points: Float64) -> Float64:
    """(N, 2) recall and precision as pixels."""
    placed: Float64 = np.array([left, top + _SIDE]) + points * np.array([_SIDE, -_SIDE])
    return placed


def confusion_png(card: Scorecard) -> bytes:
    """True classes down, classes found across; a cell's tint is its share of the row.

    That of the last row, where nothing is, is its share of the column.
    """
    used = occurring(card.confusion)
    names = [*(card.confusion.names[c] for c in used), "nothing there"]
    across = [*names[:-1], "missed"]
    at = [*used, len(card.confusion.names)]
    counts = card.confusion.counts[np.ix_(at, at)]
    cell = 64 if len(at) <= 14 else 40 if len(at) <= 40 else 26
    size = max(13, cell // 3)
    room = max(face(size).width(name) for name in [*names, *across]) + 20
    left, top = _MARGIN + room, 150 + room
    sheet = Sheet(max(left + cell * len(at) + _MARGIN, 900), top + cell * len(at) + _MARGIN)
    sheet.text(_MARGIN, 28, f"{card.name} on {card.evaluation.dataset.name}: what is taken for what", 30)
    legend = (
        f"rows: what is true; columns: what was found, scoring at least {card.confidence:.2f}, at IoU 0.5"
    )
    sheet.text(_MARGIN, 72, legend, 20, GREY)
    for number, (name, found) in enumerate(zip(names, across, strict=True)):
        middle = cell * number + cell // 2
        sheet.text(left - 10, top + middle - size * 3 // 5, name, size, INK, "right")
        width = face(size).width(found)
        sheet.text(left + middle, top - 10 - width, found, size, INK, "centre", upright=True)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares[-1] = counts[-1] / np.maximum(counts.sum(axis=0), 1)
    for r, c in np.ndindex(*counts.shape):
        box = (left + c * cell + 1, top + r * cell + 1, left + (c + 1) * cell - 1, top + (r + 1) * cell - 1)
        colour = ACCENT if r == c else ALARM
        share = float(shares[r, c]) ** 0.7  # small shares shall be seen
        ground = mixed(colour, 0.85 * share, RULE if r == c == len(at) - 1 else WHITE)
        sheet.bar(box, ground)
        if counts[r, c]:
            place = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2 - size * 3 // 5
            sheet.text(*place, str(counts[r, c]), size, text_on(ground), "centre")
    return sheet.png()
