"""The tables of an event database, and how one of an older version is brought up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from vidstream.errors import SinkError

#: says that a database is one of ours: "vsEV" (PRAGMA application_id)
APPLICATION: Final = 0x76734556

#: entry i brings a database from version i to i + 1 (PRAGMA user_version); what has been published stays
MIGRATIONS: Final = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, started REAL NOT NULL, ended REAL, process INTEGER NOT NULL
    );
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, source TEXT NOT NULL,
        kind TEXT NOT NULL, name TEXT NOT NULL, class TEXT NOT NULL, track INTEGER,
        segment INTEGER, seq INTEGER, pts REAL, wall REAL, time REAL NOT NULL,
        box TEXT, data TEXT NOT NULL, clip TEXT, snapshot TEXT
    );
    CREATE INDEX events_time ON events (time);
    CREATE TABLE tracks (
        run INTEGER NOT NULL, number INTEGER NOT NULL, source TEXT NOT NULL, track INTEGER NOT NULL,
        class TEXT NOT NULL, frames INTEGER NOT NULL, ended INTEGER NOT NULL,
        first_segment INTEGER, first_pts REAL, first_wall REAL, first_time REAL NOT NULL,
        last_segment INTEGER, last_pts REAL, last_wall REAL, last_time REAL NOT NULL, last_box TEXT,
        best_pts REAL, best_score REAL, best_box TEXT,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
    CREATE INDEX tracks_time ON tracks (last_time);
    CREATE TABLE counts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, source TEXT NOT NULL,
        place TEXT NOT NULL, label TEXT NOT NULL, value REAL,
        segment INTEGER, seq INTEGER, pts REAL, wall REAL, time REAL NOT NULL
    );
    CREATE INDEX counts_time ON counts (time);
    """,
    """
    CREATE TABLE sources (
        run INTEGER NOT NULL, source TEXT NOT NULL, uri TEXT NOT NULL, width INTEGER, height INTEGER,
        fps REAL, live INTEGER NOT NULL, time REAL NOT NULL,
        PRIMARY KEY (run, source)
    ) WITHOUT ROWID;
    CREATE TABLE states (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, source TEXT NOT NULL,
        state TEXT NOT NULL, cause TEXT NOT NULL, time REAL NOT NULL
    );
    CREATE INDEX states_time ON states (time);
    """,
)
VERSION: Final = len(MIGRATIONS)

#: how a row gets into its table; its first value is the number of the run
INSERT: Final = {
    "sources": "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "events": "INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "tracks": """
        INSERT INTO tracks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET class = excluded.class, frames = excluded.frames, ended = excluded.ended,
            last_segment = excluded.last_segment, last_pts = excluded.last_pts,
            last_wall = excluded.last_wall, last_time = excluded.last_time, last_box = excluded.last_box,
            best_pts = excluded.best_pts, best_score = excluded.best_score, best_box = excluded.best_box
    """,
    "counts": "INSERT INTO counts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "states": "INSERT INTO states VALUES (NULL, ?, ?, ?, ?, ?)",
}
#: drop what is older than a UTC second, of each table not too much in one transaction
FORGET: Final = (
    "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE time < ? LIMIT 5000)",
    "DELETE FROM counts WHERE id IN (SELECT id FROM counts WHERE time < ? LIMIT 5000)",
    "DELETE FROM states WHERE id IN (SELECT id FROM states WHERE time < ? LIMIT 5000)",
    """
    DELETE FROM tracks WHERE (run, number) IN
        (SELECT run, number FROM tracks WHERE last_time < ? LIMIT 5000)
    """,
)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a database that may be ours; 0 for an empty one. SinkError where it is none."""
    place = f"event database '{path}'"
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (tables or version):
        raise SinkError("is a database of another program", where=place, fix="name another file")
    if version > VERSION:
        what = f"has version {version}, but this program knows versions up to {VERSION}"
        raise SinkError(what, where=place, fix="use a newer vidstream, or another file")
    return int(version)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Make what is missing, one version after the other, each as a whole or not at all."""
    for number in range(version_of(connection, path), VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA application_id = {APPLICATION};"
            f"PRAGMA user_version = {number + 1}; COMMIT;"
        )
