"""Cards: the head-up line, the counter panel, event banners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from vidstream.stages.draw.fonts import Typeface
from vidstream.stages.draw.palette import DIM, GROOVE, INK, WHITE, Bgr, name_colour
from vidstream.stages.draw.patches import Ink, Patch, card, rounded
from vidstream.types import Event, Labels

_OPACITY = 0.72
#: place names, each with its labels and numbers as texts
Places: TypeAlias = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


class Cards:
    """Renders cards with one typeface, and keeps the last few."""

    def __init__(self, face: Typeface) -> None:
        self.face = face
        self.pad = round(0.6 * face.size)
        self.radius = round(0.45 * face.size)
        self.line = lru_cache(maxsize=64)(self._line)
        self.panel = lru_cache(maxsize=8)(self._panel)
        self.legend = lru_cache(maxsize=8)(self._legend)
        self.ranking = lru_cache(maxsize=64)(self._ranking)

    def _line(self, parts: tuple[tuple[str, Bgr], ...], accent: Bgr | None = None) -> Patch:
        """One line of texts, each in its colour, behind a bar of `accent`."""
        inks: list[Ink] = []
        x = self.pad
        if accent is not None:
            x = self._bar(inks, x, self.pad // 2, accent)
        for text, colour in parts:
            x = self._write(inks, text, x, self.pad // 2, colour) + 2 * self.face.space
        width = x - 2 * self.face.space + self.pad
        return self._card(width, self.face.height + 2 * (self.pad // 2), inks)

    def _panel(self, places: Places, width: int, height: int) -> Patch:
        """Places with their labelled numbers; what does not fit is left out, the last numbers first."""
        for columns, most in ((3, 99), (2, 99), (3, 3), (2, 2), (1, 1)):
            patch = self._table(tuple((name, row[:most]) for name, row in places), columns)
            if patch.width <= width and patch.height <= height:
                break
        return patch

    def _table(self, places: Places, columns: int) -> Patch:
        """The panel with so many columns."""
        inks: list[Ink] = []
        y, right = self.pad // 2, 0
        for name, row in places:
            x = self._bar(inks, self.pad, y, name_colour(name))
            right = max(right, self._write(inks, name, x, y, WHITE))
            y += self.face.height
            widths = self._columns(row, columns)
            for start in range(0, len(row), columns):
                x = self.pad
                for (label, value), width in zip(row[start : start + columns], widths, strict=False):
                    after = self._write(inks, label, x, y, DIM) + self.face.space
                    right = max(right, self._write(inks, value, after, y, WHITE))
                    x += width + 3 * self.face.space
                y += self.face.height
            y += self.pad // 2
        return self._card(right + self.pad, y, inks)

    def _legend(self, names: tuple[str, ...]) -> Patch:
        """Names under each other, each with its colour."""
        inks: list[Ink] = []
        y, right = self.pad // 2, 0
        for name in names:
            x = self._bar(inks, self.pad, y, name_colour(name))
            right = max(right, self._write(inks, name, x, y, WHITE))
            y += self.face.height
        return self._card(right + self.pad, y + self.pad // 2, inks)

    def _ranking(self, rows: tuple[tuple[str, int], ...], width: int) -> Patch:
        """Names with their percentages, a bar under each; no wider than `width` where names allow."""
        texts = [f"{percent} %" for _, percent in rows]
        numbers = max(map(self.face.width, texts))
        names = max(self.face.width(name) for name, _ in rows)
        inner = max(min(12 * self.face.size, width - 2 * self.pad), names + 3 * self.face.space + numbers)
        tall = max(2, self.face.size // 5)
        inks: list[Ink] = []
        y = self.pad // 2
        for (name, percent), text in zip(rows, texts, strict=True):
            self._write(inks, name, self.pad, y, WHITE)
            self._write(inks, text, self.pad + inner - self.face.width(text), y, DIM)
            y += self.face.height
            for part, colour in ((100, GROOVE), (percent, name_colour(name))):
                wide = round(inner * part / 100)
                if wide >= tall:
                    inks.append(((rounded(wide, tall, tall // 2) * 255).astype("uint8"), self.pad, y, colour))
            y += tall + self.pad // 2
        return self._card(inner + 2 * self.pad, y, inks)

    def _columns(self, row: tuple[tuple[str, str], ...], columns: int) -> list[int]:
        """Widths of the columns of one place: each as wide as its widest pair."""
        widths = [self.face.width(f"{label} {value}") for label, value in row]
        return [max(widths[column::columns]) for column in range(min(columns, len(row)))]

    def _bar(self, inks: list[Ink], x: int, y: int, colour: Bgr) -> int:
        """A short upright bar that carries a place's colour; gives where text goes on."""
        wide, tall = max(2, self.face.size // 5), round(0.8 * self.face.size)
        mask = (rounded(wide, tall, wide // 2) * 255).astype("uint8")
        inks.append((mask, x, y + (self.face.height - tall) // 2, colour))
        return x + wide + self.face.space

    def _write(self, inks: list[Ink], text: str, x: int, y: int, colour: Bgr) -> int:
        """Text at (x, y); gives its right end."""
        strip = self.face.line(text)
        inks.append((strip, x, y, colour))
        return x + int(strip.shape[1])

    def _card(self, width: int, height: int, inks: Sequence[Ink]) -> Patch:
        return card(width, height, INK, inks, opacity=_OPACITY, radius=self.radius)


def panel_rows(values: Mapping[str, Mapping[str, float]]) -> Places:
    """Running numbers as the panel shows them: whole ones plain, others with one digit."""
    return tuple(
        (place, tuple((label.replace("_", " "), number(value)) for label, value in labels.items()))
        for place, labels in values.items()
    )


def label_rows(labels: Labels) -> tuple[tuple[str, int], ...]:
    """Labels as the card shows them: whole percents."""
    return tuple((name, round(100 * score)) for name, score in labels.rows())


def number(value: float) -> str:
    """A count or a measure, short.

    >>> number(3.0), number(2.345)
    ('3', '2.3')
    """
    return str(int(value)) if float(value).is_integer() else f"{value:.1f}"


def clock(seconds: float) -> str:
    """Stream time as minutes and seconds, with hours once there are any.

    >>> clock(75.25), clock(3671)
    ('1:15.2', '1:01:11')
    """
    minutes, rest = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}:{minutes:02d}:{int(rest):02d}"
    return f"{minutes}:{int(rest):02d}.{int(rest * 10 % 10)}"


def event_parts(event: Event) -> tuple[tuple[str, Bgr], ...]:
    """An event as a banner says it: what, where, who, and what was read or which way it went."""
    who = f"{event.class_name} {event.track_id}" if event.track_id >= 0 else event.class_name
    details = [str(event.data[key]) for key in ("text", "direction") if key in event.data]
    parts = (event.kind.replace("_", " "), event.name, who.strip(), *details)
    return tuple((text, DIM if i == 0 else WHITE) for i, text in enumerate(parts) if text)
