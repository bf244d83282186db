"""Scores and comparisons as a terminal shows them, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from trackers.evaluation import MEASURES, Measure, Scores, combine
from trackers.evaluation.comparison import Difference
from trackers.evaluation.errors import ERROR_KINDS, TrackingError, count_errors

Rows: TypeAlias = Sequence[Sequence[str]]

COMBINED = "all together"


@dataclass(frozen=True, slots=True)
class Board:
    """The scores of one run: sequence -> class -> scores."""

    name: str
    scores: Mapping[str, Mapping[str, Scores]]

    @property
    def sequences(self) -> dict[str, Scores]:
        """Each sequence, all its classes together."""
        return {name: combine(classes.values()) for name, classes in self.scores.items()}

    @property
    def classes(self) -> dict[str, Scores]:
        """Each class, all sequences together."""
        names = list(dict.fromkeys(name for classes in self.scores.values() for name in classes))
        every = self.scores.values()
        return {name: combine(part[name] for part in every if name in part) for name in names}

    @property
    def combined(self) -> Scores:
        """All of it."""
        return combine(self.sequences.values())

    def rows(self) -> Rows:
        """As a table: sequences, then classes where there are several, then everything."""
        lines = list(self.sequences.items())
        lines += [(f"all {name}s", scores) for name, scores in self.classes.items()] * (len(self.classes) > 1)
        lines.append((COMBINED, self.combined))
        head = ["sequence", *(measure.name for measure in MEASURES)]
        return [head, *([name, *(shown(m, m.of(scores)) for m in MEASURES)] for name, scores in lines)]

    def to_json(self) -> dict[str, Any]:
        """The same, and every sequence's classes."""
        return {
            "run": self.name,
            "combined": numbers(self.combined),
            "classes": {name: numbers(scores) for name, scores in self.classes.items()},
            "sequences": {
                name: {"combined": numbers(combine(classes.values())), "classes": each(classes)}
                for name, classes in self.scores.items()
            },
        }


def each(scores: Mapping[str, Scores]) -> dict[str, dict[str, float]]:
    """Numbers by name."""
    return {name: numbers(one) for name, one in scores.items()}


def numbers(scores: Scores) -> dict[str, float]:
    """All measures, shares between 0 and 1."""
    return {measure.name: measure.of(scores) for measure in MEASURES}


def shown(measure: Measure, value: float, sign: str = "") -> str:
    """A value as tables show it: shares in percent."""
    return f"{100 * value:{sign}.2f}" if measure.share else f"{value:{sign}.0f}"


def comparison_rows(first: str, second: str, differences: Sequence[Difference]) -> Rows:
    """Measure by measure."""
    head = ["measure", first, second, "difference", "95 % interval", "p", ""]
    rows = [head]
    for d in differences:
        values = [shown(d.measure, d.first), shown(d.measure, d.second), shown(d.measure, d.value, "+")]
        interval = f"{shown(d.measure, d.low, '+')} .. {shown(d.measure, d.high, '+')}"
        rows.append([d.measure.name, *values, interval, f"{d.p:.3f}", _verdict(d)])
    return rows


def sequence_rows(first: Board, second: Board) -> Rows:
    """Sequence by sequence, the measures that sum a run up."""
    chosen = [measure for measure in MEASURES if measure.name in ("HOTA", "AssA", "MOTA", "IDF1", "IDs")]
    rows = [["sequence", *(measure.name for measure in chosen)]]
    for name, before in first.sequences.items():
        after = second.sequences[name]
        rows.append([name, *(shown(m, m.of(after) - m.of(before), "+") for m in chosen)])
    return rows


def difference_json(difference: Difference) -> dict[str, float | str]:
    """One measure of a comparison."""
    names = ("first", "second", "value", "low", "high", "p")
    return {"measure": difference.measure.name} | {name: getattr(difference, name) for name in names}


def error_rows(errors: Sequence[TrackingError]) -> Rows:
    """How often each kind happens."""
    counts = count_errors(list(errors))
    head = ["error", "cases", "boxes", "meaning"]
    rows = [[kind, *map(str, counts[kind]), meaning] for kind, meaning in ERROR_KINDS.items()]
    return [head, *rows]


def error_json(sequence: str, error: TrackingError) -> dict[str, Any]:
    """One error."""
    return {
        "sequence": sequence,
        "kind": error.kind,
        "class": error.target,
        "first": error.first,
        "last": error.last,
        "true_id": error.true_id,
        "track_ids": list(error.track_ids),
        "box": [round(value, 2) for value in error.box],
        "cost": error.cost,
        "text": error.text,
    }


def as_text(rows: Rows) -> str:
    """Columns of equal width: words to the left, numbers to the right."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    words = [all(not _number(row[c]) for row in rows[1:]) for c in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = zip(row, widths, words, strict=True)
        lines.append(
            "  ".join(f"{cell:<{w}}" if word else f"{cell:>{w}}" for cell, w, word in cells).rstrip()
        )
    return "\n".join(lines)


def as_markdown(rows: Rows) -> str:
    """A table of GitHub's Markdown."""
    words = [all(not _number(row[c]) for row in rows[1:]) for c in range(len(rows[0]))]
    rule = ["---" if word else "---:" for word in words]
    return "".join(f"| {' | '.join(row)} |\n" for row in [rows[0], rule, *rows[1:]])


def _number(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in ("-", "+")


def _verdict(difference: Difference) -> str:
    if difference.p >= 0.05:
        return ""
    return "better" if difference.better else "worse"
