"""Models as OpenVINO compiled them, kept in files: compiling is half of a start, finding its own file a tenth.

Used by `openvino.py`. A file serves every number of threads and streams, and several processes map the same one.
Whoever changes the model, its precision, this package, OpenVINO or the CPU finds none and makes another.
"""

import contextlib
import hashlib
import logging
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mooring
from mooring import graph
from mooring.backends import rewrites
from mooring.backends.cpu import signature
from mooring.graph.runtime import import_openvino

log = logging.getLogger(__name__)

SUFFIX = ".compiled"
SCRATCH = "writing-"
LONGEST_LINE = 4096
"""Bytes; of the first line of a file."""
ABANDONED_S = 3600.0
"""A folder that is written to has been given up after this time: its process was killed."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model that OpenVINO can compute."""

    model: Any
    """An `openvino.CompiledModel`."""
    memory: Any = None
    """What it reads its weights from: has to live as long as the model."""
    found: bool = False
    """Whether it was compiled before."""


@dataclass(eq=False)
class CompileCache:
    """One model's file in `folder`, which is made if need be. All files there take `max_bytes` at most.

    `identity` says which model: it changes with whatever changes an answer.
    """

    folder: Path
    max_bytes: int
    identity: str
    _writing: threading.Thread | None = None

    def open(self, core: Any, graph: Callable[[], Any], config: Mapping[str, str], *, variant: str) -> Compiled:
        """From its file, or from `graph` and then into the file.

        `variant` is how `graph` changes the model before it is compiled. Raises RuntimeError if OpenVINO cannot compile
        it; whatever is wrong with the folder only costs time.
        """
        path = self.path(config, variant)
        if self._writing is not None:
            self._writing.join()  # there is no sooner way to it
        if _ours(self.folder) and (found := _read(core, path, config)) is not None:
            return found
        scratch = self._scratch()
        if scratch is None:
            return Compiled(core.compile_model(graph(), "CPU", dict(config)))
        try:
            compiled = core.compile_model(graph(), "CPU", {**config, "CACHE_DIR": str(scratch)})
        except RuntimeError as error:
            # Of the model, or of writing the file: without it we shall see.
            log.info("compiling again without keeping it: %s", error)
            shutil.rmtree(scratch, ignore_errors=True)
            return Compiled(core.compile_model(graph(), "CPU", dict(config)))
        self._writing = threading.Thread(target=self._keep, args=(scratch, path), name="moor-compiled")
        self._writing.start()
        return Compiled(compiled)

    def path(self, config: Mapping[str, str], variant: str) -> Path:
        """The file of this model, compiled so on this CPU by this version."""
        parts = (
            self.identity,
            variant,
            config["INFERENCE_PRECISION_HINT"],
            import_openvino().__version__,
            mooring.__version__,
            *code_of(graph),
            described(Path(rewrites.__file__)),
            signature(),
        )
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
        return self.folder / f"{key}{SUFFIX}"

    def _scratch(self) -> Path | None:
        """A new folder to write into, on the disk where the file will be; None if that cannot be."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=SCRATCH, dir=self.folder)) if _ours(self.folder) else None
        except OSError as error:
            log.info("compiled models are not kept in %s: %s", self.folder, error.strerror)
            return None

    def _keep(self, scratch: Path, path: Path) -> None:
        """Beside the start that made it, for disks may be slow."""
        try:
            # There is none if OpenVINO could not write it: it does not say so.
            for blob in scratch.glob("*.blob"):
                with blob.open("rb") as file:
                    os.fsync(file.fileno())
                blob.replace(path)
            self._tidy()
        except OSError as error:
            log.info("a compiled model is not kept in %s: %s", self.folder, error.strerror)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _tidy(self) -> None:
        """Delete the files that nobody used for the longest time, until the rest is small enough."""
        files = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):  # others tidy up, too
                found = path.lstat()
                if path.name.startswith(SCRATCH) and time.time() - found.st_mtime > ABANDONED_S:
                    shutil.rmtree(path, ignore_errors=True)
                elif path.suffix == SUFFIX:
                    files.append((found.st_mtime, found.st_size, path))
        total = 0
        for _, size, path in sorted(files, reverse=True):
            total += size
            if total > self.max_bytes:
                path.unlink(missing_ok=True)


def _read(core: Any, path: Path, config: Mapping[str, str]) -> Compiled | None:
    """What is in the file; None if there is none, or nothing that can be used."""
    try:
        # Mapped to be changed, which nobody does: OpenVINO takes no other array.
        content = np.memmap(path, np.uint8, "c")
    except (OSError, ValueError):  # ValueError: it is empty
        return None
    try:
        # The first line is what OpenVINO compares in a cache of its own; `import_model` does not know it.
        first_line = bytes(content[:LONGEST_LINE]).partition(b"\n")
        tensor = import_openvino().Tensor(content[len(first_line[0]) + 1 :], shared_memory=True)
        compiled = core.import_model(tensor, "CPU", dict(config))
    except (RuntimeError, ValueError) as error:
        log.warning("%s is damaged and made anew: %s", path, (str(error).strip().splitlines() or ["?"])[-1])
        path.unlink(missing_ok=True)
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # for `_tidy`
    return Compiled(compiled, content, found=True)


def _ours(folder: Path) -> bool:
    """Whether nobody else can write there: what is read from it is run."""
    try:
        found = folder.stat()
    except OSError:
        return False
    ours = found.st_uid in (0, os.geteuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not ours:
        log.info("compiled models are not kept in %s: others may write there", folder)
    return ours


def code_of(package: Any) -> tuple[str, ...]:
    """Its files by name, size and date: for who changes them between two releases."""
    return tuple(described(path) for folder in package.__path__ for path in sorted(Path(folder).glob("*.py")))


def described(path: Path) -> str:
    """Name, size and date of a file: other content has another one. Raises OSError."""
    found = path.stat()
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"
