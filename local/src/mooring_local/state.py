"""The state of the local SageMaker: documents by kind and name, and tags by ARN, in one SQLite file.

A document is what Describe returns, as JSON; times are epoch seconds. Every change is committed at once, so that
kill -9 loses nothing that was acknowledged. Thread-safe.
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
"""Version of the tables. Increase it when older files become unreadable."""

TABLES = frozenset({"documents", "tags"})
_TABLES = """
CREATE TABLE IF NOT EXISTS documents (kind TEXT, name TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tags (arn TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (arn, key)) WITHOUT ROWID;
"""


class State:
    """The file at `path`, created if it is missing. `:memory:` works too."""

    def __init__(self, path: Path) -> None:
        """Raise UsageError for another program's database, and for an empty or damaged file."""
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
            raise _unusable(path, "it is empty, and its contents are lost")
        layout = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if layout not in (0, LAYOUT) and tables >= TABLES:
            raise UsageError(
                f"{path} was written by another version of Mooring (layout {layout}, this version reads {LAYOUT}).",
                hint="Choose another folder with --data, or delete this one.",
            )
        if layout != LAYOUT or not tables >= TABLES:
            raise _unusable(path, f"it is another program's database (tables: {', '.join(sorted(tables))})")
        # Otherwise damage would show up later, in the middle of a request.
        found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> None:
        """Write the document, replacing any of that name."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, name, _encode(document)))

    def add(self, kind: str, name: str, document: Mapping[str, Any]) -> bool:
        """Write the document unless that name exists: then return False and change nothing."""
        with self._lock:
            done = self._db.execute("INSERT OR IGNORE INTO documents VALUES (?, ?, ?)", (kind, name, _encode(document)))
            return done.rowcount == 1

    def change(
        self, kind: str, name: str, members: Mapping[str, Any], drop: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        """Set these members, remove those in `drop`, and return the document; None if it does not exist."""
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
        """A copy of the document; None if it does not exist."""
        with self._lock:
            row = self._db.execute("SELECT body FROM documents WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        return None if row is None else json.loads(row[0])

    def delete(self, kind: str, name: str) -> bool:
        """Delete the document; whether it existed."""
        with self._lock:
            done = self._db.execute("DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name))
            return done.rowcount == 1

    def all(self, kind: str) -> list[dict[str, Any]]:
        """All documents of a kind, sorted by name."""
        with self._lock:
            rows = self._db.execute("SELECT body FROM documents WHERE kind = ? ORDER BY name", (kind,)).fetchall()
        return [json.loads(row[0]) for row in rows]

    def tags(self, arn: str) -> dict[str, str]:
        """Tags sorted by key; empty if the resource has none or does not exist."""
        with self._lock:
            return dict(self._db.execute("SELECT key, value FROM tags WHERE arn = ? ORDER BY key", (arn,)).fetchall())

    def set_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags; an existing key gets the new value."""
        with self._lock:
            rows = [(arn, key, value) for key, value in tags.items()]
            self._db.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", rows)

    def drop_tags(self, arn: str, keys: Iterable[str] | None = None) -> None:
        """Remove these keys, or all."""
        with self._lock:
            if keys is None:
                self._db.execute("DELETE FROM tags WHERE arn = ?", (arn,))
            else:
                self._db.executemany("DELETE FROM tags WHERE arn = ? AND key = ?", [(arn, key) for key in keys])

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()


def _create(path: Path) -> None:
    """Create the file under another name and rename it when complete, so that an empty file always means data loss."""
    for left in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-journal")):
        if left.exists():
            raise _unusable(path, f"it is missing, but its journal {left.name} exists")
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    # It contains models' environment variables, which may hold secrets.
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
        f"Cannot use {path}: {why}.",
        hint="Restore a copy of the file, choose another folder with --data, or delete the file to start empty.",
    )


def _encode(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
