"""Find the files of a model that are user code, by name only. Nothing is read or run here.

Names are relative to the model's folder (or to the top of its archive) and use "/". Used wherever a model is opened,
copied or examined, so that its code is never lost silently.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CODE_FOLDER = "code"
DEFAULT_PROGRAM = "inference.py"
ENDPOINT_FILE = "handler.py"
REQUIREMENTS = "requirements.txt"
ENTRIES = (DEFAULT_PROGRAM, ENDPOINT_FILE)
"""Entry points that a container runs, in order of preference."""

MAX_DEPTH = 8
"""Subfolders of the model that are searched for code."""
MAX_FILES = 10_000
"""Most files examined: as many as an archive may have."""

MAX_NESTING = 32
"""Deepest nesting; this also ends a link that leads back to its own folder."""

PASSED_OVER = frozenset({"__pycache__", "node_modules"})


def is_code(name: str) -> bool:
    """Whether a file is user code: an entry point, or Python or requirements below a folder `code`.

    Other Python files (the custom classes of a Hub repository, training scripts) are run by no container.
    """
    path = PurePosixPath(name)
    if path.name in ENTRIES:
        return True
    return CODE_FOLDER in path.parts[:-1] and (path.suffix == ".py" or path.name == REQUIREMENTS)


def may_run(name: str) -> bool:
    """Whether a container may start from the file, or load it: code at the top, or in a folder `code` anywhere."""
    return is_code(name) and (name in ENTRIES or CODE_FOLDER in PurePosixPath(name).parts[:-1])


def code_names(names: Iterable[str]) -> list[str]:
    """The names that are code: entry points first, then by depth, then by name."""
    return sorted(filter(is_code, names), key=_order)


def _order(name: str) -> tuple[bool, int, str]:
    path = PurePosixPath(name)
    return path.name not in ENTRIES, len(path.parts), name


@dataclass(frozen=True, slots=True)
class Listing:
    """The code below a folder, in the order of `code_names`. `complete` is false if a limit ended the search."""

    names: list[str]
    complete: bool = True


def code_below(folder: Path) -> Listing:
    """Walk the folder for code, within `MAX_DEPTH` and `MAX_FILES`. Unreadable folders are skipped."""
    names: list[str] = []
    for count, name in enumerate(files_below(folder, MAX_DEPTH)):
        if count >= MAX_FILES:
            return Listing(code_names(names), complete=False)
        names.append(name)
    return Listing(code_names(names))


def code_files(folder: Path, top: Path | None = None) -> dict[str, Path]:
    """Name → file of the code to copy with the model: entry points, and everything in `code/`.

    `top` is the top of the archive if the model is in a folder of it: code beside the folder takes precedence.
    """
    files: dict[str, Path] = {}
    for place in (folder, top):
        if place is None:
            continue
        inside = folder.relative_to(place).as_posix() + "/"
        for name in files_below(place):
            if not name.startswith(inside) and (name.startswith(f"{CODE_FOLDER}/") or may_run(name)):
                files[name] = place / name
    return files


def files_below(folder: Path, depth: int = MAX_NESTING) -> Iterator[str]:
    """Relative names of all files at most `depth` folders deep, sorted, without hidden folders and caches.

    Links to folders are followed only if called `code`: a model's code often lives in another repository.
    """
    entries = sorted(_entries(folder), key=lambda entry: entry.name)
    yield from (entry.name for entry in entries if entry.is_file())
    for entry in entries if depth > 0 else ():
        if not entry.is_dir(follow_symlinks=entry.name == CODE_FOLDER):
            continue
        if not entry.name.startswith(".") and entry.name not in PASSED_OVER:
            yield from (f"{entry.name}/{name}" for name in files_below(Path(entry.path), depth - 1))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
