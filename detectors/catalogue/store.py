"""Where model files are: a folder named by the caller, `$VIDSTREAM_MODELS`, the cache, installed packages."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, NamedTuple

from detectors.catalogue.card import Card, ModelFile
from detectors.catalogue.installed import installed
from vidstream.errors import ModelError, UsageError, did_you_mean

_CARDS = Path(__file__).parent / "cards"


class Entry(NamedTuple):
    """A model that is known, and its files by role (None: not all are here). They are not verified yet."""

    card: Card
    paths: Mapping[str, Path] | None


def cache_folder() -> Path:
    """Where models are fetched to: `$XDG_CACHE_HOME` or `~/.cache`, then `vidstream/models`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vidstream" / "models"


def folders(models: Path | None = None) -> tuple[Path, ...]:
    """Folders searched, in order: `models`, those of `$VIDSTREAM_MODELS` (like PATH), the cache."""
    named = os.environ.get("VIDSTREAM_MODELS", "").split(os.pathsep)
    return (*([models] if models else []), *(Path(f) for f in named if f), cache_folder())


def cards(models: Path | None = None) -> Mapping[str, Card]:
    """Every known model by name: those that come with the program, then those added beside their files."""
    own = [path for folder in reversed(folders(models)) for path in sorted(folder.glob("*.card.yaml"))]
    # the program's own come last: nothing found in a folder takes the place of a hash that came with it
    read = [_read(path) for path in (*own, *sorted(_CARDS.glob("*.yaml")))]
    return {card.name: card for card in read}


def card(name: str, models: Path | None = None) -> Card:
    """The card of a model. ModelError where the name is not known."""
    # most are asked for by name: the others' cards need not be read for that
    for path in (_CARDS / f"{name}.yaml", *(folder / f"{name}.card.yaml" for folder in folders(models))):
        if path.is_file() and path.name in (f"{name}.yaml", f"{name}.card.yaml"):
            return _read(path)
    known = cards(models)
    if name not in known:
        hint = did_you_mean(name, list(known)) or f"known are {', '.join(sorted(known))}; or give a file"
        raise ModelError("no such model", where=f"model '{name}'", fix=hint)
    return known[name]


def entries(models: Path | None = None) -> list[Entry]:
    """Every known model and where its files are, by name."""
    return [Entry(card, _located(card, models)) for _, card in sorted(cards(models).items())]


def entry(name: str, models: Path | None = None) -> Entry:
    """One model and where its files are. ModelError where the name is not known."""
    wanted = card(name, models)
    return Entry(wanted, _located(wanted, models))


def find(name: str, models: Path | None = None) -> tuple[Card, Mapping[str, Path]]:
    """A model and its files by role, not verified yet. ModelError: not known, or a file is not here."""
    wanted = card(name, models)
    paths = _located(wanted, models)
    if paths is None:
        missing = [entry.file for entry in wanted.files.values() if _locate(entry, models) is None]
        raise ModelError(
            f"its file {', '.join(missing)} is in none of {', '.join(map(str, folders(models)))}",
            where=f"model '{name}'",
            fix=f"run: python run.py models fetch {name}",
        )
    return wanted, paths


def load(name: str, models: Path | None = None) -> tuple[Card, Mapping[str, bytes]]:
    """A model's card and its files' bytes by role, size and hash checked. ModelError where one is amiss."""
    wanted, paths = find(name, models)
    return wanted, {role: wanted.files[role].read(path, name) for role, path in paths.items()}


def verify(name: str, models: Path | None = None) -> Path:
    """The main file, after checking all of them. ModelError: not known, not here, or not the same."""
    load(name, models)
    return find(name, models)[1]["model"]


def add(files: Mapping[str, bytes], new: Card, into: Path | None = None) -> Path:
    """Keep a model of one's own: write its files, by role, and its card into the folder `into` (the cache).

    UsageError: the name or a file name belongs to another model. ModelError: a file is not the card's.
    """
    folder = into or cache_folder()
    taken = {entry.file for entry in new.files.values()}
    for other in cards(folder).values():
        theirs = {entry.file for entry in other.files.values()}
        if other != new and (other.name == new.name or taken & theirs):
            raise UsageError(
                f"the model '{other.name}' has this name or file name already",
                where=f"model '{new.name}'",
                fix="choose another one",
            )
    for role, entry in new.files.items():
        entry.check(files[role], f"model '{new.name}' ({role})")
    for role, entry in new.files.items():
        with new_file(folder / entry.file) as target:
            target.write(files[role])
    with new_file(folder / f"{new.name}.card.yaml") as target:
        target.write(new.to_yaml().encode())
    return folder / new.main.file


def is_whole(name: str, entry: ModelFile, path: Path) -> bool:
    """Whether the file is there, with the size and hash on the card."""
    try:
        entry.read(path, name)
    except ModelError:
        return False
    return True


def _read(path: Path) -> Card:
    return Card.from_yaml(path.read_text("utf-8"), str(path))


def _located(wanted: Card, models: Path | None) -> Mapping[str, Path] | None:
    paths = {role: _locate(entry, models) for role, entry in wanted.files.items()}
    found = {role: path for role, path in paths.items() if path is not None}
    return found if len(found) == len(paths) else None


def _locate(entry: ModelFile, models: Path | None) -> Path | None:
    for folder in folders(models):
        if (path := folder / entry.file).is_file():
            return path
    return installed(entry) if entry.made_from is None else None


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place only when the block ends well; half a file is never seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # with the rights that any new file of the user's has: others may share the folder
    part = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
