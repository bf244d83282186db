"""The memory of a soak over its time, as a small picture for a browser."""

from __future__ import annotations

from vidstream.cli.soak_verdict import Verdict

_WIDTH, _HEIGHT, _LEFT, _EDGE = 760, 300, 70, 30
_STYLE = "font-family='sans-serif' font-size='12'"


def svg(verdict: Verdict) -> str:
    """Private memory in MB; the part that the slope was drawn through stands out."""
    samples = verdict.samples
    values = [s.private / 1e6 for s in samples]
    low, high = min(values) * 0.98, max(values) * 1.02 + 0.1
    end = max(samples[-1].at, 1e-9)

    def x(at: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _EDGE) * at / end

    def y(value: float) -> float:
        return _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * (value - low) / (high - low)

    points = " ".join(f"{x(s.at):.1f},{y(v):.1f}" for s, v in zip(samples, values, strict=True))
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' {_STYLE}>",
        f"<rect width='{_WIDTH}' height='{_HEIGHT}' fill='white'/>",
        f"<rect x='{x(end / 2):.1f}' y='{_EDGE}' width='{x(end) - x(end / 2):.1f}' "
        f"height='{_HEIGHT - 2 * _EDGE}' fill='#eef4fb'/>",
    ]
    for step in range(5):
        value = low + (high - low) * step / 4
        lines.append(f"<path d='M {_LEFT} {y(value):.1f} H {_WIDTH - _EDGE}' stroke='#ddd'/>")
        lines.append(f"<text x='{_LEFT - 8}' y='{y(value) + 4:.1f}' text-anchor='end'>{value:.1f} MB</text>")
        at = end * step / 4
        lines.append(
            f"<text x='{x(at):.1f}' y='{_HEIGHT - 10}' text-anchor='middle'>{at / 60:.1f} min</text>"
        )
    title = f"{verdict.growth.value:+.2f} MB per hour and camera: {verdict.memory}"
    lines += [
        f"<polyline points='{points}' fill='none' stroke='#1f6fb2' stroke-width='1.5'/>",
        f"<text x='{_LEFT}' y='20'>{title}</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
