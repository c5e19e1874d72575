"""Log lines of containers and of the platform, by group and stream as in CloudWatch Logs."""

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
"""Bytes. A stream has at most two files: the current one and the one before."""
MOST_STREAMS = 64
"""Streams per group: each replaced instance leaves one behind."""
LONGEST_MESSAGE = 256 * 1024
"""Characters; CloudWatch limits the bytes."""
_BLOCK = 64 * 1024
_NOW, _BEFORE = ".jsonl", ".before.jsonl"


@dataclass(frozen=True, slots=True)
class Event:
    """One log line."""

    timestamp_ms: int
    message: str


@dataclass(frozen=True, slots=True)
class Stream:
    """The log of one instance; times in epoch milliseconds."""

    name: str
    first_ms: int
    last_ms: int
    size: int
    """Bytes on the disk."""


class Logbook:
    """Files `<root>/<group>/<stream>.jsonl` of bounded size. Thread-safe."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()
        self._full = False
        """The last write failed, and that was logged."""
        self._log = structlog.get_logger("mooring_local.logbook").bind()

    def append(self, group: str, stream: str, message: str, at: float | None = None) -> None:
        """Append one line with time `at` (epoch seconds; None: now). Long lines are cut and marked.

        On a full disk the line is lost; the caller is not interrupted.
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
                    self._log.error("could not write logs of endpoints; lines are lost", reason=str(error))
                self._full = True

    def groups(self, prefix: str = "") -> list[str]:
        """Sorted names of the groups that have a stream."""
        if not self._root.is_dir():
            return []
        names = (unquote(path.name) for path in self._root.iterdir() if path.is_dir())
        return sorted(name for name in names if name.startswith(prefix))

    def streams(self, group: str) -> list[Stream]:
        """Streams of a group by name; empty for an unknown group."""
        folder = self._root / _safe(group)
        with self._lock:
            paths = sorted(folder.glob(f"*{_NOW}")) if folder.is_dir() else []
            return [_described(path) for path in paths if not path.name.endswith(_BEFORE)]

    def events(self, group: str, stream: str) -> list[Event]:
        """All stored events, oldest first; empty for an unknown stream."""
        path = self._path(group, stream)
        with self._lock:
            return list(chain.from_iterable(_read(file) for file in (_before(path), path) if file.exists()))

    def last(self, group: str, stream: str, count: int) -> list[Event]:
        """The last `count` events, oldest first, without reading earlier ones."""
        path = self._path(group, stream)
        with self._lock:
            found = _read_end(path, count)
            return found if len(found) == count else [*_read_end(_before(path), count - len(found)), *found]

    def tail(self, group: str, stream: str, count: int) -> list[str]:
        """The messages of `last`."""
        return [event.message for event in self.last(group, stream, count)]

    def since(self, group: str, stream: str, at_ms: int) -> Generator[Event, None, None]:
        """Stored events from that time on, read lazily.

        Close the generator when done.
        """
        path = self._path(group, stream)
        with contextlib.ExitStack() as files:
            with self._lock:  # an open file stays the same when it is renamed
                found = [
                    files.enter_context(one.open(encoding="utf-8")) for one in (_before(path), path) if one.exists()
                ]
            reached = False
            for line in chain.from_iterable(found):
                # Compare times first, to skip most of a long stream cheaply.
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
        """Make room for one more stream. Call with the lock held."""
        paths = [path for path in folder.glob(f"*{_NOW}") if not path.name.endswith(_BEFORE)]
        paths.sort(key=lambda path: path.stat().st_mtime)
        for path in paths[: max(0, len(paths) - MOST_STREAMS + 1)]:
            path.unlink(missing_ok=True)
            _before(path).unlink(missing_ok=True)


def endpoint_group(endpoint: str) -> str:
    """SageMaker's name for the log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def _safe(name: str) -> str:
    """A safe file name: no slashes and no leading dot."""
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
    """The first `most` events. Skips a last line that kill -9 cut off."""
    events: list[Event] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                events.append(Event(*json.loads(line)))
            if len(events) == most:
                break
    return events


def _read_end(path: Path, count: int) -> list[Event]:
    """The last `count` events; empty if the file does not exist."""
    if count <= 0 or not path.exists():
        return []
    with path.open("rb") as file:
        at = size = file.seek(0, 2)
        end = b""
        while at and end.count(b"\n") <= count:
            at = max(0, size - 2 * (size - at) - _BLOCK)
            file.seek(at)
            end = file.read(size - at)
    # The first and last of these lines may be incomplete.
    lines = end.split(b"\n")[:-1]
    return [Event(*json.loads(line)) for line in (lines if at == 0 else lines[1:])[-count:]]
