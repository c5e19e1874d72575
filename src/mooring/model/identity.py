"""Digests that identify what is served: all workers of a service must serve the same model and code.

Compared in `wiring/opening.py`; `container/` and `multi/` remember what a restarted worker must serve.
"""

import hashlib
import io
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mooring.errors import ModelChanged
from mooring.model.reading import open_file

Identity = Mapping[str, str]
"""Part ("model" or "code") → digest. Empty if anything may be served."""

MOST_FILES = 1000
"""Number of code files that are hashed at most."""


def identity_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """The identity in the facts of `/info`. Weights that a model's own code reads have no digest and are left out."""
    found = {"model": facts.get("model", {}).get("digest"), "code": facts.get("code_digest")}
    return {part: digest for part, digest in found.items() if digest}


def refuse_another(expected: Identity, found: Identity) -> None:
    """Raise ModelChanged unless `found` has every digest of `expected`."""
    for part, digest in expected.items():
        if found.get(part) != digest:
            raise ModelChanged(
                f"The {part} on disk is not the one being served: its digest is {found.get(part, 'unknown')}, "
                f"and {digest} is being served.",
                hint=f"Restart the whole service to serve the new {part}, or put the old files back.",
            )


def code_digest(program: Path) -> str:
    """ "sha256:…" over names and contents of all Python files in and below the folder of the model's own code."""
    total = hashlib.sha256()
    for path in itertools.islice(_python_files(program.parent), MOST_FILES):
        total.update(os.fsencode(path.relative_to(program.parent)) + f"\0{_content(path)}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _content(path: Path) -> str:
    """What cannot be read cannot be imported either, and changes nothing as long as that is so."""
    try:
        with io.BufferedReader(open_file(path)) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _python_files(folder: Path) -> Iterator[Path]:
    """In a fixed order, without hidden folders (virtual environments)."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if name.endswith(".py"))
