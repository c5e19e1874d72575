"""Settings in, a model that can compute out. Called by `server.py` and by the commands that need no server."""

import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mooring.backends.base import Backend
from mooring.backends.compiled import CompileCache, described
from mooring.backends.openvino import OpenVinoBackend, default_grid, streams_for
from mooring.backends.rewrites import QUANTISED
from mooring.errors import ModelError, UsageError, echo
from mooring.graph.heads import build_graph
from mooring.model.digest import folder_digest
from mooring.model.manifest import GRAPH_FILES, Manifest, read_manifest
from mooring.model.source import ResolvedModel
from mooring.model.weights import open_weights
from mooring.observe.memory import peak_bytes, resident_bytes
from mooring.settings import Settings
from mooring.settings.places import user_cache
from mooring.tasks.base import Task
from mooring.tasks.documents import MAX_BYTES
from mooring.tasks.question_answering import QuestionAnswering
from mooring.tasks.tokenizer import load_tokenizer
from mooring.wiring.precision import precision_for
from mooring.wiring.source import Progress, find_model


def _question_answering(folder: Path, manifest: Manifest, max_pairs: int, document_bytes: int) -> Task:
    tokenizer = load_tokenizer(folder, vocab_size=manifest.vocab_size, lower_case=manifest.lower_case)
    lengths = {"max_seq_len": manifest.max_seq_len, "max_positions": manifest.max_positions}
    return QuestionAnswering(tokenizer, **lengths, max_pairs=max_pairs, document_bytes=document_bytes)


_TASKS: Mapping[str, Callable[[Path, Manifest, int, int], Task]] = {"question-answering": _question_answering}


def make_task(folder: Path, manifest: Manifest, max_pairs: int = 4096, document_bytes: int = 0) -> Task:
    """The task that the folder's model does, with its tokenizer; `max_pairs` questions at most in one request.

    `document_bytes` of texts are kept tokenised for requests to come.
    """
    return _TASKS[manifest.task](folder, manifest, max_pairs, document_bytes)


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
        raise ModelError(
            f"The model in {echo(str(folder))} cannot be read: {error.strerror or error} ({error.filename}).",
            hint="Whoever runs this has to be allowed to read every file of it: chmod -R a+rX FOLDER.",
        ) from error


def open_found(settings: Settings, found: ResolvedModel) -> OpenedModel:
    """Check, build and compile what was found. Raises as `open_model`."""
    with readable(found.folder):
        return _open_found(settings, found)


def _open_found(settings: Settings, found: ResolvedModel) -> OpenedModel:
    began = time.monotonic()
    manifest = read_manifest(found.folder, source=found.source, revision=found.revision)
    if settings.task is not None and settings.task != manifest.task:
        raise UsageError(
            f"the task asked for is {echo(settings.task)}, and the model's is {manifest.task}.",
            hint="Leave HF_TASK and --task out to serve what the model is for.",
        )
    manifest = msgspec.structs.replace(manifest, digest=manifest.digest or folder_digest(found.folder))
    precision, warnings = precision_for(manifest, settings.precision)
    task = make_task(found.folder, manifest, settings.max_windows, min(MAX_BYTES, cache_bytes(settings)))
    graph, release = _graph(found, manifest)
    # Several models in one process take turns with all cores: streams would cost each of them memory.
    streams = 1 if settings.multi_model else streams_for(settings.threads, settings.streams)
    grid = default_grid(manifest.max_positions, sparse=settings.multi_model, streams=streams)
    backend = OpenVinoBackend(
        graph,
        precision=precision,
        grid=grid,
        threads=settings.threads,
        streams=streams,
        dequantise=manifest.precision in QUANTISED and precision not in QUANTISED,
        release=release,
        cache=compile_cache(settings, found, manifest),
    )
    manifest = msgspec.structs.replace(manifest, precision=precision)
    report = LoadReport(time.monotonic() - began, resident_bytes(), peak_bytes())
    return OpenedModel(found.folder, manifest, task, backend, (*found.warnings, *manifest.warnings, *warnings), report)


def _graph(found: ResolvedModel, manifest: Manifest) -> tuple[Any, Callable[[], None]]:
    """The graph to compile and what to call once it need not be compiled any more."""
    if manifest.format == "openvino":
        return found.folder / GRAPH_FILES[0], lambda: None
    config = json.loads((found.folder / "config.json").read_text(encoding="utf-8"))
    weights = open_weights(found.folder)
    return functools.partial(build_graph, config, weights, manifest.task), weights.close


def compile_cache(settings: Settings, found: ResolvedModel, manifest: Manifest) -> CompileCache | None:
    """Where the model is kept compiled, if anywhere. An artefact's files may have been changed after its digest."""
    base = settings.cache_dir or user_cache()
    if not settings.compile_cache_bytes or base is None:
        return None
    files = GRAPH_FILES if manifest.format == "openvino" else ()
    identity = "\n".join((manifest.digest or "", manifest.task, *(described(found.folder / name) for name in files)))
    return CompileCache(base / "compiled", settings.compile_cache_bytes, identity)
