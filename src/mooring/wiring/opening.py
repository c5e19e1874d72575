"""Open what answers requests: the engine, user code, or user functions around the engine.

Called by `server.py` for one model and by `multi.py` for each of several.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import structlog

from mooring.backends.base import Backend
from mooring.engine.answers import AnswerCache
from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.engine.once import Once
from mooring.handler.around import AroundEngine
from mooring.handler.context import Context
from mooring.handler.find import UserCode as FoundCode
from mooring.handler.pipeline import Pipeline
from mooring.model.identity import Identity, code_digest, identity_of, refuse_another
from mooring.model.manifest import name_of
from mooring.model.source import ResolvedModel
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.web.reply import UserCode
from mooring.web.service import AnyServed, ByEngine, Served
from mooring.wiring.faults import opening
from mooring.wiring.handler import (
    Loaded,
    after_load,
    before_load,
    load_user_code,
    loading_context,
    own_service,
    user_code_of,
)
from mooring.wiring.model import OpenedModel, cache_bytes, open_found, open_model
from mooring.wiring.source import Progress, find_model

ONE_MODEL = "model"
"""The model name passed to user code if only one is served, as in the stock server."""
WARM_FIRST = 2
"""Number of cheapest shapes warmed before /ping is healthy; the others follow while idle.

The first one includes one-time work. From the third on, the first computation of a shape takes hardly longer than later
ones, so warming more would only delay the first request.
"""

VERSION_DIGITS = 12

M = TypeVar("M", bound=ByEngine | UserCode)


def alone(backend: Backend) -> Backend:
    """For the only backend of a process: returns it unchanged."""
    return backend


@dataclass(frozen=True, slots=True)
class Place:
    """How a model is opened: alone in its process, or beside others."""

    share: Callable[[Backend], Backend] = alone
    """Wraps the backend if the process has several."""
    name: str = ONE_MODEL
    """The model name passed to user code."""
    idle_warm: bool = True
    """Whether the engine may warm shapes while idle."""
    own_code: bool = False
    """Whether user code runs beside the engine."""
    beside: bool = False
    """Whether other engines report to the same metrics."""


def open_served(
    settings: Settings,
    metrics: Metrics,
    progress: Progress | None = None,
    place: Place | None = None,
    *,
    expected: Identity | None = None,
) -> AnyServed:
    """Open what answers: the engine, user code, or user functions around the engine.

    Raises a ModelError (ModelChanged if the digests are not those `expected`), UsageError for settings that do not fit
    the model, or NoMemory.
    """
    with opening(settings.model or "of this server"):
        served = _served(settings, metrics, find_model(settings, progress=progress), place or Place())
        try:
            refuse_another(expected or {}, identity_of(served.facts))
        except BaseException:
            served.close()
            raise
        return served


def _served(settings: Settings, metrics: Metrics, found: ResolvedModel, place: Place) -> AnyServed:
    code, warnings = user_code_of(settings, found)
    if code is not None:
        return _by_code(settings, metrics, found, code, warnings, place)
    return _warned(settings, _by_engine(settings, metrics, open_found(settings, found), place), warnings)


def _warned(settings: Settings, served: Served[M], warnings: tuple[str, ...]) -> Served[M]:
    """With more warnings for the startup text and /info, which several models do not show."""
    if settings.multi_model:
        for warning in warnings:
            structlog.get_logger("mooring.handler").warning(warning)
    facts = {**served.facts, "warnings": (*served.facts.get("warnings", ()), *warnings)}
    return dataclasses.replace(served, facts=facts)


def _by_code(
    settings: Settings,
    metrics: Metrics,
    found: ResolvedModel,
    code: FoundCode,
    warnings: tuple[str, ...],
    place: Place | None = None,
) -> Served[UserCode]:
    """User code, alone or around the engine."""
    place = place or Place()
    digest = code_digest(code.path)
    loaded = load_user_code(settings, code)
    structlog.get_logger("mooring.handler").info("running the model's code", **loaded.facts)
    loading = loading_context(loaded, found, place.name)
    if loaded.own:
        served = _by_user(settings, loaded, found, loading)
    else:
        before_load(loaded, loading)
        opened = open_found(settings, found)
        _warm_up(loaded, loading, opened, place)
        place = dataclasses.replace(place, own_code=True)
        served = _around(loaded, loading, _by_engine(settings, metrics, opened, place))
    served = dataclasses.replace(served, facts={**served.facts, "code_digest": digest})
    return _warned(settings, served, (*warnings, *loaded.warnings))


def _warm_up(loaded: Loaded, loading: Context, opened: OpenedModel, place: Place) -> None:
    """Call the user's hook with a pipeline on the model; close the model if that fails."""
    try:
        after_load(loaded, loading, Pipeline(opened.task, place.share(opened.backend)))
    except BaseException:
        opened.backend.close()
        raise


def _around(loaded: Loaded, loading: Context, served: Served[ByEngine]) -> Served[UserCode]:
    """The engine with user functions before and after it."""
    around = AroundEngine(loaded.functions, loaded.code.path, loading, served.model)

    def close() -> None:
        around.close()
        served.close()

    return Served(around, served.life, {**served.facts, "handler": loaded.facts}, close, served.counts)


def _by_user(settings: Settings, loaded: Loaded, found: ResolvedModel, loading: Context) -> Served[UserCode]:
    own = own_service(settings, loaded, loading, lambda folder: open_model(settings, str(folder)))
    name = settings.model_name or name_of(found.source, found.folder)
    model = {"name": name, "source": found.source, "task": settings.task}
    facts = {"model": model, "backend": {}, "handler": loaded.facts, "warnings": found.warnings}
    return Served(own, own, facts)


def _by_engine(settings: Settings, metrics: Metrics, opened: OpenedModel, place: Place) -> Served[ByEngine]:
    limits = Limits(
        max_windows=settings.max_windows,
        max_queue_s=settings.max_queue_ms / 1000,
        deadline_s=settings.deadline_s,
        warm=opened.backend.grid.shapes()[:WARM_FIRST],
        idle_warm=place.idle_warm,
        alone=place.share is alone and not place.own_code,
    )
    manifest = opened.manifest.replaced(name=settings.model_name or opened.manifest.name)
    facts = {
        "model": msgspec.to_builtins(manifest),
        "backend": dict(opened.backend.info()),
        "load": dataclasses.asdict(opened.load),
        "warnings": opened.warnings,
        "example": opened.task.example,
    }
    backend = place.share(opened.backend)
    engine = Engine(opened.task, backend, limits, observer=metrics.beside() if place.beside else metrics)
    cache = AnswerCache(cache_bytes(settings))
    once = Once(engine, opened.task, cache, deadline_s=settings.deadline_s, observer=metrics)
    model = ByEngine(opened.task, engine, once, opened.tokenizer, version_of(manifest.digest))
    return Served(model, engine, facts, backend.close, once.counts)


def version_of(digest: str | None) -> str:
    """The beginning of a model's digest, as its version in protocols that have one."""
    return (digest or "").removeprefix("sha256:")[:VERSION_DIGITS] or "1"
