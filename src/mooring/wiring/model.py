"""Open the model named by the settings, for the server and for commands without a server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mooring.backends import BACKENDS, DEFAULT
from mooring.backends.base import Backend, BackendOptions
from mooring.backends.compiled import CompileCache
from mooring.errors import ModelInvalid
from mooring.graph.source import Artefact, Checkpoint
from mooring.model.digest import digest_of
from mooring.model.folder import GRAPH_FILES, MANIFEST_FILE, ModelFolder, unreadable
from mooring.model.manifest import Manifest
from mooring.model.source import ResolvedModel
from mooring.model.weights import weight_files
from mooring.observe.machine import this_machine
from mooring.observe.memory import peak_bytes, resident_bytes
from mooring.settings import Settings
from mooring.settings.places import user_cache
from mooring.tasks import TASKS
from mooring.tasks.base import ModelParts, TaskOptions
from mooring.tasks.offer import Offer, open_offer
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.text import TextTokenizer
from mooring.wiring.source import Progress, find_model


def make_task(folder: ModelFolder | Path, manifest: Manifest) -> Offer:
    """The tasks of the folder's model, with its tokenizer, for a build: texts that are too long are cut."""
    folder = ModelFolder.of(folder)
    return open_offer(ModelParts(folder, manifest, _tokenizer(folder, manifest), TaskOptions(truncate=True)))


def _tokenizer(folder: ModelFolder, manifest: Manifest) -> TextTokenizer:
    return load_tokenizer(folder, embeddings=manifest.vocab_size)


def cache_bytes(settings: Settings) -> int:
    """Memory for cached answers; 0 with several models, because nothing would bound the sum."""
    return 0 if settings.multi_model else settings.answer_cache_bytes


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Time and memory of opening the model. Bytes are None if unknown."""

    seconds: float
    resident: int | None
    """Resident memory afterwards."""
    peak: int | None
    """Peak resident memory."""


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """An opened model: its facts, its tasks and its compiled graph."""

    folder: Path
    manifest: Manifest
    task: Offer
    backend: Backend
    tokenizer: TextTokenizer
    warnings: tuple[str, ...]
    load: LoadReport


def open_model(settings: Settings, source: str | None = None, progress: Progress | None = None) -> OpenedModel:
    """Find, check, build and compile the model that `source` (or else the settings) names; None is the embedded one.

    Raises a ModelError, or UsageError for an unsupported precision.
    """
    return open_found(settings, find_model(settings, source, progress))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn unreadable files and disk errors into a ModelError: a restart would not help."""
    try:
        yield
    except OSError as error:
        raise unreadable(folder, error) from error


def open_found(settings: Settings, found: ResolvedModel) -> OpenedModel:
    """Check, build and compile what was found. Raises as `open_model`."""
    with readable(found.folder):
        return _open_found(settings, found)


def _open_found(settings: Settings, found: ResolvedModel) -> OpenedModel:
    began = time.monotonic()
    folder = ModelFolder(found.folder)
    manifest = read_manifest(folder, source=found.source, revision=found.revision, task=settings.task)
    kind, spec = BACKENDS[DEFAULT], TASKS[manifest.task]
    choice = kind.choose(manifest, settings.precision)
    check_memory(folder, manifest, this_machine().memory)
    # First: a built model's weights are hashed while the tokenizer is built.
    source = Artefact(folder) if manifest.format == "openvino" else Checkpoint(folder, spec.head, manifest.sentence)
    tokenizer = _tokenizer(folder, manifest)
    limits = TaskOptions(settings.max_windows, cache_bytes(settings), settings.too_long == "truncate")
    task = open_offer(ModelParts(folder, manifest, tokenizer, limits))
    manifest = _with_digest(folder, manifest, source)
    options = BackendOptions(
        choice.precision,
        choice.dequantize,
        settings.threads,
        settings.streams,
        shared=settings.multi_model,
        cache=compile_cache(settings, manifest),
    )
    backend = kind.open(source, manifest.max_positions, options)
    manifest = manifest.replaced(precision=choice.precision)
    report = LoadReport(time.monotonic() - began, resident_bytes(), peak_bytes())
    warnings = (*found.warnings, *manifest.warnings, *tokenizer.warnings, *choice.warnings)
    return OpenedModel(found.folder, manifest, task, backend, tokenizer, warnings, report)


def check_memory(folder: ModelFolder, manifest: Manifest, memory: int | None) -> None:
    """Raise ModelInvalid if the weights alone exceed the machine's memory in bytes; None: unknown.

    A sparse file takes no space on the disk, but all of its size in memory.
    """
    built = manifest.format == "openvino"
    paths = [folder.path / GRAPH_FILES[1]] if built else list(weight_files(folder))
    size = sum(path.stat().st_size for path in paths)
    if memory is not None and size > memory:
        raise ModelInvalid(
            f"The weights in {folder} have {size:,} bytes, more than the memory of this machine or container, "
            f"{memory:,} bytes.",
            hint="Serve a smaller model, or raise the memory limit.",
        )


def _with_digest(folder: ModelFolder, manifest: Manifest, source: Artefact | Checkpoint) -> Manifest:
    """The manifest with the digest of the served bytes. Raises ModelInvalid if it states another one."""
    digest = digest_of(folder, source.hashes)
    if manifest.digest and manifest.digest != digest:
        source.close()
        raise ModelInvalid(
            f"The files in {folder} do not match {MANIFEST_FILE}: their digest is {digest}, but it "
            f"says {manifest.digest}. Its accuracy figures are not valid for them.",
            hint="Copy the whole folder again, or build it again with `moor build`.",
        )
    return manifest.replaced(digest=digest)


def compile_cache(settings: Settings, manifest: Manifest) -> CompileCache | None:
    """The cache of compiled models, if enabled."""
    base = settings.cache_dir or user_cache()
    if not settings.compile_cache_bytes or base is None:
        return None
    graph = f"{manifest.digest}\n{TASKS[manifest.task].head}"
    return CompileCache(base / "compiled", settings.compile_cache_bytes, graph)
