"""Where this user's package registries are, as they told pip and npm; nothing of either is run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path

_PYPI = "https://pypi.org/simple/"
_NPM = "https://registry.npmjs.org/"
#: pip's settings for all users
_MACHINE_FILES = ("/etc/pip.conf", "/etc/xdg/pip/pip.conf")


def pypi_indexes() -> tuple[str, ...]:
    """The user's package indexes, the main one first: `$PIP_INDEX_URL` and its like, pip.conf."""
    urls = (_pip("index-url") or _PYPI).split() + _pip("extra-index-url").split()
    return tuple(dict.fromkeys(f"{url.rstrip('/')}/" for url in urls))


def npm_registry(package: str) -> str:
    """The npm registry of a package: `$npm_config_registry`, .npmrc; a scope may have its own."""
    scope = package.partition("/")[0] if package.startswith("@") else ""
    settings = _npmrc()
    found = (
        (settings.get(f"{scope}:registry") if scope else None)
        or _npm("registry")
        or settings.get("registry")
        or _NPM
    )
    return f"{found.rstrip('/')}/"


def certificates() -> str:
    """A file of certificates to trust besides the system's, or an empty text."""
    path = _pip("cert")
    return path if path and Path(path).is_file() else ""


def _pip(key: str) -> str:
    """A setting of pip's: from the environment, else from its files, the most special one first."""
    named = os.environ.get("PIP_" + key.upper().replace("-", "_"))
    if named is not None:
        return named
    for path in _pip_files():
        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (ConfigParserError, OSError, UnicodeDecodeError):
            continue  # pip itself will tell its user about it
        for section in ("install", "global"):
            if parser.has_option(section, key):
                return parser.get(section, key)
    return ""


def _pip_files() -> Iterator[Path]:
    """Files pip reads its settings from, those that win first."""
    home = Path.home()
    if named := os.environ.get("PIP_CONFIG_FILE"):
        yield Path(named)
        if named == os.devnull:  # pip's way to say: no files
            return
    if sys.platform == "win32":
        yield from (Path(sys.prefix) / "pip.ini", home / "pip" / "pip.ini")
        yield from (
            Path(os.environ[v]) / "pip" / "pip.ini" for v in ("APPDATA", "PROGRAMDATA") if v in os.environ
        )
        return
    yield Path(sys.prefix) / "pip.conf"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield home / ".pip" / "pip.conf"
    yield from map(Path, _MACHINE_FILES)


def _npm(key: str) -> str:
    """A setting of npm's from the environment, where it is written in either case."""
    name = f"npm_config_{key}"
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def _npmrc() -> Mapping[str, str]:
    """Settings of npm's files, the user's before the machine's."""
    user = _npm("userconfig") or str(Path.home() / ".npmrc")
    found: dict[str, str] = {}
    for path in (Path("/etc/npmrc"), Path(user)):
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        pairs = (line.partition("=") for line in lines if not line.lstrip().startswith(("#", ";")))
        found.update({key.strip(): value.strip().strip("\"'") for key, _, value in pairs})
    return found
