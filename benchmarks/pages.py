"""Tables in pages that people write."""

from __future__ import annotations

import re
from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Put a text between the page's marks ``<!-- NAME -->`` and ``<!-- /NAME -->``."""
    marked = re.compile(rf"(<!-- {name} -->\n).*(\n<!-- /{name} -->)", re.DOTALL)
    old = page.read_text("utf-8")
    new, count = marked.subn(lambda match: f"{match[1]}{text}{match[2]}", old)
    if not count:
        raise ValueError(f"{page} has no place for '{name}'")
    page.write_text(new, encoding="utf-8")
