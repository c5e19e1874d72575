"""A data folder belongs to one local SageMaker at a time. Used by `server.py`.

The lock is the kernel's: it is gone with the process that holds it, however that ends.
"""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import IO

from mooring.errors import UsageError


class FolderLock:
    """Held within a with-block. The file says who holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> "FolderLock":
        """Make the folder if it is not there. Raises UsageError if another one holds it, or if it cannot be used."""
        try:
            # Of this user alone: what others send here may be anything.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = (self._folder / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"The data folder {self._folder} cannot be used: {error.strerror or error}.",
                hint="Name another one with --data.",
            ) from error
        if not _taken(self._file):
            self._file.seek(0)
            holder = self._file.read().strip() or "one that is just starting"
            self._file.close()
            raise UsageError(
                f"The data folder {self._folder} is in use by another local SageMaker: {holder}.",
                hint="Use that one, stop it, or give this one a folder of its own with --data.",
            )
        self.note("one that is just starting")
        return self

    def note(self, url: str) -> None:
        """What another one that comes is told."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(f"{url} (process {os.getpid()})\n")
            self._file.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(0)
            self._file.close()


def _taken(file: IO[str]) -> bool:
    """Whether the lock is ours now."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing is kept apart there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
