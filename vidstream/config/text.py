"""Files to text: regular, small, UTF-8; anything else is one clear fault."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vidstream.config.nodes import Place
from vidstream.config.problems import Faults
from vidstream.errors import ConfigError

MAX_BYTES: Final = 1 << 20


def read_text(path: Path) -> str:
    """The text of a YAML file; ConfigError says why there is none."""
    fault = _unfit(path)
    if fault:
        raise _error(path, *fault)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _error(path, f"cannot be read: {error.strerror}", "check its permissions") from error
    if len(data) > MAX_BYTES:
        raise _error(path, f"is larger than {MAX_BYTES} bytes", "is this the right file?")
    return decoded(data, path)


def decoded(data: bytes, path: Path) -> str:
    """UTF-8, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"is not UTF-8: byte 0x{data[error.start]:02X} in line {line}"
        raise _error(path, what, "save it as UTF-8") from None


def _unfit(path: Path) -> tuple[str, str] | None:
    """Why a path is not read; a FIFO or a device could block or never end."""
    try:
        if path.is_file():
            return None
        if path.is_dir():
            return "is a folder", "name a YAML file in it"
        if path.exists():
            return "is not a regular file", "name a YAML file"
    except OSError as error:  # a name that is too long, a folder that may not be entered
        return f"cannot be read: {error.strerror}", "check the path"
    return "does not exist", "check the path"


def _error(path: Path, what: str, fix: str) -> ConfigError:
    faults = Faults()
    faults.add(what, Place(str(path)), fix=fix)
    return ConfigError(faults.found)
