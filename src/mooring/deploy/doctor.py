"""Check a model for problems on SageMaker before anything is uploaded. For `moor doctor`.

Nothing is changed, and the model's own code is not run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mooring.backends.cpu import INT8_GAIN
from mooring.deploy import code
from mooring.deploy.fit import Finding, fit_image, fit_memory
from mooring.deploy.image import DEFAULT_IMAGE, ImageFacts
from mooring.deploy.pack import choose, root_of
from mooring.deploy.spec import LIMITS, Instances, Serverless
from mooring.errors import MooringError
from mooring.handler.find import Located, Places, locate
from mooring.model.folder import ModelFolder
from mooring.model.manifest import Manifest
from mooring.model.pickles import conversion_command, pickled_weights
from mooring.model.source import ResolvedModel, SourceOptions, resolve
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer


@dataclass(frozen=True, slots=True)
class Case:
    """The model to check, and where it is to run."""

    source: str
    options: SourceOptions = field(default_factory=SourceOptions)
    compute: Instances | Serverless = field(default_factory=Instances)
    image: ImageFacts = field(default_factory=lambda: ImageFacts(DEFAULT_IMAGE, ""))


@dataclass(frozen=True, slots=True)
class Patient:
    """The model that was found. `manifest` is None if it cannot be read, which is a finding already."""

    case: Case
    found: ResolvedModel
    manifest: Manifest | None
    root: Path
    """The folder that would be packed."""
    files: dict[str, Path]
    """The files that would be packed, by name in the archive."""
    located: Located
    """The model's own code."""

    @property
    def bytes(self) -> int:
        """Size of the model, unpacked."""
        return sum(path.stat().st_size for path in self.files.values())


def examine(case: Case) -> tuple[Finding, ...]:
    """All findings, in the order of the checks. Faults of the model are findings, not exceptions."""
    try:
        found = resolve(case.source, case.options)
    except MooringError as error:
        return (Finding("error", "model", error.message, error.hint),)
    root = root_of(found)
    findings = _layout(case, found, root)
    located = locate(Places(found.folder, found.top))
    manifest, finding = _weights(case, found, has_code=located.path is not None)
    findings.append(finding)
    patient = Patient(case, found, manifest, root, choose(root)[0], located)
    for check in _CHECKS:
        findings += check(patient)
    return tuple(findings)


def _layout(case: Case, found: ResolvedModel, root: Path) -> list[Finding]:
    if root == found.top:
        return [Finding("ok", "layout", f"{case.source}: {found.kind}, code beside the folder {found.folder.name}")]
    way_out = "moor pack writes it in the right layout." if found.top is not None else ""
    warnings = [Finding("warning", "layout", warning, way_out) for warning in found.warnings]
    return warnings or [Finding("ok", "layout", f"{case.source}: {found.kind}")]


def _weights(case: Case, found: ResolvedModel, *, has_code: bool) -> tuple[Manifest | None, Finding]:
    try:
        manifest = read_manifest(found.folder, source=case.source)
    except MooringError as error:
        if has_code:
            what = f"The engine cannot load the model, so its own code must: {error.message}"
            return None, Finding("warning", "weights", what, error.hint)
        return None, Finding("error", "weights", error.message, error.hint)
    said = f"{manifest.architecture}, {manifest.format}, {manifest.precision}; tasks: {', '.join(manifest.tasks)}"
    return manifest, Finding("ok", "weights", said)


def _pickles(patient: Patient) -> Iterator[Finding]:
    names = pickled_weights(path.name for path in patient.found.folder.iterdir() if path.is_file())
    if names and patient.manifest is not None:
        shown = ", ".join(names[:3])
        what = f"{shown}: pickle files are not needed beside the safe weights, and loading one can run arbitrary code."
        yield Finding("warning", "pickles", what, "Delete them. moor pack and moor deploy leave them out.")
    elif names and patient.located.path is not None:
        what = f"The model's own code may load {', '.join(names[:3])}: loading a pickle can run arbitrary code."
        yield Finding("warning", "pickles", what, f"Convert them: {conversion_command(names)}")
    elif not names:
        yield Finding("ok", "pickles", "none")


def _tokenizer(patient: Patient) -> Iterator[Finding]:
    manifest = patient.manifest
    if manifest is None:
        return
    try:
        tokenizer = load_tokenizer(ModelFolder(patient.found.folder), embeddings=manifest.vocab_size)
    except MooringError as error:
        yield Finding("error", "tokenizer", error.message, error.hint)
        return
    for warning in tokenizer.warnings:
        yield Finding("warning", "tokenizer", warning)
    yield Finding("ok", "tokenizer", f"{manifest.vocab_size:,} pieces")


def _speed(patient: Patient) -> Iterator[Finding]:
    manifest = patient.manifest
    if manifest is not None and manifest.format == "safetensors":
        what = f"The model runs in fp32. {INT8_GAIN}."
        way_out = "Use moor build MODEL -o OUT --calibration FILE, or moor deploy MODEL --calibration FILE."
        yield Finding("warning", "speed", what, way_out)


def _code(patient: Patient) -> Iterator[Finding]:
    version = patient.case.image.python or code.IMAGE_PYTHON
    for level, what, way_out in code.examine(patient.files, patient.root, patient.located, version):
        yield Finding(level, "code", what, way_out)


def _size(patient: Patient) -> Iterator[Finding]:
    size, compute, manifest = patient.bytes, patient.case.compute, patient.manifest
    shown = f"{size / 1e6:,.0f} MB"
    most = LIMITS["serverless"].model_bytes
    if isinstance(compute, Serverless) and most and 2 * size > most:
        what = f"{shown}, packed and unpacked together, do not fit on the 5 GB disk of a serverless endpoint."
        yield Finding("error", "size", what, "Deploy on an instance: --instance-type.")
        return
    halves = manifest is not None and manifest.weights_dtype in ("F16", "BF16")
    yield from list(fit_memory(compute, size, halves=halves)) or [Finding("ok", "size", shown)]


def _image(patient: Patient) -> Iterator[Finding]:
    image = patient.case.image
    if not image.known_by:
        what = f"Image {image.name!r} not found: not in a local engine; ECR not checked or has no such image."
        yield Finding("warning", "image", what, "Build it with moor image, or name another with --image.")
    yield from fit_image(patient.case.compute, image)


def _files(patient: Patient) -> Iterator[Finding]:
    """Files that the model can do without, but not as well."""
    for warning in patient.manifest.warnings if patient.manifest else ():
        yield Finding("warning", "files", warning, "Copy the file from the model's source.")


_CHECKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    _pickles,
    _files,
    _tokenizer,
    _speed,
    _code,
    _size,
    _image,
)
