"""Lock a data folder, so that only one local SageMaker uses it at a time.

The kernel releases the lock when its process ends, even after a crash. Code in the folder is run, so a folder that
belongs to another user is refused.
"""

import contextlib
import errno
import os
from pathlib import Path
from types import TracebackType
from typing import IO

from mooring.errors import UsageError


class FolderLock:
    """Held within a with-block. The lock file names its holder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> "FolderLock":
        """Create the folder if it is missing. Raises UsageError if the folder is locked or unusable."""
        try:
            own_folder(self._folder)
            self._file = open(self._folder / "lock", "a+", encoding="utf-8", opener=_no_link)
        except OSError as error:
            raise unusable(self._folder, error) from error
        if _belongs_to_another(self._folder):
            self._file.close()
            raise UsageError(
                f"The data folder {self._folder} belongs to another user, who could have put code into it.",
                hint="Choose another folder with --data.",
            )
        if not _taken(self._file):
            self._file.seek(0)
            holder = self._file.read().strip() or "it is still starting"
            self._file.close()
            raise UsageError(
                f"The data folder {self._folder} is in use by another local SageMaker: {holder}.",
                hint="Use that server, stop it, or choose another folder with --data.",
            )
        self.note("it is still starting")
        return self

    def note(self, url: str) -> None:
        """Record who holds the lock, for the error message of the next one."""
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
    """Create the folder if it is missing, for this user only: its data may be secret. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def unusable(folder: Path, error: OSError) -> UsageError:
    """The error for a data folder, or something in it, that the system refuses."""
    reason = "its lock is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)
    inside = f" ({error.filename})" if error.filename and Path(error.filename).parent != folder else ""
    return UsageError(
        f"Cannot use the data folder {folder}: {reason}{inside}.", hint="Choose another folder with --data."
    )


def _no_link(path: str, flags: int) -> int:
    """Refuse to follow a link: taking the lock truncates the file."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _belongs_to_another(folder: Path) -> bool:
    """Root's folders are trusted. Root may use any folder, as in a container with a mounted one."""
    if not hasattr(os, "geteuid"):  # Windows
        return False
    return os.geteuid() != 0 and folder.stat().st_uid not in (0, os.geteuid())


def _taken(file: IO[str]) -> bool:
    """Take the lock; whether that succeeded."""
    try:
        import fcntl
    except ImportError:  # Windows: no locking there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
