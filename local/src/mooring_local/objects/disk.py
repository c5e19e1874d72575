"""Walk, check and prune the folders of a bucket."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from mooring_local.objects.keys import OWN_FOLDER

GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""Errors of reading a file that was deleted meanwhile, or replaced by a folder."""


def inside(path: Path) -> bool:
    """Whether no folder of the path is a link. The root is resolved."""
    return os.path.realpath(path.parent) == str(path.parent)


def prune(folder: Path, top: Path) -> None:
    """Remove the folder and its parents below `top` as long as they are empty."""
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def walk(folder: Path | str, base: str, prefix: str) -> Iterator[str]:
    """Keys with that prefix below `folder`, whose key is `base`. Skips folders that cannot contain any."""
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
    """Whether a file name is UTF-8; others cannot be keys."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
