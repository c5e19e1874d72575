"""Drop root privileges: the platform starts containers as root, but processes that read requests do not need it.

The supervisor keeps its user; workers switch before they load anything. Unix only.
"""

import ctypes
import os
import pwd
import signal
from pathlib import Path

USER = "mooring"
"""Created by the Dockerfile."""
_SETGID, _SETUID = 6, 7
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def plain_user(readable: Path | None) -> str | None:
    """The user to switch to; None if this process is not root, may not switch, or the user does not exist.

    Also None if that user could not read the folder `readable`: a platform may unpack a model for root only.
    """
    if os.geteuid() != 0 or not _may_change_user():
        return None
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        return None
    if readable is not None and not _can_read(readable, entry):
        return None
    return USER


def step_down(user: str) -> None:
    """Switch to that user permanently. Raises OSError or KeyError."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ["HOME"] = entry.pw_dir


def give(path: Path, user: str | None) -> None:
    """Make the user the folder's owner."""
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def adopt_orphans() -> None:
    """Make this process the parent of orphaned descendants, as a container's process 1 is. Linux only."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Get SIGTERM when the parent dies. Called in a child before it executes another program. Linux only."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    try:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):
        return


def _may_change_user() -> bool:
    """Whether root has its usual capabilities (--cap-drop ALL removes them)."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return True
    for line in lines:
        if line.startswith("CapEff:"):
            capabilities = int(line.split()[1], 16)
            return bool(capabilities >> _SETGID & 1 and capabilities >> _SETUID & 1)
    return True


def _can_read(folder: Path, user: pwd.struct_passwd) -> bool:
    """By mode bits only: of the folder, its parents and the files in it."""
    for above in folder.absolute().parents:
        if above.exists() and not _allows(above, user, 0o1):
            return False
    if not folder.is_dir():
        return True
    if not _allows(folder, user, 0o5):
        return False
    return all(_allows(path, user, 0o5 if path.is_dir() else 0o4) for path in folder.rglob("*"))


def _allows(path: Path, user: pwd.struct_passwd, wanted: int) -> bool:
    try:
        found = path.stat()
    except OSError:  # a broken link; a worker that needs the file reports it
        return True
    shift = 6 if found.st_uid == user.pw_uid else 3 if found.st_gid == user.pw_gid else 0
    return found.st_mode >> shift & wanted == wanted
