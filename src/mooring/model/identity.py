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
"""Most code files hashed."""


def identity_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """The identity in the facts of `/info`. Weights read by user code have no digest and are left out."""
    found = {"model": facts.get("model", {}).get("digest"), "code": facts.get("code_digest")}
    beside = facts.get("models")
    for name, one in beside.items() if isinstance(beside, dict) else ():
        found[f"model:{name}"] = one.get("model", {}).get("digest")
    return {part: digest for part, digest in found.items() if digest}


def refuse_another(expected: Identity, found: Identity) -> None:
    """Raise ModelChanged unless `found` has every digest of `expected`."""
    for part, digest in expected.items():
        if found.get(part) != digest:
            raise ModelChanged(
                f"The {part} on disk is not the one being served: digest {found.get(part, 'unknown')} on disk, "
                f"{digest} being served.",
                hint=f"Restart the whole service to serve the new {part}, or restore the old files.",
            )


def code_digest(program: Path) -> str:
    """ "sha256:…" over names and contents of all Python files in and below the folder of the user code."""
    total = hashlib.sha256()
    for path in itertools.islice(_python_files(program.parent), MOST_FILES):
        total.update(os.fsencode(path.relative_to(program.parent)) + f"\0{_content(path)}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _content(path: Path) -> str:
    """An unreadable file cannot be imported either, so it does not matter."""
    try:
        with io.BufferedReader(open_file(path)) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _python_files(folder: Path) -> Iterator[Path]:
    """The files in a fixed order, without hidden folders (virtual environments)."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if name.endswith(".py"))
