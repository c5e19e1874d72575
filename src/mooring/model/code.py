"""Which of a model's files are code of its own, judged by their names. Nothing is read or run here.

Names are relative to the model's folder (or to the top of its archive) and use "/". Used wherever a model is opened,
copied or examined, so that its code is run, kept, or named, but never lost.
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
"""Names that a container starts from, the preferred one first."""

MAX_DEPTH = 8
"""Folders below the model's in which code is looked for."""
MAX_FILES = 10_000
"""Files that are looked at: as many as an archive may have members."""

MAX_NESTING = 32
"""Folders in folders at all; a link that leads back to its own folder ends there."""

PASSED_OVER = frozenset({"__pycache__", "node_modules"})


def is_code(name: str) -> bool:
    """Whether a file is code of the model's own: an entry's name, or Python or requirements below a folder `code`.

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
    """Those that are code: entries first, then the nearest to the top, then by name."""
    return sorted(filter(is_code, names), key=_order)


def _order(name: str) -> tuple[bool, int, str]:
    path = PurePosixPath(name)
    return path.name not in ENTRIES, len(path.parts), name


@dataclass(frozen=True, slots=True)
class Listing:
    """The code below a folder, by `code_names`' order. `complete` is false if a limit ended the search."""

    names: list[str]
    complete: bool = True


def code_below(folder: Path) -> Listing:
    """Walk the folder for code, within `MAX_DEPTH` and `MAX_FILES`. Folders that cannot be read are passed over."""
    names: list[str] = []
    for count, name in enumerate(files_below(folder, MAX_DEPTH)):
        if count >= MAX_FILES:
            return Listing(code_names(names), complete=False)
        names.append(name)
    return Listing(code_names(names))


def code_files(folder: Path, top: Path | None = None) -> dict[str, Path]:
    """Name → file of the code that goes with a copy of the model: entries, and `code/` with all that lies in it.

    `top` is the archive's, where the model's folder is not: code beside the folder goes before code in it.
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
    """Relative names of all files at most `depth` folders deep, in order, without hidden folders and caches.

    Of links to folders only one called `code` is followed: a model's code often lives in another repository.
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
