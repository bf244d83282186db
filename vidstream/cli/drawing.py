"""Drawings of a graph: text, Mermaid, SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from vidstream.graph.layout import Arrow, Box, Layout


def text(layouts: Sequence[Layout]) -> str:
    """Stage by stage, each with what it takes from where."""
    lines: list[str] = []
    for drawn in layouts:
        lines.append("source: " + ", ".join(drawn.sources))
        width = max(len(b.id) for b in drawn.boxes)
        uses = max(len(b.use) for b in drawn.boxes)
        for box in drawn.boxes[1:]:
            takes = [f"{a.start}.{a.label}" for a in drawn.arrows if a.end == box.id and not a.dashed]
            when = [f"when {a.start}" for a in drawn.arrows if a.end == box.id and a.dashed]
            remarks = "; ".join([*when, *([box.remarks] if box.remarks else [])])
            line = f"  {box.id:{width}}  {box.use:{uses}}  <- {', '.join(takes) or 'nothing'}"
            lines.append(f"{line}  [{remarks}]" if remarks else line)
    return "\n".join(lines)


def mermaid(layouts: Sequence[Layout]) -> str:
    """As a Mermaid flow chart."""
    lines = ["flowchart TD"]
    for number, drawn in enumerate(layouts):
        for box in drawn.boxes:
            label = "<br>".join(drawn.sources) if box.role == "source" else f"<b>{box.id}</b><br>{box.use}"
            label += f"<br><i>{box.remarks}</i>" if box.remarks else ""
            left, right = {"source": ("([", "])"), "sink": ("[/", "/]"), "stage": ("[", "]")}[box.role]
            lines.append(f'  g{number}_{box.id}{left}"{label}"{right}')
        for arrow in drawn.arrows:
            line = "-.->" if arrow.dashed else "-->"
            lines.append(f"  g{number}_{arrow.start} {line}|{arrow.label}| g{number}_{arrow.end}")
    return "\n".join(lines)


_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 168, 54, 56, 58, 24
#: how far an arrow over several rows swings out, so that it passes beside the boxes between
_SWING = (_WIDTH / 2 + 18) / 0.75  # a cubic curve reaches three quarters of the way to its handles
_FILL = {
    "source": ("#e3f2ee", "#1f8a70"),
    "stage": ("#eef1fb", "#4a61c8"),
    "sink": ("#fdf1e3", "#c8761a"),
}
_STYLE = (
    "text{font-family:system-ui,sans-serif;fill:#222}.id{font-size:15px;font-weight:600}"
    ".use{font-size:12px;fill:#555}.port{font-size:11px;fill:#555;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    "path{fill:none;stroke:#888;stroke-width:1.4}"
)


def svg(layouts: Sequence[Layout]) -> str:
    """As a picture, on nothing but SVG."""
    parts: list[str] = []
    top, widest = _MARGIN, 0
    for drawn in layouts:
        rows = 1 + max(b.row for b in drawn.boxes)
        across = {r: sum(b.row == r for b in drawn.boxes) for r in range(rows)}
        width = max(across.values()) * (_WIDTH + _GAP_X) - _GAP_X
        places = {b.id: _place(b, across[b.row], width, top) for b in drawn.boxes}
        parts += [_svg_arrow(a, places) for a in drawn.arrows]
        parts += [_svg_box(b, places[b.id], drawn.sources) for b in drawn.boxes]
        parts += [_svg_label(a, places) for a in drawn.arrows]
        top += rows * (_HEIGHT + _GAP_Y)
        widest = max(widest, width)
    side = round(_SWING) - _MARGIN  # room for what swings out on either side
    box = f"{-side} 0 {widest + 2 * (_MARGIN + side)} {top - _GAP_Y + _MARGIN}"
    size = f'viewBox="{box}" width="{widest + 2 * (_MARGIN + side)}"'
    marker = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#888;stroke:none"/></marker></defs>'
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>{marker}'
    background = f'<rect x="{-side}" width="100%" height="100%" fill="#fff"/>'
    return "\n".join([head, background, *parts, "</svg>"])


def _place(box: Box, across: int, width: int, top: int) -> tuple[float, float]:
    row_width = across * (_WIDTH + _GAP_X) - _GAP_X
    left = _MARGIN + (width - row_width) / 2 + box.column * (_WIDTH + _GAP_X)
    return left, top + box.row * (_HEIGHT + _GAP_Y)


def _svg_box(box: Box, place: tuple[float, float], sources: Sequence[str]) -> str:
    x, y = place
    fill, stroke = _FILL[box.role]
    name = box.id if box.role != "source" else sources[0] if len(sources) == 1 else f"{len(sources)} sources"
    use = f"{box.use} · {box.remarks}" if box.remarks else box.use
    middle = x + _WIDTH / 2
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="9" '
        f'fill="{fill}" stroke="{stroke}"/>'
        f'<text class="id" text-anchor="middle" x="{middle:g}" y="{y + 23:g}">{escape(name)}</text>'
        f'<text class="use" text-anchor="middle" x="{middle:g}" y="{y + 41:g}">{escape(use)}</text>'
    )


def _curve(
    arrow: Arrow, places: Mapping[str, tuple[float, float]]
) -> tuple[float, float, float, float, float]:
    """Start x, start y, end x, end y, and how far to swing out (0 between neighbouring rows)."""
    (x1, y1), (x2, y2) = places[arrow.start], places[arrow.end]
    x1, y1, x2 = x1 + _WIDTH / 2, y1 + _HEIGHT, x2 + _WIDTH / 2
    far = y2 - y1 > _GAP_Y + 1
    return x1, y1, x2, y2, _SWING * (1 if x2 >= x1 else -1) if far else 0.0


def _svg_arrow(arrow: Arrow, places: Mapping[str, tuple[float, float]]) -> str:
    x1, y1, x2, y2, swing = _curve(arrow, places)
    middle = (y1 + y2) / 2
    dash = ' stroke-dasharray="5 4"' if arrow.dashed else ""
    curve = f"M{x1:g} {y1:g}C{x1 + swing:g} {middle:g} {x2 + swing:g} {middle:g} {x2:g} {y2:g}"
    return f'<path d="{curve}" marker-end="url(#tip)"{dash}/>'


def _svg_label(arrow: Arrow, places: Mapping[str, tuple[float, float]]) -> str:
    x1, y1, x2, y2, swing = _curve(arrow, places)
    x, y = (x1 + x2) / 2 + 0.75 * swing, (y1 + y2) / 2 + 4
    return f'<text class="port" text-anchor="middle" x="{x:g}" y="{y:g}">{escape(arrow.label)}</text>'


DRAWINGS: Mapping[str, Callable[[Sequence[Layout]], str]] = {"text": text, "mermaid": mermaid, "svg": svg}
