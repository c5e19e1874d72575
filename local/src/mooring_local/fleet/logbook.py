"""Lines that containers and the platform say, kept by group and stream as CloudWatch Logs does.

`fleet/` and `batch/` write here; the Logs API, the page and the command line read.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import quote, unquote

import structlog

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes. A stream is two files of it at most: the one that grows and the one before."""
MOST_STREAMS = 64
"""Of one group: each replaced instance leaves one behind."""
LONGEST_MESSAGE = 256 * 1024
"""Characters; CloudWatch's own limit is as many bytes."""
_BLOCK = 64 * 1024
_NOW, _BEFORE = ".jsonl", ".before.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """One line."""

    timestamp_ms: int
    message: str


@dataclass(frozen=True, slots=True)
class Stream:
    """What a group has of one instance; times in milliseconds since 1970."""

    name: str
    first_ms: int
    last_ms: int
    size: int
    """Bytes on the disk."""


class Logbook:
    """Files `<root>/<group>/<stream>.jsonl`, bounded. May be used from several threads."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()
        self._full = False
        """The last line could not be written; that has been told."""
        self._log = structlog.get_logger("mooring_local.logbook").bind()

    def append(self, group: str, stream: str, message: str, at: float | None = None) -> None:
        """One line, said `at` (seconds since 1970; None: now). What is too long is cut, and says so.

        What cannot be written, on a full disk, is lost: whoever said it goes on.
        """
        when = int(1000 * (self._clock() if at is None else at))
        if len(message) > LONGEST_MESSAGE:
            message = f"{message[:LONGEST_MESSAGE]} … ({len(message)} characters)"
        line = json.dumps([when, message], ensure_ascii=False) + "\n"
        with self._lock:
            try:
                self._write(self._path(group, stream), line)
                self._full = False
            except OSError as error:
                if not self._full:
                    self._log.error("lines of endpoints are lost", reason=str(error))
                self._full = True

    def groups(self, prefix: str = "") -> list[str]:
        """Names of those that have a stream, sorted."""
        if not self._root.is_dir():
            return []
        names = (unquote(path.name) for path in self._root.iterdir() if path.is_dir())
        return sorted(name for name in names if name.startswith(prefix))

    def streams(self, group: str) -> list[Stream]:
        """Those of a group, by name; none if there is no such group."""
        folder = self._root / _safe(group)
        with self._lock:
            paths = sorted(folder.glob(f"*{_NOW}")) if folder.is_dir() else []
            return [_described(path) for path in paths if not path.name.endswith(_BEFORE)]

    def events(self, group: str, stream: str) -> list[Event]:
        """All that is kept of it, oldest first; nothing if there is no such stream."""
        path = self._path(group, stream)
        with self._lock:
            return list(chain.from_iterable(_read(file) for file in (_before(path), path) if file.exists()))

    def last(self, group: str, stream: str, count: int) -> list[Event]:
        """Its last `count`, oldest first, without reading what is before them."""
        path = self._path(group, stream)
        with self._lock:
            found = _read_end(path, count)
            return found if len(found) == count else [*_read_end(_before(path), count - len(found)), *found]

    def tail(self, group: str, stream: str, count: int) -> list[str]:
        """The messages of `last`."""
        return [event.message for event in self.last(group, stream, count)]

    def since(self, group: str, stream: str, at_ms: int) -> Generator[Event, None, None]:
        """All that is kept of it from the first one of that time on, read as it is asked for.

        Close it when no more is wanted.
        """
        path = self._path(group, stream)
        with contextlib.ExitStack() as files:
            with self._lock:  # what is open stays what it was, whatever it is called later
                found = [
                    files.enter_context(one.open(encoding="utf-8")) for one in (_before(path), path) if one.exists()
                ]
            reached = False
            for line in chain.from_iterable(found):
                # Most of a long stream is not wanted: its times are enough to pass it over.
                reached = reached or ("," in line and int(line[1 : line.index(",")]) >= at_ms)
                if reached and line.endswith("\n"):
                    yield Event(*json.loads(line))

    def _write(self, path: Path, line: str) -> None:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._forget_oldest(path.parent)
        elif path.stat().st_size > LARGEST_FILE:
            path.replace(_before(path))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line)

    def _path(self, group: str, stream: str) -> Path:
        return self._root / _safe(group) / f"{_safe(stream)}{_NOW}"

    def _forget_oldest(self, folder: Path) -> None:
        """Makes room for one more stream. Called with the lock held."""
        paths = [path for path in folder.glob(f"*{_NOW}") if not path.name.endswith(_BEFORE)]
        paths.sort(key=lambda path: path.stat().st_mtime)
        for path in paths[: max(0, len(paths) - MOST_STREAMS + 1)]:
            path.unlink(missing_ok=True)
            _before(path).unlink(missing_ok=True)


def endpoint_group(endpoint: str) -> str:
    """The log group of an endpoint, as the platform names it."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def _safe(name: str) -> str:
    """A name as a file's: no slashes, and no dots at its beginning."""
    return quote(name, safe="").replace(".", "%2E")


def _before(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(_NOW) + _BEFORE)


def _described(path: Path) -> Stream:
    files = [file for file in (_before(path), path) if file.exists()]
    events = _read(files[0], 1)
    first = events[0].timestamp_ms if events else 0
    last = int(1000 * path.stat().st_mtime)
    size = sum(file.stat().st_size for file in files)
    return Stream(unquote(path.name.removesuffix(_NOW)), first, max(first, last), size)


def _read(path: Path, most: int | None = None) -> list[Event]:
    """Its events, the first `most` of them. A last line that a kill -9 cut off is left out."""
    events: list[Event] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                events.append(Event(*json.loads(line)))
            if len(events) == most:
                break
    return events


def _read_end(path: Path, count: int) -> list[Event]:
    """Its last `count` events; none if there is no such file."""
    if count <= 0 or not path.exists():
        return []
    with path.open("rb") as file:
        at = size = file.seek(0, 2)
        end = b""
        while at and end.count(b"\n") <= count:
            at = max(0, size - 2 * (size - at) - _BLOCK)
            file.seek(at)
            end = file.read(size - at)
    # The first of these may have lost its beginning, the last its end.
    lines = end.split(b"\n")[:-1]
    return [Event(*json.loads(line)) for line in (lines if at == 0 else lines[1:])[-count:]]
