"""Where model files are: a folder named by the caller, `$VIDSTREAM_MODELS`, then the cache."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from detectors.catalogue.card import Card
from vidstream.errors import ModelError, UsageError, did_you_mean

_CARDS = Path(__file__).parent / "cards"


class Entry(NamedTuple):
    """A model that is known, and its file (None: not here). The file is not verified yet."""

    card: Card
    path: Path | None


def cache_folder() -> Path:
    """Where models are fetched to: `$XDG_CACHE_HOME` or `~/.cache`, then `vidstream/models`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vidstream" / "models"


def folders(models: Path | None = None) -> tuple[Path, ...]:
    """Folders searched, in order: `models`, those of `$VIDSTREAM_MODELS` (like PATH), the cache."""
    named = os.environ.get("VIDSTREAM_MODELS", "").split(os.pathsep)
    return (*([models] if models else []), *(Path(f) for f in named if f), cache_folder())


def cards(models: Path | None = None) -> Mapping[str, Card]:
    """Every known model by name: those that come with the program, then those added beside their files."""
    own = [path for folder in reversed(folders(models)) for path in sorted(folder.glob("*.card.json"))]
    # the program's own come last: nothing found in a folder takes the place of a hash that came with it
    paths = [*own, *sorted(_CARDS.glob("*.json"))]
    read = [Card.from_json(path.read_text("utf-8"), str(path)) for path in paths]
    return {card.name: card for card in read}


def card(name: str, models: Path | None = None) -> Card:
    """The card of a model. ModelError where the name is not known."""
    known = cards(models)
    if name not in known:
        hint = did_you_mean(name, list(known)) or f"known are {', '.join(sorted(known))}; or give a file"
        raise ModelError("no such model", where=f"model '{name}'", fix=hint)
    return known[name]


def entries(models: Path | None = None) -> list[Entry]:
    """Every known model and where its file is, by name."""
    return [Entry(card, _locate(card, models)) for _, card in sorted(cards(models).items())]


def find(name: str, models: Path | None = None) -> tuple[Card, Path]:
    """A model and its file, not verified yet. ModelError: not known, or its file is not here."""
    wanted = card(name, models)
    path = _locate(wanted, models)
    if path is None:
        raise ModelError(
            f"its file {wanted.file} is in none of {', '.join(map(str, folders(models)))}",
            where=f"model '{name}'",
            fix=f"run: python run.py models fetch {name}",
        )
    return wanted, path


def _locate(wanted: Card, models: Path | None) -> Path | None:
    return next((path for f in folders(models) if (path := f / wanted.file).is_file()), None)


def load(name: str, models: Path | None = None) -> tuple[Card, bytes]:
    """A model's card and its file's bytes, size and hash checked. ModelError where anything is amiss."""
    wanted, path = find(name, models)
    return wanted, wanted.read(path)


def verify(name: str, models: Path | None = None) -> Path:
    """The model's file, after checking size and hash. ModelError: not known, not here, or not the same."""
    wanted, path = find(name, models)
    wanted.read(path)
    return path


def add(file: Path, new: Card, into: Path | None = None) -> Path:
    """Keep a model of one's own: copy `file` and its card into the folder `into` (the cache).

    UsageError: the name or the file name belongs to another model.
    """
    folder = into or cache_folder()
    for other in cards(folder).values():
        if other != new and (other.name == new.name or other.file == new.file):
            raise UsageError(
                f"the model '{other.name}' has this name or file name already",
                where=f"model '{new.name}'",
                fix="choose another one",
            )
    data = new.read(file)
    with new_file(folder / new.file) as target:
        target.write(data)
    with new_file(folder / f"{new.name}.card.json") as target:
        target.write(new.to_json().encode())
    return folder / new.file


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place only when the block ends well; half a file is never seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        try:
            yield part
            part.flush()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
