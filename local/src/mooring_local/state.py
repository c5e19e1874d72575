"""What the local SageMaker remembers: documents by kind and name, and tags by ARN, in one SQLite file.

A document is what Describe answers, as JSON; times are epoch seconds. Everything is written through at once, so that
kill -9 loses nothing that was answered. Used by every service, from any thread.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mooring.errors import UsageError

IN_MEMORY = Path(":memory:")
LAYOUT = 1
"""Of the tables. Raised when an older file could not be read as it is."""

TABLES = frozenset({"documents", "tags"})
_TABLES = """
CREATE TABLE IF NOT EXISTS documents (kind TEXT, name TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tags (arn TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (arn, key)) WITHOUT ROWID;
"""


class State:
    """The file at `path`, made when there is none. `:memory:` works too."""

    def __init__(self, path: Path) -> None:
        """Raise UsageError for a file that is not a database of ours, and for an empty or a damaged one."""
        self._lock = threading.RLock()
        try:
            if path != IN_MEMORY and not path.exists():
                _create(path)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        except (OSError, sqlite3.DatabaseError) as error:
            raise _unusable(path, str(error)) from None
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise _unusable(path, str(error)) from None
        except UsageError:
            self._db.close()
            raise

    def _open(self, path: Path) -> None:
        if path == IN_MEMORY:
            _fill(self._db)
            return
        if path.stat().st_size == 0:
            raise _unusable(path, "it is empty, so whatever was in it is lost")
        layout = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if layout not in (0, LAYOUT) and tables >= TABLES:
            raise UsageError(
                f"{path} was written by another version of Mooring (layout {layout}, this one knows {LAYOUT}).",
                hint="Name another folder with --data, or remove this one.",
            )
        if layout != LAYOUT or not tables >= TABLES:
            raise _unusable(path, f"it is a database of another program, with the tables {', '.join(sorted(tables))}")
        # Else damage would show later, in the middle of somebody's request.
        found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> None:
        """Write it, over whatever was there."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, name, _encode(document)))

    def add(self, kind: str, name: str, document: Mapping[str, Any]) -> bool:
        """Write it unless there is one of that name: then False, and nothing has changed."""
        with self._lock:
            done = self._db.execute("INSERT OR IGNORE INTO documents VALUES (?, ?, ?)", (kind, name, _encode(document)))
            return done.rowcount == 1

    def change(
        self, kind: str, name: str, members: Mapping[str, Any], drop: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        """Set these members of the document, without those to drop, and return it; None, and no more, if it is gone."""
        with self._lock:
            document = self.get(kind, name)
            if document is None:
                return None
            for member in drop:
                document.pop(member, None)
            document.update(members)
            self.put(kind, name, document)
            return document

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """A copy: changing it changes nothing here."""
        with self._lock:
            row = self._db.execute("SELECT body FROM documents WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        return None if row is None else json.loads(row[0])

    def delete(self, kind: str, name: str) -> bool:
        """Whether there was one."""
        with self._lock:
            done = self._db.execute("DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name))
            return done.rowcount == 1

    def all(self, kind: str) -> list[dict[str, Any]]:
        """By name."""
        with self._lock:
            rows = self._db.execute("SELECT body FROM documents WHERE kind = ? ORDER BY name", (kind,)).fetchall()
        return [json.loads(row[0]) for row in rows]

    def tags(self, arn: str) -> dict[str, str]:
        """By key; empty for what has none and for what does not exist."""
        with self._lock:
            return dict(self._db.execute("SELECT key, value FROM tags WHERE arn = ? ORDER BY key", (arn,)).fetchall())

    def set_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add these; a key that is there gets the new value."""
        with self._lock:
            rows = [(arn, key, value) for key, value in tags.items()]
            self._db.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", rows)

    def drop_tags(self, arn: str, keys: Iterable[str] | None = None) -> None:
        """Remove these, or all of them."""
        with self._lock:
            if keys is None:
                self._db.execute("DELETE FROM tags WHERE arn = ?", (arn,))
            else:
                self._db.executemany("DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in keys])

    def close(self) -> None:
        """Nothing can be asked of it afterwards."""
        with self._lock:
            self._db.close()


def _create(path: Path) -> None:
    """A new file, in its place only when it is whole: one that is there and empty has lost what was in it."""
    for left in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-journal")):
        if left.exists():
            raise _unusable(path, f"it is missing, but changes to it are in {left.name}")
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    # The environments of models are in it, with whatever keys they hold.
    new.touch(mode=0o600)
    db = sqlite3.connect(new, isolation_level=None)
    try:
        _fill(db)
    finally:
        db.close()
    new.replace(path)


def _fill(db: sqlite3.Connection) -> None:
    db.executescript(_TABLES)
    db.execute(f"PRAGMA user_version = {LAYOUT}")


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} cannot be used: {why}.",
        hint="Put a copy of it back, name another folder with --data, or remove the file to start with nothing.",
    )


def _encode(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
