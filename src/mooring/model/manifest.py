"""Describe the model in a folder (`Manifest`), and read and write it as mooring.json.

`tasks/recognise.py` makes the same struct for a folder from the Hub, so later code need not tell them apart.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from mooring.errors import ModelIncomplete, ModelInvalid, ModelUnsupported, echo
from mooring.families import FAMILIES
from mooring.families.base import check_positions, whole
from mooring.model.archive import ARCHIVE_SUFFIXES
from mooring.model.digest import folder_digest
from mooring.model.folder import (
    CONFIG_FILE,
    GRAPH_FILES,
    MANIFEST_FILE,
    TOKENIZER_FILES,
    ModelFolder,
)
from mooring.model.foreign import foreign_weights
from mooring.model.sentence_transformers import SentenceRecord, read_sentence
from mooring.model.tokenizer_files import CONVERT, WANTED, has_tokenizer, only_sentencepiece, sentencepiece_in
from mooring.model.weights import SINGLE_FILE, weight_files

SCHEMA = 1
"""Version of mooring.json written here; newer versions are refused, older ones are read."""

Format = Literal["safetensors", "openvino"]
Precision = Literal["fp32", "bf16", "int8", "mixed"]


class NarrowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The same check for CPUs with AVX2 only, where int8 activations have fewer levels (`graph/narrow.py`)."""

    questions: int
    reference: float | None = None
    """fp32 and built model on the same questions, which may differ in number from the accuracy check's."""
    candidate: float
    drop: float
    drop_upper: float
    figures: dict[str, float] | None = None
    """All figures of the task's metric, in points; None without labels."""
    passed: bool


class GateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Accuracy of the built model compared with fp32. Numbers are None if the check was skipped (`skipped`)."""

    metric: str = "f1"
    """The task's metric; "agreement" with fp32 without labels."""
    questions: int = 0
    reference: float | None = None
    """The fp32 model's value of the metric, in percent."""
    candidate: float | None = None
    drop: float | None = None
    """reference − candidate, in points."""
    drop_upper: float | None = None
    """Upper bound of the drop's bootstrap interval; compared with `max_drop`."""
    max_drop: float | None = None
    passed: bool = False
    skipped: bool = False
    excluded_ops: tuple[str, ...] = ()
    """Operations kept in floating point to pass."""
    narrow: NarrowRecord | None = None
    """None if not checked."""
    seconds: float = 0.0

    @property
    def allows_narrow(self) -> bool:
        """Whether int8 with fewer levels may be chosen automatically: it passed, or the check was skipped."""
        return self.skipped or (self.narrow is not None and self.narrow.passed)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a model. Lengths are in tokens."""

    schema: int = SCHEMA
    name: str
    source: str
    """The model as the user named it: "embedded", a path or a Hub id."""
    task: str
    """The task that answers a request which names none."""
    tasks: tuple[str, ...] = ()
    """All tasks of the model, `task` first."""
    family: str
    architecture: str
    format: Format
    precision: Precision
    """The precision of the computation."""
    weights_dtype: str
    """The storage type of most weights: "F32", "F16", "BF16", "I8" …"""
    labels: dict[str, str]
    no_answer: bool | None = None
    """Whether a question-answering model was trained on questions without an answer; None: nothing says so."""
    sentence: SentenceRecord | None = None
    """How vectors of whole texts are made; None if the model has no pooling."""
    max_positions: int
    vocab_size: int
    hidden_size: int
    layers: int
    max_seq_len: int
    """Default window length."""
    revision: str | None = None
    digest: str = ""
    """`folder_digest` of the folder. Empty for other folders than `moor build`'s until they have been read."""
    built: str | None = None
    """ISO date."""
    built_with: dict[str, str] = {}
    gate: GateRecord | None = None
    quality: dict[str, float | int | str] | None = None
    """Measured figures with questions and dataset, e.g. {"exact_match": 62.5, "f1": 73.9, "questions": 10570, …}."""
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Optional files that the folder lacks."""

    def replaced(self, **changes: Any) -> "Manifest":
        """A copy with changed values."""
        return msgspec.structs.replace(self, **changes)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write mooring.json, with the folder's digest filled in if it is empty, and return what was written.

    Call it last: the digest covers the files that exist.
    """
    if not manifest.digest:
        manifest = msgspec.structs.replace(manifest, digest=folder_digest(folder, built=manifest.format == "openvino"))
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (folder / MANIFEST_FILE).write_bytes(text + b"\n")
    return manifest


def name_of(source: str, folder: Path) -> str:
    """A short display name: a Hub id as is, else the last part of the path without its archive suffix."""
    parts = [p for p in source.replace("\\", "/").split("/") if p not in ("", ".", "..", "~")]
    if len(parts) == 2 and not source.startswith(("/", ".", "~")) and not Path(source).exists():
        return source
    name = parts[-1] if parts else folder.resolve().name
    return name.removesuffix(".tgz").removesuffix(".tar.gz") or folder.resolve().name


def read_built(folder: ModelFolder) -> Manifest:
    """Read mooring.json and check it against the files beside it; the task is not checked.

    Raises ModelIncomplete, ModelUnsupported or ModelInvalid.
    """
    text = folder.read(MANIFEST_FILE)
    try:
        schema = msgspec.json.decode(text, type=_Versioned).schema
        if schema > SCHEMA:
            raise ModelUnsupported(
                f"{MANIFEST_FILE} has schema {schema}, written by a newer Mooring; this version reads up to {SCHEMA}.",
                hint="Upgrade Mooring, or build the model again with this version.",
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelInvalid(f"Cannot read {MANIFEST_FILE} in {folder}: {error}.") from error
    if manifest.family not in FAMILIES:
        raise ModelUnsupported(
            f"{MANIFEST_FILE}: family is {echo(manifest.family)}, which is not supported.",
            hint=f"Supported: {', '.join(FAMILIES)}. A newer Mooring may have written it.",
        )
    names = GRAPH_FILES if manifest.format == "openvino" else (CONFIG_FILE,)
    missing = [name for name in names if not folder.has(name)] + _missing_tokenizer(folder)
    require(folder, str(folder.path), missing, f"required by {MANIFEST_FILE}")
    _check_sizes(folder, manifest)
    if manifest.format == "safetensors":
        weight_files(folder)
    return manifest.replaced(sentence=read_sentence(folder, manifest.hidden_size))


class _Versioned(msgspec.Struct):
    schema: int


def _check_sizes(folder: ModelFolder, manifest: Manifest) -> None:
    """Refuse impossible sizes, and sizes that contradict config.json, which the digest covers."""
    stated = msgspec.structs.asdict(manifest)
    for key in ("max_positions", "vocab_size", "hidden_size", "layers", "max_seq_len"):
        whole(stated, key, MANIFEST_FILE)
    check_positions(manifest.max_positions, MANIFEST_FILE, "max_positions")
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
                f"{CONFIG_FILE}: {key} is {echo(config[key])}, but {MANIFEST_FILE} says {own}.",
                hint="The files belong to different models, or one was edited. Build the model again.",
            )


def missing_from_hub_folder(folder: ModelFolder) -> list[str]:
    """Required files that a folder from the Hub lacks."""
    missing = [] if folder.has(CONFIG_FILE) else [CONFIG_FILE]
    missing += _missing_tokenizer(folder)
    try:
        weight_files(folder)
    except ModelIncomplete as error:
        missing += error.missing
    return missing


def _missing_tokenizer(folder: ModelFolder) -> list[str]:
    return [] if has_tokenizer(name for name in TOKENIZER_FILES if folder.has(name)) else [WANTED]


def require(folder: ModelFolder, source: str, missing: list[str], why: str = "") -> None:
    """Raise ModelIncomplete if files are missing, ModelUnsupported if the weights are in an unsupported format."""
    if not missing:
        return
    packed = source.endswith(ARCHIVE_SUFFIXES)
    # An archive is unpacked to a path that means nothing to the user.
    what = f"archive {echo(source)}" if packed else f"model folder {folder}"
    names = folder.names()
    if SINGLE_FILE in missing and (foreign := foreign_weights(names)) is not None:
        raise ModelUnsupported(
            f"The {what} has only {foreign.names} ({foreign.format}), not safetensors.",
            hint=foreign.way_out + (_PACK if packed else ""),
        )
    if missing == [WANTED] and (sentencepiece := sentencepiece_in(names)) is not None:
        raise ModelUnsupported(
            only_sentencepiece(f"The {what}", sentencepiece),
            hint=f"Convert it inside that folder, {CONVERT}." + (_PACK if packed else ""),
        )
    lacks = f"lacks {', '.join(missing)}" + (f", {why}" if why else "")
    raise ModelIncomplete(f"The {what} {lacks}.", missing=tuple(missing), hint=_where(folder, packed=packed))


_PACK = " Then pack it again: tar -czf model.tar.gz -C FOLDER ."


def _where(folder: ModelFolder, *, packed: bool) -> str:
    """What to do about missing files; names a subfolder that holds a model."""
    below = models_below(folder.path)
    if below:
        more = f" (and {len(below) - 1} more)" if len(below) > 1 else ""
        return f"The subfolder {str(below[0])!r}{more} holds a model. Did you mean that one?"
    return _PACK.strip() if packed else "Add the missing files to the folder."


def models_below(folder: Path) -> list[Path]:
    """Subfolders that hold a model, relative to this one. A bounded look, not a search of a whole disk."""
    found: list[Path] = []
    level = [folder]
    for _ in range(_DEPTH):
        level = [below for parent in level for below in _folders(parent)][:_GLANCES]
        found += [path.relative_to(folder) for path in level if (path / CONFIG_FILE).is_file()]
    return found


_DEPTH = 4
_GLANCES = 500
"""Most folders examined on each level."""


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
