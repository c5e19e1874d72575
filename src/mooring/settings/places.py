"""The user's own folders: home, and where what can be made again is kept. Not every user has them.

A container's user often has neither HOME nor an entry in /etc/passwd, and `Path.home` and `Path.expanduser` raise then:
nobody else calls them.
"""

import os
from pathlib import Path

from mooring.errors import UsageError, echo


def home() -> Path | None:
    """The user's home; None without one. An empty or relative HOME is none: it would mean / or wherever we are."""
    try:
        found = Path.home()
    except RuntimeError:
        return None
    return found if found.is_absolute() and os.environ.get("HOME") != "" else None


def user_cache() -> Path | None:
    """Where the XDG rules put it; None for a user without a home."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def user_data() -> Path | None:
    """Where the XDG rules put what a program keeps; None for a user without a home."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def expanded(path: str | Path, what: str = "The path") -> Path:
    """`path` with `~` or `~name` replaced by that user's home. Raises UsageError, naming `what`, if there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        name = Path(path).parts[0][1:]
        why = f"this machine has no user {echo(name)}" if name else "HOME is not set, and this user has no home folder"
        raise UsageError(
            f"{what} is {echo(str(path))}: {why}.", hint=f"Write the folder in full, or ./{path} for a name with a ~."
        ) from error


def _xdg(variable: str, below_home: str) -> Path | None:
    base, own = os.environ.get(variable, ""), home()
    if base.startswith("/"):
        return Path(base) / "mooring"
    return own / below_home / "mooring" if own is not None else None
