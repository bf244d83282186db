"""What `faces` reads: pictures, folders of them, folders of people, and anything a graph can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vidstream.errors import UsageError
from vidstream.graph.stage import stage
from vidstream.sources.address import PICTURES, kind_of_address
from vidstream.sources.picture import UnreadableError, read_picture
from vidstream.types import View
from vidstream.types.values import redact

#: frames of a video or camera looked at per second
_PER_SECOND = 4.0
#: so long a camera or stream is looked at, if that was not enough before
_LIVE_SECONDS = 60.0


class Shot(NamedTuple):
    """A picture, or why there is none."""

    origin: str
    view: View | None
    reason: str = ""


def is_still(address: str) -> bool:
    """Whether this names pictures, not a video or a camera."""
    return kind_of_address(address) == "images"


def people_in(folder: Path) -> dict[str, Path]:
    """Name -> folder, of a folder with a folder of pictures per person. UsageError where there is none."""
    found = {f.name: f for f in sorted(folder.iterdir()) if f.is_dir()} if folder.is_dir() else {}
    if not found:
        raise UsageError(
            "holds no folder per person", where=f"'{folder}'", fix="give a NAME, or FOLDER/NAME/PICTURES"
        )
    return found


def shots(address: str) -> Iterator[Shot]:
    """The pictures at a path, or frames of a video, a camera or a stream. UsageError: nothing is there."""
    if not is_still(address):
        yield from _frames(address)
        return
    path = Path(address)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    files = [f for f in files if f.suffix.lower() in PICTURES]
    if not files:
        raise UsageError("holds no pictures", where=f"'{address}'", fix="check the path")
    for file in files:
        yield _shot(file)


def one_picture(path: Path) -> View:
    """The picture in a file. UsageError: it cannot be read."""
    shot = _shot(path)
    if shot.view is None:
        raise UsageError(shot.reason, where=f"'{path}'", fix="give a picture")
    return shot.view


def _shot(file: Path) -> Shot:
    try:
        return Shot(str(file), View(read_picture(file)))
    except UnreadableError as error:
        return Shot(str(file), None, str(error))


def _frames(address: str) -> Iterator[Shot]:
    """Some frames per second, by the reader that graphs have."""
    from vidstream.pipeline import Pipeline

    live = kind_of_address(address) in ("camera", "stream")
    graph = {"some": {"use": some_frames, "max_fps": _PER_SECOND}}
    for packet in Pipeline.build(source=address, graph=graph):
        if live and packet.pts > _LIVE_SECONDS:
            break
        view = packet.results.get("some")
        if isinstance(view, View):
            yield Shot(f"{redact(address)} at {packet.pts:.1f} s", view)


@stage("faces.some_frames")
def some_frames(image: View) -> View:
    """Pass pictures on."""
    return image
