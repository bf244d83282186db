"""Class names that a stage's options ask for and no detector gives: said once, with the nearest name."""

from __future__ import annotations

from vidstream.errors import did_you_mean
from vidstream.graph.stage import Notify
from vidstream.types import Detections, Masks


def report_unknown(classes: tuple[str, ...], objects: Detections | Masks, notify: Notify) -> None:
    """Report each of `classes` that is not among the names of `objects`; nothing where these have none."""
    known = list(objects.names.values())
    for name in classes if known else ():
        if name not in known:
            hint = did_you_mean(name, known)
            notify("unknown-class", f"nothing here finds '{name}'" + (f"; {hint}" if hint else ""))
