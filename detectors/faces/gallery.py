"""A gallery: the faces of people who are known, in one file.

    with Gallery.create(Path("team.faces"), identity) as gallery:
        gallery.add("Ada", features[0], crop=crops[0], origin="ada.jpg")

It is an SQLite database (`sqlite3 team.faces "select name from people"` lists who is in it): every change is
all or nothing, and nothing in it is ever run. It is bound to one model by name and hash, since vectors of two
models cannot be compared. A gallery holds biometric data: the file is made readable by its owner alone.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.errors import ModelError, UsageError
from vidstream.types import Pixels

Features: TypeAlias = npt.NDArray[np.float32]

#: SQLite's place for what kind of file this is ("VFAC"), and the version of the tables
_APPLICATION, _VERSION = 0x56464143, 1
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE faces (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    feature BLOB NOT NULL,
    crop BLOB,
    origin TEXT NOT NULL,
    added TEXT NOT NULL
);
"""
_LONGEST_NAME = 100


class Identity(NamedTuple):
    """The model that made a gallery's vectors."""

    name: str
    #: of its main file; empty for methods that are trained on the gallery itself
    sha256: str


class Person(NamedTuple):
    """Somebody in a gallery."""

    name: str
    faces: int
    #: when the first face was added, UTC
    since: str


class Gallery:
    """An open gallery. Use it from one thread, and close it.

    ModelError: no gallery, one of another version or another model.
    """

    def __init__(self, path: Path, *, identity: Identity | None = None, write: bool = False) -> None:
        self.path = path
        self._where = f"gallery '{path}'"
        if not path.is_file():
            raise ModelError(
                "no such file",
                where=self._where,
                fix="make one: python run.py faces enrol NAME --from PICTURES",
            )
        address = f"{path.resolve().as_uri()}?mode={'rw' if write else 'ro'}"
        self._db = sqlite3.connect(address, uri=True)
        try:
            self._check(identity)
        except BaseException:
            self._db.close()
            raise

    @classmethod
    def create(cls, path: Path, identity: Identity) -> Self:
        """A new, empty gallery for vectors of this model. UsageError: the file exists already."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise UsageError("exists already", where=f"gallery '{path}'", fix="choose another name") from None
        except OSError as error:
            raise UsageError(
                f"cannot be made: {error.strerror}", where=f"gallery '{path}'", fix="check the folder"
            ) from error
        db = sqlite3.connect(path)
        marks = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_VERSION};"
        db.executescript(f"BEGIN; {marks} {_TABLES} COMMIT;")
        with db:
            db.executemany("INSERT INTO meta VALUES (?, ?)", identity._asdict().items())
        db.close()
        return cls(path, write=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def identity(self) -> Identity:
        """The model its vectors come from."""
        return Identity(self._meta("name"), self._meta("sha256"))

    @property
    def people(self) -> list[Person]:
        """Everybody in it, by name."""
        with self._guarded() as db:
            rows = db.execute(
                "SELECT name, count(faces.id), coalesce(min(added), '') FROM people "
                "LEFT JOIN faces ON person = people.id GROUP BY people.id ORDER BY name"
            ).fetchall()
        return [Person(*row) for row in rows]

    def add(self, name: str, feature: Features, *, crop: Pixels | None = None, origin: str = "") -> None:
        """Add one face of `name`: its vector (D,), a picture of it to look at, and where it comes from.

        UsageError: no name; ModelError: a vector of another length than those in it.
        """
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise UsageError(f"'{name}' is no name", fix=f"give 1 to {_LONGEST_NAME} printable letters")
        row = np.ascontiguousarray(feature, "<f4")
        now = datetime.now(UTC).isoformat("T", "seconds")
        with self._guarded() as db:
            (other,) = db.execute("SELECT min(length(feature)) FROM faces").fetchone()
            if other is not None and other != row.nbytes:
                raise ModelError(f"holds vectors of {other // 4} numbers, not {row.size}", where=self._where)
            db.execute("INSERT OR IGNORE INTO people (name) VALUES (?)", (name.strip(),))
            db.execute(
                "INSERT INTO faces (person, feature, crop, origin, added) "
                "SELECT id, ?, ?, ?, ? FROM people WHERE name = ?",
                (row.tobytes(), _png(crop), origin, now, name.strip()),
            )

    def remove(self, name: str) -> int:
        """Take a person out, and give how many faces went. UsageError: nobody of this name.

        The file is rewritten, so that nothing of them stays in it.
        """
        found = {person.name: person.faces for person in self.people}
        if name not in found:
            raise UsageError(f"nobody is called '{name}'", where=self._where, fix="see: faces list")
        with self._guarded() as db:
            db.execute("DELETE FROM faces WHERE person = (SELECT id FROM people WHERE name = ?)", (name,))
            db.execute("DELETE FROM people WHERE name = ?", (name,))
        with self._guarded() as db:
            db.commit()
            db.execute("VACUUM")
        return found[name]

    def rows(self) -> tuple[list[str], Features]:
        """The name behind every face, and their vectors (N, D), in the order they were added."""
        with self._guarded() as db:
            rows = db.execute(
                "SELECT name, feature FROM faces JOIN people ON person = people.id ORDER BY faces.id"
            ).fetchall()
        if not rows:
            return [], np.zeros((0, 0), np.float32)
        try:
            vectors = np.stack([np.frombuffer(data, "<f4") for _, data in rows])
        except (ValueError, TypeError) as error:
            raise self._damaged("vectors of several lengths") from error
        if not np.isfinite(vectors).all():
            raise self._damaged("vectors that are no numbers")
        return [str(name) for name, _ in rows], vectors

    @property
    def calibration(self) -> Mapping[str, Any] | None:
        """What `calibrate` found out for this gallery's model; None before."""
        text = self._meta("calibration")
        try:
            found = json.loads(text) if text else None
            return None if found is None else {**found, "threshold": float(found["threshold"])}
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged("a calibration that is none") from error

    def keep_calibration(self, calibration: Mapping[str, Any]) -> None:
        """Keep it, in place of an earlier one; ``threshold`` is where somebody counts as known."""
        with self._guarded() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('calibration', ?)", (json.dumps(calibration),))

    @property
    def others_may_read(self) -> bool:
        """Whether users other than the file's owner can read it (never on Windows)."""
        return os.name == "posix" and bool(self.path.stat().st_mode & 0o077)

    def _meta(self, key: str) -> str:
        with self._guarded() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        """The database for one change, all or nothing; its errors as ours."""
        try:
            with self._db:
                yield self._db
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, what: str) -> ModelError:
        fix = "check that the file is whole, yours to write, and not in use elsewhere"
        return ModelError(f"cannot be used: {what}", where=self._where, fix=fix)

    def _check(self, identity: Identity | None) -> None:
        try:
            kind, version = (
                self._db.execute(f"PRAGMA {k}").fetchone()[0] for k in ("application_id", "user_version")
            )
        except sqlite3.DatabaseError:
            kind, version = 0, 0
        if kind != _APPLICATION:
            raise ModelError("is not a gallery of faces", where=self._where, fix="check the path")
        if version != _VERSION:
            raise ModelError(
                f"is of version {version}, this program reads {_VERSION}", where=self._where,
                fix="use the version of the program that made it",
            )  # fmt: skip
        # nothing that the file itself defines may do more than look
        for setting in ("foreign_keys = ON", "trusted_schema = OFF"):
            self._db.execute(f"PRAGMA {setting}")
        mine = self.identity
        if identity is not None and identity != mine:
            theirs = "another file of that name" if identity.name == mine.name else f"'{identity.name}'"
            raise ModelError(
                f"was made with the model '{mine.name}', not with {theirs}: their vectors cannot be compared",
                where=self._where,
                fix=f"set model: {mine.name}, or enrol everybody anew into another gallery",
            )


def _png(crop: Pixels | None) -> bytes | None:
    return None if crop is None else bytes(cv2.imencode(".png", crop)[1])
