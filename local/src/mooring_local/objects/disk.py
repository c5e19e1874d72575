"""Folders of a bucket: walked through, looked at, cleared of what is empty. Used by `store.py`."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from mooring_local.objects.keys import OWN_FOLDER

GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""What reading meets if a file was deleted meanwhile, and perhaps a folder has taken its place."""


def inside(path: Path) -> bool:
    """Whether no folder on the way is a link. The root itself is resolved."""
    return os.path.realpath(path.parent) == str(path.parent)


def prune(folder: Path, top: Path) -> None:
    """Remove it and those above it, as far as they are empty, up to `top`."""
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def walk(folder: Path | str, base: str, prefix: str) -> Iterator[str]:
    """Keys of that prefix below `folder`, whose own is `base`; folders that none of them can be in are not opened."""
    # A folder may be removed while its parent is read.
    with contextlib.suppress(*GONE), os.scandir(folder) as found:
        for item in found:
            key = base + item.name
            if item.is_dir(follow_symlinks=False):
                inner = f"{key}/"
                if key != OWN_FOLDER and (inner.startswith(prefix) or prefix.startswith(inner)):
                    yield from walk(item.path, inner, prefix)
            elif key.startswith(prefix) and _is_utf8(key) and item.is_file():
                yield key


def _is_utf8(name: str) -> bool:
    """A file name that is none can be no key."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
