"""Write a built model folder atomically. Called by `pipeline.py`."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import BuildError, echo
from mooring.graph.runtime import import_openvino
from mooring.model.folder import CONFIG_FILE, GRAPH_FILES, MANIFEST_FILE, TOKENIZER_FILES, ModelFolder
from mooring.model.sentence_transformers import sentence_files

COPIED = (CONFIG_FILE, *TOKENIZER_FILES)
"""Files of the source that affect answers; copied if they exist."""
CARDS = ("README", "LICENSE", "LICENCE", "NOTICE", "COPYING")
"""Name prefixes, ignoring case, of model cards and license files."""


@dataclass(frozen=True, slots=True)
class Staging:
    """A staging folder beside the final one, so that the last step is a rename on one disk."""

    artefact: Path
    """Becomes the built folder."""
    attempts: Path
    """Candidate graphs, each with its own name."""

    def save_graph(self, model: Any, name: str, *, halve: bool) -> Path:
        """Write the IR and return its .xml. `halve` stores float32 constants as fp16; compiling widens them."""
        path = self.attempts / f"{name}.xml"
        try:
            import_openvino().save_model(model, str(path), compress_to_fp16=halve)
        except RuntimeError as error:
            raise BuildError(
                f"Cannot write the graph to {path}: {error}", hint="Check that the disk is not full."
            ) from error
        return path

    def discard(self, graph: Path) -> None:
        """Remove a graph that is no longer needed."""
        for name in GRAPH_FILES:
            graph.with_suffix(Path(name).suffix).unlink()

    def keep(self, graph: Path) -> None:
        """Choose this graph for the built folder."""
        for name in GRAPH_FILES:
            graph.with_suffix(Path(name).suffix).rename(self.artefact / name)


def check_target(out: Path, *, force: bool) -> None:
    """Raise BuildError early if `out` cannot be written."""
    if not out.parent.is_dir():
        raise BuildError(f"Folder {echo(str(out.parent))} does not exist.", hint="Create it first.")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        hint = "Choose another folder with -o."
        raise BuildError(f"No permission to write to the folder {echo(str(out.parent))}.", hint=hint)
    if out.is_dir() and not any(out.iterdir()):
        return
    if not out.exists() and not out.is_symlink():
        return
    if not (out / MANIFEST_FILE).is_file():
        raise BuildError(
            f"{echo(str(out))} exists but was not made by `moor build` (no {MANIFEST_FILE}). It is not replaced.",
            hint="Choose another folder with -o.",
        )
    if not force:
        raise BuildError(
            f"{echo(str(out))} already exists.", hint="Choose another folder with -o, or replace it with --force."
        )


@contextlib.contextmanager
def staged(out: Path, *, force: bool) -> Iterator[Staging]:
    """A staging folder that becomes `out` if the block succeeds and is deleted otherwise.

    Raises BuildError if `out` cannot be written or the disk is full.
    """
    check_target(out, force=force)
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.building-") as holder:
            # mkdtemp creates a private folder; the built folder gets the usual permissions.
            staging = Staging(Path(holder) / "artefact", Path(holder) / "attempts")
            staging.artefact.mkdir()
            staging.attempts.mkdir()
            yield staging
            check_target(out, force=force)
            _swap(staging.artefact, out, Path(holder) / "replaced")
    except OSError as error:
        where = error.filename or out
        raise BuildError(
            f"Cannot write {where}: {error.strerror or error}.",
            hint="Free some space." if error.errno == errno.ENOSPC else "Choose another folder with -o.",
        ) from error


@contextlib.contextmanager
def scratch() -> Iterator[Staging]:
    """A temporary staging folder that is always deleted when the block ends."""
    with tempfile.TemporaryDirectory(prefix="mooring-explore-") as holder:
        staging = Staging(Path(holder) / "artefact", Path(holder) / "attempts")
        staging.attempts.mkdir()
        yield staging


def _swap(new: Path, out: Path, old: Path) -> None:
    """Replace `out` by `new`; the old folder is kept until that has succeeded."""
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


def copy_companions(source: Path, artefact: Path) -> None:
    """Copy tokenizer, config, model card and licenses of the source."""
    model = ModelFolder(source).path
    for name in COPIED:
        if (model / name).is_file():
            shutil.copyfile(model / name, artefact / name)
    names = [path.name for path in source.iterdir() if path.is_file() and path.name.upper().startswith(CARDS)]
    for name in names:
        shutil.copyfile(source / name, artefact / name)
    folder = ModelFolder(source)
    for name in sentence_files(folder):
        target = artefact / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder.outer.path / name, target)


def copy_code(files: Mapping[str, Path], artefact: Path) -> None:
    """Copy the user code under its relative names."""
    for name, path in files.items():
        target = artefact / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def graph_size(graph: Path) -> int:
    """Size in bytes of both files of an IR, given its .xml."""
    return sum(graph.with_suffix(Path(name).suffix).stat().st_size for name in GRAPH_FILES)


def size_of(folder: Path) -> int:
    """Size in bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
