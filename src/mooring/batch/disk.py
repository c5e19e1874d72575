"""Corpora and answers on a disk, or on a file system that all machines of a cluster mount."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mooring.batch.manifest import SourceFile
from mooring.batch.patterns import Pattern, has_magic, pattern_of
from mooring.batch.places import HIDDEN, Output
from mooring.errors import BatchError, UsageError

UNFINISHED = ".tmp"
"""Suffix of a part that is being written. Its name begins with a dot."""
CONTINUE = "Then run the same command again to continue."


class Disk:
    """A `Place`."""

    def find(self, pattern: str, suffixes: tuple[str, ...]) -> list[SourceFile]:
        """See `Place.find`."""
        path = Path(pattern)
        if path.is_dir():
            found = [one for one in _inside(path) if one.suffix.lower() in suffixes and one.is_file()]
        elif path.exists() or not has_magic(pattern):
            found = [path]
        else:
            found = [one for one in _matching(pattern_of(path.as_posix())) if one.is_file()]
        return [_described(one) for one in sorted(found)]

    def open(self, path: str) -> BinaryIO:
        """See `Place.open`."""
        return Path(path).open("rb")

    def output(self, path: str) -> Output:
        """See `Place.output`."""
        return DiskOutput(_absolute(path))


def _absolute(path: str | Path) -> str:
    """Without following links, which may change."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.resolve follows them


def _inside(folder: Path) -> Iterator[Path]:
    """Everything below it that is not hidden. Raises UsageError for a folder that cannot be read."""
    for where, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        yield from (Path(where, name) for name in names if not name.startswith(HIDDEN))


def _matching(pattern: Pattern) -> Iterator[Path]:
    """What it matches. Raises UsageError for a folder that it leads to and that cannot be read."""
    top = Path(pattern.folder)
    # Links may form a circle, which a pattern without ** leaves at its depth.
    for where, folders, names in os.walk(top, onerror=_refuse, followlinks=not pattern.deep):
        inner = Path(where).relative_to(top).parts
        folders[:] = [name for name in folders if pattern.leads((*inner, name))]
        yield from (Path(where, name) for name in names if pattern.matches((*inner, name)))


def _refuse(error: OSError) -> None:
    raise _unreadable(error.filename, error) from error


def _unreadable(path: str | Path, error: OSError) -> UsageError:
    hint = "Check the path and the permissions. A pattern such as 'data/*.jsonl' needs quotes."
    return UsageError(f"Cannot read {path}: {error.strerror or error}.", hint=hint)


def _described(path: Path) -> SourceFile:
    try:
        facts = path.stat()
        if not path.is_file():
            raise UsageError(f"{path} is not a regular file.", hint="Write its contents to a file, or name a folder.")
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from error
    return SourceFile(_absolute(path), facts.st_size, facts.st_mtime_ns)


class DiskOutput:
    """An `Output`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._folder = Path(path)

    def holds(self, path: str) -> bool:
        """See `Output.holds`. Links are followed: a folder may have several paths."""
        return Path(path).resolve().is_relative_to(self._folder.resolve())

    def names(self) -> list[str]:
        """See `Output.names`."""
        try:
            return sorted(one.name for one in self._folder.iterdir() if not _unfinished(one))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failed(self._folder, error) from error

    def read(self, name: str) -> bytes | None:
        """See `Output.read`."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(self._folder / name, error) from error

    def write(self, name: str, data: bytes) -> None:
        """See `Output.write`."""
        with self.part(name) as file:
            file.write(data)

    @contextmanager
    def part(self, name: str) -> Iterator[BinaryIO]:
        """See `Output.part`. The name of the unfinished file is random: Ray may run a shard on two machines."""
        temporary = self._folder / f".{name}.{secrets.token_hex(4)}{UNFINISHED}"
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / name)
        except OSError as error:
            raise self._failed(self._folder / name, error) from error
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """See `Output.reserved`. The lock is on the folder itself and ends with the process, however that ends."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY)
        except OSError as error:
            raise self._failed(self._folder, error) from error
        try:
            _lock(descriptor, self._folder)
            self._clean()
            yield
            self._clean()
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):  # if nothing was written to it
                self._folder.rmdir()

    def _clean(self) -> None:
        for one in self._folder.iterdir():
            if _unfinished(one):
                one.unlink(missing_ok=True)

    def _failed(self, path: Path, error: OSError) -> BatchError:
        return BatchError(
            f"Cannot use {path}: {error.strerror or error}.",
            hint=f"Check the free space and the permissions of that folder. {CONTINUE}",
        )


def _unfinished(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(UNFINISHED)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BatchError(
            f"Another `moor batch` is writing to {folder}.", hint="Wait until it has ended, or name another folder."
        ) from error
    except OSError:  # a file system without locks
        return
