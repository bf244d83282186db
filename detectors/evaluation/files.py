"""Reading what others have written: JSON and text, each fault an error that names file and place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vidstream.errors import SourceError

#: a file above is no annotation of pictures that anybody has looked at
_LIMIT = 1 << 31


def read_text(path: Path) -> str:
    """The text of a regular file. SourceError where there is none."""
    try:
        if not path.is_file():
            raise FileNotFoundError(2, "no such file")
        if path.stat().st_size > _LIMIT:
            raise OSError(27, "larger than 2 GB")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise fault(path, f"cannot be read: {what}", "check the path") from error


def read_json(path: Path) -> Any:
    """A JSON document."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise fault(path, f"is not JSON: {error}", "check the file") from error


def fault(path: Path, what: str, fix: str) -> SourceError:
    """What is wrong with a file; trying again does not help."""
    return SourceError(what, where=str(path), fix=fix, retry=False)
