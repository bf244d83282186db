"""Pages of package indexes: the files of a project, from JSON (PEP 691) or HTML (PEP 503)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from vidstream.errors import ModelError

#: algorithms of hashes that registries state, the strongest first
HASHES = ("sha512", "sha384", "sha256")


class Listed(NamedTuple):
    """A file on a page of a package index."""

    name: str
    url: str
    hash: tuple[str, str]
    size: int


def listed_in_json(page: bytes, base: str) -> list[Listed]:
    """The files on a page of a package index (PEP 691). ModelError where it is no such page."""
    try:
        return [_from_entry(entry, base) for entry in read_json(page, base)["files"]]
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{urlsplit(base).hostname} answered with other JSON than expected") from error


def _from_entry(entry: Mapping[str, Any], base: str) -> Listed:
    stated = entry.get("hashes") or {}
    algorithm = next((a for a in HASHES if a in stated), "")
    known = (algorithm, str(stated.get(algorithm, "")).lower())
    return Listed(
        str(entry["filename"]), urljoin(base, str(entry["url"])), known, int(entry.get("size") or 0)
    )


def listed_in_html(page: bytes, base: str) -> Iterator[Listed]:
    """The files on a page of a package index (PEP 503)."""
    reader = _Links(base)
    reader.feed(page.decode("utf-8", "replace"))
    for link in reader.links:
        url, fragment = urldefrag(link)
        algorithm, _, digest = fragment.partition("=")
        known = (algorithm, digest.lower()) if algorithm in HASHES else ("", "")
        yield Listed(unquote(urlsplit(url).path.rpartition("/")[2]), url, known, 0)


class _Links(HTMLParser):
    """Collects the links of a page, made whole."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base, self.links = base if base.endswith((".html", "/")) else f"{base}/", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if not href or tag not in ("a", "base"):
            return
        with suppress(ValueError):  # what is no address is no file either
            whole = urljoin(self._base, href)
            urlsplit(whole)
            if tag == "base":
                self._base = whole
            else:
                self.links.append(whole)


def read_json(page: bytes, source: str) -> dict[str, Any]:
    """A JSON object that came from an address. ModelError: it is none."""
    try:
        found = json.loads(page)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{urlsplit(source).hostname} answered with what is not JSON") from error
    if not isinstance(found, dict):
        raise ModelError(f"{urlsplit(source).hostname} answered with other JSON than expected")
    return found
