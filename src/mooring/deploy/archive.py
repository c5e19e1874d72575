"""Make the model.tar.gz to upload from a folder, an archive or a Hub id.

An archive in SageMaker's layout is used unchanged. With calibration questions, int8 is built first; builds are cached,
so that the same order gives the same bytes and changes nothing.
"""

import dataclasses
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mooring
from mooring.deploy.pack import ARCHIVE, Packed, choose, has_code, pack, root_of
from mooring.errors import BuildError
from mooring.handler.find import Places, locate
from mooring.model.code import code_files
from mooring.model.digest import folder_digest
from mooring.model.folder import MANIFEST_FILE
from mooring.model.manifest import Manifest
from mooring.model.source import ResolvedModel, SourceOptions, resolve
from mooring.progress import Progress
from mooring.settings.places import expanded, user_cache
from mooring.tasks.recognise import read_manifest

SHOWN = 5
"""Maximum number of files named in a note."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model, and how to prepare it for packing."""

    source: str
    options: SourceOptions = field(default_factory=SourceOptions)
    code: Path | None = None
    """A folder to pack as code/."""
    calibration: Path | None = None
    build: bool | None = None
    """None: build int8 if there are calibration questions."""
    threads: int = 0


def archive_of(wanted: Wanted, place: Path, progress: Progress, *, readable: bool = False) -> Packed:
    """The archive, in the folder `place` unless the user's own can be used. Raises a ModelError or BuildError.

    `readable`: the container's engine must be able to read the model, unless it has its own code.
    """
    progress.begin(f"Finding {wanted.source}")
    found = resolve(wanted.source, wanted.options)
    progress.end(found.kind if found.revision is None else f"revision {found.revision[:12]}")
    root = root_of(found, wanted.code)
    for warning in found.warnings if root == found.folder else ():
        progress.note(warning)
    as_it_is = found.kind == "archive" and wanted.code is None and (root != found.folder or not found.warnings)
    if found.kind == "archive" and wanted.code is None and not as_it_is:
        progress.note("The archive is packed again, in the layout that SageMaker expects.")
    chosen = choose(root, wanted.code)[0]
    if readable and not has_code(chosen):
        read_manifest(found.folder, source=wanted.source)
    for remark in _of_code(found, wanted.code):
        progress.note(remark)
    code = {} if wanted.code is not None else code_files(found.folder, found.top)
    if wanted.build or (wanted.build is None and wanted.calibration is not None):
        found, as_it_is = _built(wanted, found, progress), False
        root = found.folder
    progress.begin("Packing the model")
    own = expanded(wanted.source, "The model")
    packed = _as_it_is(own) if as_it_is else pack(root, place / ARCHIVE, wanted.code, code)
    progress.end(f"{packed.size / 1e6:.1f} MB")
    for name in packed.left_out:
        progress.note(f"{name} was left out: the server does not read it.")
    return dataclasses.replace(packed, model=found.folder)


def _of_code(found: ResolvedModel, code: Path | None) -> Iterator[str]:
    """Notes about the model's code: what the container runs."""
    located = locate(Places(found.folder, found.top) if code is None else Places(submitted=str(code)))
    if located.path is not None:
        yield f"The container runs the model's own code: {located.path}."
    if located.problem is not None:
        yield located.problem.message
    elif located.idle:
        shown = ", ".join(str(path) for path in located.idle[:SHOWN])
        yield f"The container will not run {shown}. To run another file of code/: --env SAGEMAKER_PROGRAM=FILE."


def _as_it_is(path: Path) -> Packed:
    """The user's own archive. It is complete: it was unpacked to find the model."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with tarfile.open(path, "r:gz") as tar:
        members = [member for member in tar.getmembers() if member.isreg()]
    names = tuple(sorted(member.name.removeprefix("./") for member in members))
    return Packed(path, digest, path.stat().st_size, sum(member.size for member in members), names)


def _built(wanted: Wanted, found: ResolvedModel, progress: Progress) -> ResolvedModel:
    """The model in int8 (or what passes the accuracy check), from the cache if it was built before."""
    folder = _build_place(wanted, found)
    if not (folder / MANIFEST_FILE).is_file():
        _build(wanted, found, folder, progress)
    manifest = read_manifest(folder, source=wanted.source)
    progress.note(f"{manifest.precision}, {_gate(manifest)} ({folder})")
    return ResolvedModel(folder, wanted.source, "folder", found.revision)


def _build_place(wanted: Wanted, found: ResolvedModel) -> Path:
    order = {"model": folder_digest(found.folder), "version": mooring.__version__, "calibration": ""}
    if wanted.calibration is not None:
        try:
            order["calibration"] = hashlib.sha256(wanted.calibration.read_bytes()).hexdigest()
        except OSError as error:
            raise BuildError(
                f"Cannot read {wanted.calibration}: {error.strerror}.",
                hint="--calibration takes a file of questions: SQuAD JSON, or one JSON request per line.",
            ) from error
    key = hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()[:24]
    return (wanted.options.cache_dir or user_cache() or Path(tempfile.gettempdir()) / "mooring") / "builds" / key


def _build(wanted: Wanted, found: ResolvedModel, folder: Path, progress: Progress) -> None:
    from mooring.build.pipeline import Order, build
    from mooring.wiring.model import make_task

    folder.parent.mkdir(parents=True, exist_ok=True)
    order = Order(
        model=found,
        out=folder,
        precision="auto",
        calibration=wanted.calibration,
        threads=wanted.threads,
    )
    build(order, make_task, progress)


def _gate(manifest: Manifest) -> str:
    gate = manifest.gate
    if gate is None or gate.skipped:
        return "accuracy not checked"
    return "accuracy check passed" if gate.passed else "accuracy check not needed"
