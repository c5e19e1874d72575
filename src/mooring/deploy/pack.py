"""Pack a model folder for SageMaker: the model at the top of the archive, code/ beside it, plain files only.

Archives are reproducible: the same folder gives the same bytes, with sorted names and no dates or owners.
"""

import gzip
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mooring.errors import DeployError, ModelIncomplete, echo
from mooring.model.code import CODE_FOLDER, code_below, files_below, may_run
from mooring.model.folder import GRAPH_FILES
from mooring.model.pickles import pickled_weights
from mooring.model.source import ResolvedModel
from mooring.model.weights import INDEX_FILE, SINGLE_FILE

ARCHIVE = "model.tar.gz"
LEVEL = 1
"""Level of gzip. Higher levels take longer and hardly shrink weights."""

_OTHER_FRAMEWORKS = (".h5", ".msgpack", ".ot", ".onnx", ".onnx_data", ".mlmodel", ".tflite", ".gguf")
_NOT_MODEL = frozenset({"onnx", "runs", "checkpoints"})


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive. Sizes are in bytes."""

    path: Path
    digest: str
    """Hex sha256 of the tar inside, since versions of zlib may compress the same content differently."""
    size: int
    unpacked: int
    members: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Files that the server does not need."""
    model: Path | None = None
    """The folder of the model that was packed."""


def root_of(found: ResolvedModel, code: Path | None = None) -> Path:
    """The folder to pack: the model's own, or the archive's top if the model's code is beside its folder.

    SageMaker gives such code the top as model_dir, so the layout must stay. `code` replaces it.
    """
    if code is None and found.top is not None:
        inside = found.folder.relative_to(found.top).as_posix()
        if any(not name.startswith(f"{inside}/") for name in code_below(found.top).names if may_run(name)):
            return found.top
    return found.folder


def pack(folder: Path, out: Path, code: Path | None = None, more: Mapping[str, Path] | None = None) -> Packed:
    """Write `out` completely or not at all. `code` is a folder that replaces the model's own code/.

    `more` are further files, by name in the archive. Raises ModelIncomplete for an empty folder, DeployError if `out`
    cannot be written.
    """
    chosen, left_out = choose(folder, code, more)
    if not chosen:
        raise ModelIncomplete(f"No files to pack in {echo(str(folder))}.", hint="Name the model's folder.")
    try:
        handle, name = tempfile.mkstemp(prefix=".pack-", dir=out.absolute().parent)
    except OSError as error:
        raise DeployError(
            f"Cannot write {echo(str(out))}: {error.strerror}.",
            hint="Check that the folder exists and is writable.",
        ) from error
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            digest, unpacked = _write(file, chosen)
        staged.chmod(0o644)
        staged.replace(out)
    except OSError as error:
        raise DeployError(f"Cannot write {echo(str(out))}: {error.strerror or error}.") from error
    finally:
        staged.unlink(missing_ok=True)
    return Packed(out, digest, out.stat().st_size, unpacked, tuple(chosen), left_out)


def choose(
    folder: Path, code: Path | None = None, more: Mapping[str, Path] | None = None
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Archive name → file, sorted, and the files left out: hidden files, and weights that the server does not read.

    A model with its own code keeps every file, since its code may read any of them.
    """
    model = {name: path for name, path in _files(folder) if code is None or not name.startswith(f"{CODE_FOLDER}/")}
    if code is not None:
        model |= {f"{CODE_FOLDER}/{name}": path for name, path in _files(code)}
    model |= more or {}
    if has_code(model):
        return {name: model[name] for name in sorted(model)}, ()
    model = {name: path for name, path in model.items() if not _NOT_MODEL & set(PurePosixPath(name).parts[:-1])}
    skipped = _unread(model)
    chosen = {name: model[name] for name in sorted(model) if name not in skipped}
    return chosen, tuple(sorted(skipped))


def has_code(names: Iterable[str]) -> bool:
    """Whether there is any code. A variable may name the file that the container runs."""
    return any(name.startswith(f"{CODE_FOLDER}/") or may_run(name) for name in names)


def _unread(names: Mapping[str, Path]) -> frozenset[str]:
    """Weights of other frameworks, and pickles if there are safe weights."""
    readable = SINGLE_FILE in names or INDEX_FILE in names or names.keys() >= set(GRAPH_FILES)
    others = {name for name in names if name.endswith(_OTHER_FRAMEWORKS)}
    return frozenset((others | set(pickled_weights(names))) if readable else ())


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative names and files, without hidden ones. Links to files are followed: the Hub's cache consists of them."""
    for name in files_below(folder):
        last = name.rpartition("/")[2]
        if not last.startswith(".") and not last.endswith((".pyc", ".pyo")):
            yield name, folder / name


class _Hashing:
    """Passes bytes on and computes their digest."""

    def __init__(self, target: gzip.GzipFile) -> None:
        self._target = target
        self.digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        """The only method that tarfile needs."""
        self.digest.update(block)
        return self._target.write(block)


def _write(file: BinaryIO, chosen: Mapping[str, Path]) -> tuple[str, int]:
    """Write the archive. Returns the tar's digest and the total size of its files."""
    total = 0
    with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
        hashing = _Hashing(packed)
        with tarfile.open(fileobj=hashing, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for name, path in chosen.items():
                info = tarfile.TarInfo(name)
                info.size = path.stat().st_size
                info.mode = 0o644
                total += info.size
                with path.open("rb") as source:
                    tar.addfile(info, source)
    return hashing.digest.hexdigest(), total
