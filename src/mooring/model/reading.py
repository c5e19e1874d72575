"""Read large files once into the caller's memory, hashing them on the way.

Nothing is memory-mapped, so what is served cannot change or vanish when a file is written to, truncated or replaced.
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
    """A hashlib hash."""

    def update(self, data: memoryview, /) -> None: ...


def open_file(path: Path) -> io.FileIO:
    """Open a file for unbuffered reading. Raises OSError, also for a folder, a pipe or a device."""
    # Otherwise opening a pipe waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "folder" if stat.S_ISDIR(mode) else "pipe" if stat.S_ISFIFO(mode) else "device or socket"
            raise OSError(errno.EINVAL, f"it is a {kind}, not a regular file", str(path))
        return io.FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file name to the OSError of a read."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


class OpenFile:
    """A file that is opened once; later reads use the same file, even if another now has its name.

    Raises OSError; callers that open a model turn it into a ModelError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Unbuffered: bytes go straight into the caller's memory.
        self._file = open_file(path)
        self._close = weakref.finalize(self, self._file.close)
        self.size = os.fstat(self._file.fileno()).st_size

    def rewind(self) -> None:
        """Read from the beginning again."""
        self._file.seek(0)

    def read_into(self, target: memoryview, digest: Digest | None = None) -> None:
        """Fill `target` (a view of single bytes). Raises ModelInvalid if the file ends first."""
        done = 0
        while done < len(target):
            part = target[done : done + _CHUNK]
            with naming(self.path):
                count = self._file.readinto(part)
            if not count:
                raise ModelInvalid(
                    f"{self.path.name} was truncated while Mooring read it: {len(target) - done} bytes are missing.",
                    hint="Do not write to a model's files while it loads. Replace the whole folder instead.",
                )
            if digest is not None:
                digest.update(part[:count])
            done += count

    def close(self) -> None:
        """Close the file; this also happens when the object is garbage-collected."""
        self._close()
