"""How good boxes are, as a terminal shows it, as Markdown and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.evaluation import (
    KINDS,
    MEASURES,
    Confusion,
    Curve,
    Evaluation,
    Fault,
    Operating,
    confusion,
    curve,
    find_faults,
    gains,
)
from detectors.evaluation.average_precision import Measure
from detectors.evaluation.resampling import Interval
from vidstream.cli.eval_tables import Rows

_ALL = "all together"
#: a matrix of more classes does not fit into a terminal
_MANY = 12


@dataclass(frozen=True, slots=True, eq=False)
class Scorecard:
    """Everything there is to say about one run on one set."""

    name: str
    evaluation: Evaluation
    #: at which the tables count, the errors are listed, and classes are confused
    confidence: float
    faults: list[Fault]
    gains: dict[str, float]
    confusion: Confusion
    curves: dict[int, Curve]

    @classmethod
    def of(cls, name: str, evaluation: Evaluation, confidence: float | None) -> Scorecard:
        """Of a run; without a confidence, at the one where F1 over all classes is best."""
        if confidence is None:
            confidence = curve(evaluation).best().confidence
        curves = {class_id: curve(evaluation, class_id) for class_id in evaluation.classes.tolist()}
        return cls(
            name,
            evaluation,
            confidence,
            find_faults(evaluation, confidence),
            gains(evaluation),
            confusion(evaluation, confidence),
            curves,
        )

    @property
    def known(self) -> list[int]:
        """Class ids that have objects, commonest first."""
        return sorted((c for c in self.curves if self.curves[c].total), key=lambda c: -self.curves[c].total)

    def title(self) -> str:
        """One line: what on what."""
        data = self.evaluation.dataset
        count = sum(each.total for each in self.curves.values())
        return (
            f"{self.name} on {data.name}: {many(len(data.pictures), 'picture')}, {many(count, 'object')} "
            f"of {many(len(self.known), 'class')}, {many(len(self.evaluation.found), 'box')}"
        )

    def size_rows(self) -> Rows:
        """COCO's twelve numbers, and what to expect at the confidence, by size."""
        head = ["size", "objects", "AP", "AP50", "AP75", "AR1", "AR10", "AR100", "precision", "recall", "F1"]
        return [
            head,
            *(self._size_row(number, area) for number, area in enumerate(self.evaluation.rules.areas)),
        ]

    def _size_row(self, number: int, area: str) -> list[str]:
        mean = self.evaluation.mean
        measures = [Measure(True, iou, area) for iou in (None, 0.5, 0.75)]
        measures += [Measure(False, area=area, limit=limit) for limit in (-3, -2, -1)]
        at = self._at_size(number)
        objects = int((~self.evaluation.matches.truth_out[:, number]).sum())
        values = [*(mean(measure) for measure in measures), at.precision, at.recall, at.f1]
        return [area, str(objects), *map(percent, values)]

    def _at_size(self, number: int) -> Operating:
        matches, found = self.evaluation.matches, self.evaluation.found
        sure = found.scores[matches.rows] >= self.confidence
        right, wrong = (int((each[:, number, 0] & sure).sum()) for each in (matches.right, matches.wrong))
        return Operating(self.confidence, right, wrong, int((~matches.truth_out[:, number]).sum()) - right)

    def class_rows(self) -> Rows:
        """Class by class: AP, and precision, recall and F1 at the confidence and where F1 is best."""
        at = f"{self.confidence:.2f}"
        head = ["class", "objects", "AP", "AP50", f"P@{at}", f"R@{at}", f"F1@{at}"]
        head += ["best at", "P", "R", "F1"]
        names = self.evaluation.dataset.names
        rows = [self._class_row(names[c], c, self.curves[c]) for c in self.known]
        if len(rows) > 1:
            rows.append(self._class_row(_ALL, None, curve(self.evaluation)))
        return [head, *rows]

    def _class_row(self, name: str, class_id: int | None, counted: Curve) -> list[str]:
        summary = self.evaluation.summary(class_id)
        here, best = counted.at(self.confidence), counted.best()
        values = [percent(summary["AP"]), percent(summary["AP50"])]
        values += map(percent, (here.precision, here.recall, here.f1))
        values += [f"{best.confidence:.2f}", *map(percent, (best.precision, best.recall, best.f1))]
        return [name, str(counted.total), *values]

    def error_rows(self) -> Rows:
        """How often each kind of error happens, and what AP50 would gain without it."""
        counts = Counter(fault.kind for fault in self.faults)
        rows = [[kind, str(counts[kind]), percent(self.gains[kind]), text] for kind, text in KINDS.items()]
        return [["error", "cases", "AP50 gain", "meaning"], *rows]

    def confusion_rows(self, most: int | None = _MANY) -> Rows:
        """The matrix of the classes that occur, or of more than `most` the commonest confusions."""
        used = occurring(self.confusion)
        if most is not None and len(used) > most:
            worst = [[true, found, str(times)] for true, found, times in self.confusion.worst()]
            return [["true", "found as", "times"], *worst]
        names = [*self.confusion.names, "nothing"]
        at = [*used, len(self.confusion.names)]
        rows = [[names[r], *(str(self.confusion.counts[r, c]) for c in at)] for r in at]
        rows[-1][-1] = ""
        return [["true \\ found", *(names[c] for c in at[:-1]), "missed"], *rows]

    def to_json(self) -> dict[str, Any]:
        """All numbers, shares between 0 and 1, null where there is nothing."""
        data, names = self.evaluation.dataset, self.evaluation.dataset.names
        counts = Counter(fault.kind for fault in self.faults)
        return {
            "run": self.name,
            "dataset": data.name,
            "pictures": len(data.pictures),
            "confidence": round(self.confidence, 6),
            "summary": plain(self.evaluation.summary()),
            "all": self._class_json(None, curve(self.evaluation)),
            "classes": {names[c]: self._class_json(c, self.curves[c]) for c in self.known},
            "sizes": {
                area: _operating_json(self._at_size(number))
                for number, area in enumerate(self.evaluation.rules.areas)
            },
            "errors": {kind: {"cases": counts[kind], "gain": self.gains[kind]} for kind in KINDS},
            "confusion": {"names": self.confusion.names, "counts": self.confusion.counts.tolist()},
        }

    def _class_json(self, class_id: int | None, counted: Curve) -> dict[str, Any]:
        return {
            "objects": counted.total,
            **plain(self.evaluation.summary(class_id)),
            "at": _operating_json(counted.at(self.confidence)),
            "best": _operating_json(counted.best()),
        }


def error_json(card: Scorecard, fault: Fault) -> dict[str, Any]:
    """One error: the picture, what was found there and what is true, boxes x1 y1 x2 y2."""
    data, found = card.evaluation.dataset, card.evaluation.found
    record: dict[str, Any] = {"kind": fault.kind, "picture": data.pictures[fault.picture].name}
    if fault.found >= 0:
        record["found"] = data.names[int(found.class_ids[fault.found])]
        record["box"] = found.boxes[fault.found].round(2).tolist()
        record["score"] = round(fault.score, 6)
    if fault.truth >= 0:
        record["true"] = data.names[int(data.truth.class_ids[fault.truth])]
        record["true_box"] = data.truth.boxes[fault.truth].round(2).tolist()
        record["iou"] = round(fault.overlap, 4)
    return record


def occurring(confusions: Confusion) -> list[int]:
    """Positions of the classes that are there or were found."""
    counts = confusions.counts[:-1, :].sum(axis=1) + confusions.counts[:, :-1].sum(axis=0)
    return [int(c) for c in np.flatnonzero(counts)]


def difference_rows(before: Scorecard, card: Scorecard) -> Rows:
    """The twelve numbers and F1, then the classes, of two runs side by side."""
    first, second = before.evaluation.summary(), card.evaluation.summary()
    rows = [[name, *_three(first[name], second[name])] for name in MEASURES]
    best = [curve(each.evaluation).best().f1 for each in (before, card)]
    rows.append(["best F1", *_three(*best)])
    ap = Measure(True)
    for class_id in card.known if len(card.known) > 1 else []:
        values = [each.evaluation.mean(ap, class_id) for each in (before, card)]
        rows.append([f"AP of {card.evaluation.dataset.names[class_id]}", *_three(*values)])
    return [["measure", before.name, card.name, "difference"], *rows]


def interval_rows(intervals: Mapping[str, Interval]) -> Rows:
    """How sure the differences are."""
    head = ["measure", "difference", "95 % interval", ""]
    rows = []
    for name, (value, low, high) in intervals.items():
        verdict = "better" if low > 0 else "worse" if high < 0 else "may be chance"
        rows.append([name, percent(value, "+"), f"{percent(low, '+')} .. {percent(high, '+')}", verdict])
    return [head, *rows]


def percent(value: float, sign: str = "") -> str:
    """A share as tables show it.

    >>> percent(0.12345), percent(float("nan"))
    ('12.35', '-')
    """
    return "-" if math.isnan(value) else f"{100 * value:{sign}.2f}"


def many(count: int, noun: str) -> str:
    """A number of things.

    >>> many(1, "class"), many(2, "class"), many(0, "object")
    ('1 class', '2 classes', '0 objects')
    """
    ending = "" if count == 1 else "es" if noun.endswith(("s", "x")) else "s"
    return f"{count} {noun}{ending}"


def _three(first: float, second: float) -> list[str]:
    return [percent(first), percent(second), percent(second - first, "+")]


def plain(values: Mapping[str, float]) -> dict[str, float | None]:
    """For JSON, which has no NaN."""
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _operating_json(at: Operating) -> dict[str, float | None]:
    counts = {name: getattr(at, name) for name in ("confidence", "right", "wrong", "missed")}
    return counts | {name: _number(getattr(at, name)) for name in ("precision", "recall", "f1")}
