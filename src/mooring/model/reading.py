"""Large files read once into memory of the caller's, hashed on the way.

Nothing is mapped: what is served cannot change, and cannot vanish, when somebody writes into a file, truncates it or
puts another one in its place.
"""

import contextlib
import errno
import io
import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from mooring.errors import ModelInvalid

_CHUNK = 8 << 20


class Digest(Protocol):
    """A hash of hashlib's."""

    def update(self, data: memoryview, /) -> None: ...


def open_file(path: Path) -> io.FileIO:
    """A file to read from, unbuffered. Raises OSError, also for a folder, a pipe or a device."""
    # Otherwise opening a pipe waits for whoever writes into it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "folder" if stat.S_ISDIR(mode) else "pipe" if stat.S_ISFIFO(mode) else "device or socket"
            raise OSError(errno.EINVAL, f"it is a {kind}, not a file", str(path))
        return io.FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Around reads: their OSError names no file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


class OpenFile:
    """A file that is opened once; later reads are of the same one, whatever its name means by then.

    Raises OSError; whoever opens a model turns it into a ModelError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Unbuffered: what is read goes straight into the caller's memory.
        self._file = open_file(path)
        self._close = weakref.finalize(self, self._file.close)
        self.size = os.fstat(self._file.fileno()).st_size

    def rewind(self) -> None:
        """Read from the beginning again."""
        self._file.seek(0)

    def read_into(self, target: memoryview, digest: Digest | None = None) -> None:
        """Fill `target`, which is of single bytes. Raises ModelInvalid if the file ends before that."""
        done = 0
        while done < len(target):
            part = target[done : done + _CHUNK]
            with naming(self.path):
                count = self._file.readinto(part)
            if not count:
                raise ModelInvalid(
                    f"{self.path.name} became shorter while it was read: {len(target) - done} bytes are missing.",
                    hint="Do not write into a model's files while it is loaded; put a new folder in their place.",
                )
            if digest is not None:
                digest.update(part[:count])
            done += count

    def close(self) -> None:
        """Let go of the file; whoever forgets this object has that done for him."""
        self._close()
