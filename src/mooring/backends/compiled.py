"""Cache compiled OpenVINO models in files: compiling takes half of a start, reading the file a tenth.

One file serves any number of threads and streams. It is read into memory that OpenVINO owns, never mapped, so later
changes to it have no effect. The file name depends on model, precision, CPU and the versions of Mooring and OpenVINO.
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

import mooring
from mooring import graph
from mooring.backends import rewrites
from mooring.backends.cpu import signature
from mooring.errors import ModelInvalid
from mooring.graph.runtime import import_openvino
from mooring.model.reading import OpenFile

log = logging.getLogger(__name__)

SUFFIX = ".compiled"
SCRATCH = "writing-"
LONGEST_LINE = 4096
"""Most bytes of a file's first line."""
ABANDONED_S = 3600.0
"""Age after which a temporary folder is abandoned: its process was killed."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model that OpenVINO can compute."""

    model: Any
    """An `openvino.CompiledModel`."""
    found: bool = False
    """Whether it came from the cache."""


@dataclass(eq=False)
class CompileCache:
    """One model's file in `folder`, which is created if needed. All files there take at most `max_bytes`.

    `identity` identifies the model: it changes with anything that changes an answer.
    """

    folder: Path
    max_bytes: int
    identity: str
    _writing: threading.Thread | None = None
    _content: Any = None
    """The file's content, an `openvino.Tensor`: compiling for streams reads the same memory."""

    def open(self, core: Any, graph: Callable[[], Any], config: Mapping[str, str], *, variant: str) -> Compiled:
        """Load the model from its file, or compile `graph` and write the file.

        `variant` names how `graph` changes the model before it is compiled. Raises RuntimeError if OpenVINO cannot
        compile it; problems with the folder only cost time.
        """
        path = self.path(config, variant)
        if self._writing is not None:
            self._writing.join()  # faster than compiling again
        if (found := self._import(core, path, config)) is not None:
            return found
        model = graph()
        scratch = self._scratch()
        if scratch is None:
            return Compiled(core.compile_model(model, "CPU", dict(config)))
        try:
            compiled = core.compile_model(model, "CPU", {**config, "CACHE_DIR": str(scratch)})
        except RuntimeError as error:
            # Either the model is invalid or the file could not be written: compiling without a file tells which.
            log.info("compiling again without caching: %s", error)
            shutil.rmtree(scratch, ignore_errors=True)
            return Compiled(core.compile_model(model, "CPU", dict(config)))
        self._writing = threading.Thread(target=self._keep, args=(scratch, path), name="moor-compiled")
        self._writing.start()
        return Compiled(compiled)

    def has(self, config: Mapping[str, str], variant: str) -> bool:
        """Whether `open` will probably find a file."""
        return self.path(config, variant).is_file()

    def forget(self) -> None:
        """Drop the file's content; compiled models keep what they need."""
        self._content = None

    def _import(self, core: Any, path: Path, config: Mapping[str, str]) -> Compiled | None:
        """The file's model; None if there is no usable file."""
        if self._content is None and _ours(self.folder):
            self._content = _read(path)
        if self._content is None:
            return None
        try:
            compiled = core.import_model(self._content, "CPU", dict(config))
        except (RuntimeError, ValueError) as error:
            log.warning("%s is damaged and will be recreated: %s", path, (str(error).strip().splitlines() or ["?"])[-1])
            self._content = None
            with contextlib.suppress(OSError):  # it may belong to root
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # for `_tidy`
        return Compiled(compiled, found=True)

    def path(self, config: Mapping[str, str], variant: str) -> Path:
        """The file for this model, CPU and version."""
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
        """A new temporary folder on the disk of the final file; None if it cannot be created."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=SCRATCH, dir=self.folder)) if _ours(self.folder) else None
        except OSError as error:
            log.info("not caching compiled models in %s: %s", self.folder, error.strerror)
            return None

    def _keep(self, scratch: Path, path: Path) -> None:
        """Run in the background: a slow disk must not delay startup."""
        try:
            # The file is missing if OpenVINO could not write it; it does not report that.
            for blob in scratch.glob("*.blob"):
                with blob.open("rb") as file:
                    os.fsync(file.fileno())
                blob.replace(path)
            self._tidy()
        except OSError as error:
            log.info("not caching a compiled model in %s: %s", self.folder, error.strerror)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _tidy(self) -> None:
        """Delete the least recently used files until the rest is small enough."""
        files = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):  # other processes tidy up too
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


def _read(path: Path) -> Any:
    """The compiled model in a file, as an `openvino.Tensor`; None without a matching file."""
    try:
        file = OpenFile(path)
    except OSError:
        return None
    ov = import_openvino()
    try:
        head = bytearray(min(LONGEST_LINE, file.size))
        file.read_into(memoryview(head))
        # OpenVINO checks the first line only in its own cache; `import_model` does not accept it.
        start = head.find(b"\n") + 1
        content = ov.Tensor(ov.Type.u8, ov.Shape([file.size - start]))
        file.rewind()
        file.read_into(memoryview(bytearray(start)))
        file.read_into(memoryview(content.data))
    except (OSError, ModelInvalid) as error:
        log.warning("cannot read %s, which will be recreated: %s", path, error)
        return None
    finally:
        file.close()
    return content if file.size else None


def _ours(folder: Path) -> bool:
    """Whether no other user can write there: its files contain code that is run."""
    if not hasattr(os, "geteuid"):  # Windows, where the folder is in the user's profile
        return True
    try:
        found = folder.stat()
    except OSError:
        return False
    ours = found.st_uid in (0, os.geteuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not ours:
        log.info("not caching compiled models in %s: other users can write there", folder)
    return ours


def code_of(package: Any) -> tuple[str, ...]:
    """The package's files by name, size and date, for changes between releases."""
    return tuple(described(path) for folder in package.__path__ for path in sorted(Path(folder).glob("*.py")))


def described(path: Path) -> str:
    """Name, size and date of a file, which change with its content. Raises OSError."""
    found = path.stat()
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"
