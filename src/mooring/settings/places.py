"""The user's home, cache and data folders, if the user has them.

The user of a container often has neither HOME nor an entry in /etc/passwd. `Path.home` and `Path.expanduser` then
raise, so only this module calls them.
"""

import os
from pathlib import Path

from mooring.errors import UsageError, echo


def home() -> Path | None:
    """The user's home, or None. An empty or relative HOME is ignored: it would mean / or the current folder."""
    try:
        found = Path.home()
    except RuntimeError:
        return None
    return found if found.is_absolute() and os.environ.get("HOME") != "" else None


def user_cache() -> Path | None:
    """Folder for cached files, by the XDG rules; None for a user without a home."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def user_data() -> Path | None:
    """Folder for persistent data, by the XDG rules; None for a user without a home."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def expanded(path: str | Path, what: str = "The path") -> Path:
    """`path` with `~` or `~name` replaced by that user's home. Raises UsageError, naming `what`, if there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        name = Path(path).parts[0][1:]
        why = f"this machine has no user {echo(name)}" if name else "HOME is not set, and this user has no home folder"
        raise UsageError(
            f"{what} is {echo(str(path))}, but {why}.",
            hint=f"Write the absolute path, or ./{path} for a name that starts with ~.",
        ) from error


def _xdg(variable: str, below_home: str) -> Path | None:
    base, own = os.environ.get(variable, ""), home()
    if base.startswith("/"):
        return Path(base) / "mooring"
    return own / below_home / "mooring" if own is not None else None
