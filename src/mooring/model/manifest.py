"""What the model in a folder is: `Manifest`, and mooring.json, in which `moor build` writes it.

`tasks/recognise.py` makes the same struct for a folder straight from the Hub: nobody downstream asks which it was.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from mooring.errors import ModelIncomplete, ModelInvalid, ModelUnsupported, echo
from mooring.families import FAMILIES
from mooring.families.base import whole
from mooring.model.archive import ARCHIVE_SUFFIXES
from mooring.model.digest import folder_digest
from mooring.model.folder import (
    CONFIG_FILE,
    GRAPH_FILES,
    MANIFEST_FILE,
    TOKENIZER_FILE,
    VOCAB_FILE,
    ModelFolder,
)
from mooring.model.foreign import foreign_weights
from mooring.model.weights import SINGLE_FILE, weight_files

SCHEMA = 1
"""Version of mooring.json written here; a newer one is refused, an older one is read."""

Format = Literal["safetensors", "openvino"]
Precision = Literal["fp32", "bf16", "int8", "mixed"]


class NarrowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The same for CPUs with AVX2 alone, where int8 activations have fewer levels (`graph/narrow.py`)."""

    questions: int
    reference: float | None = None
    """On the same questions, which may be fewer or more than those of the gate."""
    candidate: float
    drop: float
    drop_upper: float
    figures: dict[str, float] | None = None
    """Every figure of the task's metric, in points; None without labels."""
    passed: bool


class GateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the built model compared with fp32. Numbers are None where the gate did not run (`skipped`)."""

    metric: str = "f1"
    """Of the task; "agreement" with fp32 where there were no labels."""
    questions: int = 0
    reference: float | None = None
    """The fp32 model's value of the metric, in percent."""
    candidate: float | None = None
    drop: float | None = None
    """reference − candidate, in points."""
    drop_upper: float | None = None
    """The bootstrap interval's upper bound of the drop; the gate compares this with `max_drop`."""
    max_drop: float | None = None
    passed: bool = False
    skipped: bool = False
    excluded_ops: tuple[str, ...] = ()
    """Operations kept out of int8 to pass."""
    narrow: NarrowRecord | None = None
    """None where it was not judged."""
    seconds: float = 0.0

    @property
    def allows_narrow(self) -> bool:
        """Whether int8 may be computed with fewer levels without being asked for: it passed, or nobody wants a gate."""
        return self.skipped or (self.narrow is not None and self.narrow.passed)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is. Lengths are in tokens."""

    schema: int = SCHEMA
    name: str
    source: str
    """What the user named: "embedded", a path or a Hub id."""
    task: str
    family: str
    architecture: str
    format: Format
    precision: Precision
    """At which it is computed."""
    weights_dtype: str
    """As most of the weights are stored: "F32", "F16", "BF16", "I8" …"""
    labels: dict[str, str]
    max_positions: int
    vocab_size: int
    hidden_size: int
    layers: int
    max_seq_len: int
    """The default window."""
    revision: str | None = None
    digest: str = ""
    """`folder_digest` of the folder. Empty for a folder that `moor build` did not write, until it has been read."""
    built: str | None = None
    """ISO date."""
    built_with: dict[str, str] = {}
    gate: GateRecord | None = None
    quality: dict[str, float | int | str] | None = None
    """Measured figures with questions and dataset, e.g. {"exact_match": 62.5, "f1": 73.9, "questions": 10570, …}."""
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Files that the folder lacks and can be served without."""

    def replaced(self, **changes: Any) -> "Manifest":
        """A copy with other values."""
        return msgspec.structs.replace(self, **changes)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write mooring.json, with the folder's digest filled in if it is empty, and return what was written.

    Call it last: the digest is over the files that are there.
    """
    if not manifest.digest:
        manifest = msgspec.structs.replace(manifest, digest=folder_digest(folder, built=manifest.format == "openvino"))
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (folder / MANIFEST_FILE).write_bytes(text + b"\n")
    return manifest


def name_of(source: str, folder: Path) -> str:
    """A short name to show: a Hub id as it is, else the last part of the path without its archive suffix."""
    parts = [p for p in source.replace("\\", "/").split("/") if p not in ("", ".", "..", "~")]
    if len(parts) == 2 and not source.startswith(("/", ".", "~")) and not Path(source).exists():
        return source
    name = parts[-1] if parts else folder.resolve().name
    return name.removesuffix(".tgz").removesuffix(".tar.gz") or folder.resolve().name


def read_built(folder: ModelFolder) -> Manifest:
    """What mooring.json says, checked against the files beside it; the task is not.

    Raises ModelIncomplete, ModelUnsupported or ModelInvalid.
    """
    text = folder.read(MANIFEST_FILE)
    try:
        schema = msgspec.json.decode(text, type=_Versioned).schema
        if schema > SCHEMA:
            raise ModelUnsupported(
                f"{MANIFEST_FILE} has schema {schema}; this Mooring reads up to {SCHEMA}: a newer one wrote it.",
                hint="Upgrade Mooring, or build the model again with this version.",
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelInvalid(f"{MANIFEST_FILE} in {folder} cannot be read: {error}.") from error
    if manifest.family not in FAMILIES:
        raise ModelUnsupported(
            f"{MANIFEST_FILE}: family is {echo(manifest.family)}, which is not supported.",
            hint=f"Supported: {', '.join(FAMILIES)}. A newer Mooring may have written it.",
        )
    names = GRAPH_FILES if manifest.format == "openvino" else (CONFIG_FILE,)
    missing = [name for name in names if not folder.has(name)] + _missing_tokenizer(folder)
    require(folder, str(folder.path), missing, f"which {MANIFEST_FILE} needs")
    _check_sizes(folder, manifest)
    if manifest.format == "safetensors":
        weight_files(folder)
    return manifest


class _Versioned(msgspec.Struct):
    schema: int


def _check_sizes(folder: ModelFolder, manifest: Manifest) -> None:
    """Sizes that no model has, and those that config.json, which the digest covers, does not agree with."""
    stated = msgspec.structs.asdict(manifest)
    for key in ("max_positions", "vocab_size", "hidden_size", "layers", "max_seq_len"):
        whole(stated, key, MANIFEST_FILE)
    if manifest.max_seq_len > manifest.max_positions:
        raise ModelInvalid(
            f"{MANIFEST_FILE}: max_seq_len {manifest.max_seq_len} exceeds max_positions {manifest.max_positions}."
        )
    config = folder.json_or_empty(CONFIG_FILE)
    if not config:
        return
    family = FAMILIES[manifest.family]
    rows = family.reserved_positions(config) + manifest.max_positions
    for key, own in ((family.keys.positions, rows), ("vocab_size", manifest.vocab_size)):
        if config.get(key, own) != own:
            raise ModelInvalid(
                f"{CONFIG_FILE}: {key} is {echo(config[key])}, and {MANIFEST_FILE} says {own}.",
                hint="The files are of different models, or one was edited. Build the model again.",
            )


def missing_from_hub_folder(folder: ModelFolder) -> list[str]:
    """Files that a folder straight from the Hub needs and does not have."""
    missing = [] if folder.has(CONFIG_FILE) else [CONFIG_FILE]
    missing += _missing_tokenizer(folder)
    try:
        weight_files(folder)
    except ModelIncomplete as error:
        missing += error.missing
    return missing


def _missing_tokenizer(folder: ModelFolder) -> list[str]:
    return [] if folder.has(TOKENIZER_FILE) or folder.has(VOCAB_FILE) else [f"{TOKENIZER_FILE} (or {VOCAB_FILE})"]


def require(folder: ModelFolder, source: str, missing: list[str], why: str = "") -> None:
    """Raise ModelIncomplete if files are missing, ModelUnsupported if their weights are there in another format."""
    if not missing:
        return
    packed = source.endswith(ARCHIVE_SUFFIXES)
    # An archive is unpacked to a place that says nothing to its owner.
    what = f"archive {echo(source)}" if packed else f"model folder {folder}"
    names = [path.name for path in folder.path.iterdir() if path.is_file()]
    if SINGLE_FILE in missing and (foreign := foreign_weights(names)) is not None:
        raise ModelUnsupported(
            f"The {what} has its weights only as {foreign.names}, which is {foreign.format}; safetensors is served.",
            hint=foreign.way_out + (_PACK if packed else ""),
        )
    lacks = f"lacks {', '.join(missing)}" + (f", {why}" if why else "")
    raise ModelIncomplete(f"The {what} {lacks}.", missing=tuple(missing), hint=_where(folder, packed=packed))


_PACK = " Then pack it again: tar -czf model.tar.gz -C FOLDER ."


def _where(folder: ModelFolder, *, packed: bool) -> str:
    """What to do about missing files: look further down, if there is a model."""
    below = models_below(folder.path)
    if below:
        more = f" (and {len(below) - 1} more)" if len(below) > 1 else ""
        return f"Its folder {str(below[0])!r}{more} holds a model: did you mean that one?"
    return _PACK.strip() if packed else "Put them there."


def models_below(folder: Path) -> list[Path]:
    """Folders below this one that hold a model, relative to it; a glance, not a search of a whole disk."""
    found: list[Path] = []
    level = [folder]
    for _ in range(_DEPTH):
        level = [below for parent in level for below in _folders(parent)][:_GLANCES]
        found += [path.relative_to(folder) for path in level if (path / CONFIG_FILE).is_file()]
    return found


_DEPTH = 4
_GLANCES = 500
"""Folders looked into on each level."""


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
