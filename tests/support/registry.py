"""A small package registry on loopback: PEP 691 and PEP 503 pages, npm's JSON, files whole or in parts."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256, sha512
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def tar(members: Mapping[str, bytes]) -> bytes:
    """A tar.gz archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def wheel(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


class Registry:
    """Pages by path, what was asked for, and how the server misbehaves."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.pages: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        #: method, path and Range header of every request
        self.asked: list[tuple[str, str]] = []
        self.logins: list[tuple[str, str | None]] = []
        self.ranges = True
        #: path -> answers of this status come first
        self.busy: dict[str, list[int]] = {}
        #: path -> so many bytes of the body are sent, then the line is cut, once each
        self.cuts: dict[str, list[int]] = {}
        #: path -> the length that is promised instead of the true one
        self.promises: dict[str, int] = {}
        self.redirects: dict[str, str] = {}

    def pypi(self, project: str, files: Mapping[str, bytes], *, html: bool = False, **stated: str) -> None:
        """A project on the index; `stated` replaces the hash that it states for every file."""
        entries = []
        for name, content in files.items():
            self.pages[f"/files/{name}"] = content
            digest = stated.get("sha256", sha256(content).hexdigest())
            entries.append((name, f"../../files/{name}", digest, len(content)))
        if html:
            links = "".join(f'<a href="{url}#sha256={h}">{name}</a><br>' for name, url, h, _ in entries)
            self.page(f"/simple/{project}/", f"<!DOCTYPE html><body>{links}</body>".encode(), "text/html")
            return
        listed = [
            {"filename": name, "url": url, "hashes": {"sha256": h}, "size": size}
            for name, url, h, size in entries
        ]
        text = json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": listed})
        self.page(f"/simple/{project}/", text.encode(), "application/vnd.pypi.simple.v1+json")

    def npm(self, package: str, version: str, content: bytes, *, all_versions: bool = False) -> None:
        """A release of a package on npm; with `all_versions` the registry knows only the list of them."""
        path = f"/npm/{package.replace('/', '%2F')}"
        tarball = f"/tarballs/{package.rpartition('/')[2]}-{version}.tgz"
        self.pages[tarball] = content
        integrity = "sha512-" + base64.b64encode(sha512(content).digest()).decode()
        about: dict[str, Any] = {"dist": {"tarball": self.base + tarball, "integrity": integrity}}
        if all_versions:
            self.page(path, json.dumps({"versions": {version: about}}).encode(), "application/json")
        else:
            self.page(f"{path}/{version}", json.dumps(about).encode(), "application/json")

    def page(self, path: str, content: bytes, kind: str) -> None:
        """Any page."""
        self.pages[path], self.kinds[path] = content, kind


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def registry(self) -> Registry:
        server: Any = self.server
        registry: Registry = server.registry
        return registry

    def do_GET(self) -> None:
        registry, path = self.registry, self.path
        registry.asked.append((path, self.headers.get("Range", "")))
        registry.logins.append((path, self.headers.get("Authorization")))
        self.close_connection = True
        if registry.busy.get(path):
            self.answer(registry.busy[path].pop(0), b"busy")
        elif path in registry.redirects:
            self.answer(302, b"", {"Location": registry.redirects[path]})
        elif path not in registry.pages:
            self.answer(404, b"no such page")
        else:
            self.give(registry.pages[path])

    def give(self, content: bytes) -> None:
        wanted = self.headers.get("Range", "")
        if not (wanted and self.registry.ranges):
            self.answer(200, content)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = int(last) + 1 if first and last else len(content)
        if start >= len(content):
            self.answer(416, b"")
            return
        part = content[start:end]
        self.answer(206, part, {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(content)}"})

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        path = self.path
        self.send_response(status)
        promised = self.registry.promises.get(path, len(body))
        kind = self.registry.kinds.get(path, "application/octet-stream")
        for key, value in {"Content-Length": str(promised), "Content-Type": kind, **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        cuts = self.registry.cuts.get(path)
        with suppress(OSError):  # the reader has seen enough
            self.wfile.write(body[: cuts.pop(0)] if cuts and status < 300 else body)

    def log_message(self, *_: Any) -> None:
        """Silence."""


@contextmanager
def registry_server() -> Iterator[Registry]:
    """A registry on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    registry = Registry(f"http://127.0.0.1:{server.server_port}")
    server.registry = registry  # type: ignore[attr-defined]  # for the handler
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
