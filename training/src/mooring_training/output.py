"""Write a model folder as a whole: the one before stays until the new one is complete."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mooring.errors import UsageError


def check_output(out: Path, *, force: bool) -> None:
    """Raise UsageError if the folder exists, unless it may be replaced and holds a model or nothing."""
    if not out.exists():
        return
    if not force:
        raise UsageError(f"{out} already exists.", hint="Choose another folder, or replace it with --force.")
    if not (out / "config.json").is_file() and any(out.iterdir()):
        raise UsageError(f"{out} is not a model folder: it has no config.json.", hint="Choose another folder.")


@contextmanager
def placed(out: Path) -> Iterator[Path]:
    """Yields a new folder beside `out` that takes its place after the block, or is removed if the block fails."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
