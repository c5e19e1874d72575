"""A judged graph in, a model folder on disk out: whole, or not at all. Called by `pipeline.py`."""

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
from mooring.model.folder import CONFIG_FILE, GRAPH_FILES, MANIFEST_FILE, TOKENIZER_FILES

COPIED = (CONFIG_FILE, *TOKENIZER_FILES)
"""Files of the source that decide on answers; those that are there."""
CARDS = ("README", "LICENSE", "LICENCE", "NOTICE", "COPYING")
"""Beginnings, in any case, of the names of the files that say whose the model is and what it is for."""


@dataclass(frozen=True, slots=True)
class Staging:
    """A folder beside the final one, so that the last step is a rename on one disk."""

    artefact: Path
    """Becomes the artefact."""
    attempts: Path
    """Graphs on trial, each under a name of its own."""

    def save_graph(self, model: Any, name: str, *, halve: bool) -> Path:
        """Write the IR; its .xml. `halve` stores float32 constants as fp16, to be widened when it is compiled."""
        path = self.attempts / f"{name}.xml"
        try:
            import_openvino().save_model(model, str(path), compress_to_fp16=halve)
        except RuntimeError as error:
            raise BuildError(f"The graph cannot be written to {path}: {error}", hint="Is the disk full?") from error
        return path

    def discard(self, graph: Path) -> None:
        """Remove a graph that nobody uses any more."""
        for name in GRAPH_FILES:
            graph.with_suffix(Path(name).suffix).unlink()

    def keep(self, graph: Path) -> None:
        """Make this graph the artefact's."""
        for name in GRAPH_FILES:
            graph.with_suffix(Path(name).suffix).rename(self.artefact / name)


def check_target(out: Path, *, force: bool) -> None:
    """Raises BuildError when `out` may not be written: before anything costs time."""
    if not out.parent.is_dir():
        raise BuildError(f"There is no folder {echo(str(out.parent))} to write into.", hint="Make it first.")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        hint = "Name another one with -o."
        raise BuildError(f"This user may not write into the folder {echo(str(out.parent))}.", hint=hint)
    if out.is_dir() and not any(out.iterdir()):
        return
    if not out.exists() and not out.is_symlink():
        return
    if not (out / MANIFEST_FILE).is_file():
        raise BuildError(
            f"{echo(str(out))} exists and was not made by `moor build` (it has no {MANIFEST_FILE}); it stays as it is.",
            hint="Name another folder with -o.",
        )
    if not force:
        raise BuildError(f"{echo(str(out))} exists already.", hint="Name another one with -o, or replace it: --force.")


@contextlib.contextmanager
def staged(out: Path, *, force: bool) -> Iterator[Staging]:
    """A staging folder that becomes `out` if the block ends well and vanishes if it does not.

    Raises BuildError when `out` may not be written or the disk gives out.
    """
    check_target(out, force=force)
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.building-") as holder:
            # mkdtemp's own folder is closed to others; the artefact gets the usual rights.
            staging = Staging(Path(holder) / "artefact", Path(holder) / "attempts")
            staging.artefact.mkdir()
            staging.attempts.mkdir()
            yield staging
            check_target(out, force=force)
            _swap(staging.artefact, out, Path(holder) / "replaced")
    except OSError as error:
        where = error.filename or out
        raise BuildError(
            f"{where} cannot be written: {error.strerror or error}.",
            hint="Free some space." if error.errno == errno.ENOSPC else "Name another folder with -o.",
        ) from error


@contextlib.contextmanager
def scratch() -> Iterator[Staging]:
    """A staging folder among the system's temporary files, gone when the block ends, whatever ends it."""
    with tempfile.TemporaryDirectory(prefix="mooring-explore-") as holder:
        staging = Staging(Path(holder) / "artefact", Path(holder) / "attempts")
        staging.attempts.mkdir()
        yield staging


def _swap(new: Path, out: Path, old: Path) -> None:
    """`new` becomes `out`; what was there is kept until that has worked."""
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


def copy_companions(source: Path, artefact: Path) -> None:
    """Tokenizer, config, model card and licences of the source."""
    names = [name for name in COPIED if (source / name).is_file()]
    names += [path.name for path in source.iterdir() if path.is_file() and path.name.upper().startswith(CARDS)]
    for name in names:
        shutil.copyfile(source / name, artefact / name)


def copy_code(files: Mapping[str, Path], artefact: Path) -> None:
    """The model's own code, under its names."""
    for name, path in files.items():
        target = artefact / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def graph_size(graph: Path) -> int:
    """Bytes of both files of an IR, given its .xml."""
    return sum(graph.with_suffix(Path(name).suffix).stat().st_size for name in GRAPH_FILES)


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
