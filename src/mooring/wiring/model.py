"""Settings in, a model that can compute out. For the server, and for the commands that need no server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mooring.backends.base import Backend
from mooring.backends.compiled import CompileCache
from mooring.backends.openvino import OpenVinoBackend, default_grid, streams_for
from mooring.backends.rewrites import QUANTISED
from mooring.errors import ModelInvalid, UsageError, echo
from mooring.graph.source import Artefact, Checkpoint
from mooring.model.digest import digest_of
from mooring.model.folder import MANIFEST_FILE, ModelFolder, unreadable
from mooring.model.manifest import Manifest, read_manifest
from mooring.model.source import ResolvedModel
from mooring.observe.memory import peak_bytes, resident_bytes
from mooring.settings import Settings
from mooring.settings.places import user_cache
from mooring.tasks.base import Task
from mooring.tasks.documents import MAX_BYTES
from mooring.tasks.question_answering import QuestionAnswering
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.pair import PairTokenizer
from mooring.wiring.precision import precision_for
from mooring.wiring.source import Progress, find_model


def make_task(folder: ModelFolder | Path, manifest: Manifest, max_pairs: int = 4096, document_bytes: int = 0) -> Task:
    """The task that the folder's model does, with its tokenizer; `max_pairs` questions at most in one request.

    `document_bytes` of texts are kept tokenized for requests to come.
    """
    return _task(_tokenizer(ModelFolder.of(folder), manifest), manifest, max_pairs, document_bytes)


def _tokenizer(folder: ModelFolder, manifest: Manifest) -> PairTokenizer:
    return load_tokenizer(folder, embeddings=manifest.vocab_size)


def _task(tokenizer: PairTokenizer, manifest: Manifest, max_pairs: int, document_bytes: int) -> Task:
    lengths = {"max_seq_len": manifest.max_seq_len, "max_positions": manifest.max_positions}
    return QuestionAnswering(tokenizer, **lengths, max_pairs=max_pairs, document_bytes=document_bytes)


def cache_bytes(settings: Settings) -> int:
    """Memory for answers: none for each of several models, for nobody would bound their sum."""
    return 0 if settings.multi_model else settings.answer_cache_bytes


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What opening the model took. Bytes are None where the kernel does not say."""

    seconds: float
    resident: int | None
    """Resident memory afterwards."""
    peak: int | None
    """The most resident memory on the way."""


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model that can compute: its facts, its task and its compiled graph."""

    folder: Path
    manifest: Manifest
    task: Task
    backend: Backend
    warnings: tuple[str, ...]
    load: LoadReport


def open_model(settings: Settings, source: str | None = None, progress: Progress | None = None) -> OpenedModel:
    """Find, check, build and compile the model that `source` (or else the settings) names; None is the embedded one.

    Raises a ModelError that says what is wrong with it, or UsageError for a precision it cannot be computed at.
    """
    return open_found(settings, find_model(settings, source, progress))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Files that this user may not read, and disks that fail, as a ModelError: starting again changes nothing."""
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
    if settings.task is not None and settings.task != manifest.task:
        raise UsageError(
            f"the task asked for is {echo(settings.task)}, and the model's is {manifest.task}.",
            hint="Leave HF_TASK and --task out to serve what the model is for.",
        )
    precision, warnings = precision_for(manifest, settings.precision)
    # First: an artefact's weights are hashed while the tokenizer is built.
    source = Artefact(folder) if manifest.format == "openvino" else Checkpoint(folder, manifest.task)
    tokenizer = _tokenizer(folder, manifest)
    task = _task(tokenizer, manifest, settings.max_windows, min(MAX_BYTES, cache_bytes(settings)))
    manifest = _with_digest(folder, manifest, source)
    # Several models in one process take turns with all cores: streams would cost each of them memory.
    streams = 1 if settings.multi_model else streams_for(settings.threads, settings.streams)
    grid = default_grid(manifest.max_positions, sparse=settings.multi_model, streams=streams)
    backend = OpenVinoBackend(
        source,
        precision=precision,
        grid=grid,
        threads=settings.threads,
        streams=streams,
        dequantise=manifest.precision in QUANTISED and precision not in QUANTISED,
        cache=compile_cache(settings, manifest),
    )
    manifest = msgspec.structs.replace(manifest, precision=precision)
    report = LoadReport(time.monotonic() - began, resident_bytes(), peak_bytes())
    warnings = (*found.warnings, *manifest.warnings, *tokenizer.warnings, *warnings)
    return OpenedModel(found.folder, manifest, task, backend, warnings, report)


def _with_digest(folder: ModelFolder, manifest: Manifest, source: Artefact | Checkpoint) -> Manifest:
    """The manifest with the digest of the bytes that are served. Raises ModelInvalid if it claims another one."""
    digest = digest_of(folder, source.hashes)
    if manifest.digest and manifest.digest != digest:
        source.close()
        raise ModelInvalid(
            f"The files in {folder} are not those that {MANIFEST_FILE} describes: their digest is {digest}, and it "
            f"says {manifest.digest}. What it says of their accuracy does not hold for them.",
            hint="Copy the whole folder again, or build it again with `moor build`.",
        )
    return msgspec.structs.replace(manifest, digest=digest)


def compile_cache(settings: Settings, manifest: Manifest) -> CompileCache | None:
    """Where the model is kept compiled, if anywhere."""
    base = settings.cache_dir or user_cache()
    if not settings.compile_cache_bytes or base is None:
        return None
    return CompileCache(base / "compiled", settings.compile_cache_bytes, f"{manifest.digest}\n{manifest.task}")
