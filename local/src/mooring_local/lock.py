"""A data folder belongs to one local SageMaker at a time. Used by `server.py`.

The lock is the kernel's: it is gone with the process that holds it, however that ends. What is in the folder is read
and run, so a folder that somebody else could have prepared is not used.
"""

import contextlib
import errno
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
            own_folder(self._folder)
            self._file = open(self._folder / "lock", "a+", encoding="utf-8", opener=_no_link)
        except OSError as error:
            raise unusable(self._folder, error) from error
        if _belongs_to_another(self._folder):
            self._file.close()
            raise UsageError(
                f"The data folder {self._folder} belongs to another user, who could have put anything into it.",
                hint="Name another one with --data.",
            )
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


def own_folder(path: Path) -> None:
    """Make it, if it is not there, for this user alone: what is sent here may be secret. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def unusable(folder: Path, error: OSError) -> UsageError:
    """What the system has against the data folder or something in it."""
    reason = "its lock is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)
    inside = f" ({error.filename})" if error.filename and Path(error.filename).parent != folder else ""
    return UsageError(
        f"The data folder {folder} cannot be used: {reason}{inside}.", hint="Name another one with --data."
    )


def _no_link(path: str, flags: int) -> int:
    """The file is emptied when the lock is taken: not one that a link leads to."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _belongs_to_another(folder: Path) -> bool:
    """Root's folders are trusted; and root may use anybody's, as it does in a container with a folder from outside."""
    if not hasattr(os, "geteuid"):  # Windows
        return False
    return os.geteuid() != 0 and folder.stat().st_uid not in (0, os.geteuid())


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
