"""Open what answers: the engine on a model, the model's own code, or one around the other.

Called by `server.py` for one model and by `multi.py` for each of several.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from mooring.backends.base import Backend
from mooring.engine.answers import AnswerCache
from mooring.engine.engine import Engine
from mooring.engine.job import Answered
from mooring.engine.limits import Limits
from mooring.engine.once import Once
from mooring.handler.around import AroundEngine
from mooring.handler.context import Context
from mooring.handler.pipeline import Pipeline
from mooring.model.identity import Identity, code_digest, identity_of, refuse_another
from mooring.model.manifest import name_of
from mooring.model.source import ResolvedModel
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.web.service import Served
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
"""What user code is told of the model's name where only one is served, as the stock server does."""
WARM_FIRST = 2
"""Shapes warmed before /ping turns green, the cheapest ones; the others follow while nobody waits.

The first one takes what is to be done once. From the third on a shape that has never been computed takes hardly longer
than one that has, and to warm it is to compute it: whoever comes first had better not wait for all of them.
"""

Share = Callable[[Backend], Backend]


def alone(backend: Backend) -> Backend:
    """For a backend that is the only one of its process."""
    return backend


def open_served(
    settings: Settings,
    metrics: Metrics,
    progress: Progress | None = None,
    share: Share = alone,
    name: str = ONE_MODEL,
    *,
    expected: Identity | None = None,
) -> Served:
    """Whatever answers: the engine, the model's own code, or one around the other.

    `share` wraps the backend where it is not the only one of the process, and user code is told the model's `name`.
    Raises a ModelError (ModelChanged if the digests are not those `expected`), UsageError for settings that do not fit
    the model, or NoMemory.
    """
    with opening(settings.model or "of this server"):
        served = _served(settings, metrics, find_model(settings, progress=progress), share, name)
        try:
            refuse_another(expected or {}, identity_of(served.facts))
        except BaseException:
            served.close()
            raise
        return served


def open_found_served(settings: Settings, metrics: Metrics, found: ResolvedModel) -> Served:
    """As `open_served`, of a model that has been found."""
    with opening(found.source):
        return _served(settings, metrics, found, alone, ONE_MODEL)


def _served(settings: Settings, metrics: Metrics, found: ResolvedModel, share: Share, name: str) -> Served:
    code, warnings = user_code_of(settings, found)
    if code is None:
        return _warned(settings, _by_engine(settings, metrics, open_found(settings, found), share), warnings)
    digest = code_digest(code.path)
    loaded = load_user_code(settings, code)
    structlog.get_logger("mooring.handler").info("running the model's own code", **loaded.facts)
    loading = loading_context(loaded, found, name)
    if loaded.own:
        served = _by_user(settings, loaded, found, loading)
    else:
        before_load(loaded, loading)
        opened = open_found(settings, found)
        _warm_up(loaded, loading, opened, share)
        served = _around(loaded, loading, _by_engine(settings, metrics, opened, share))
    served = dataclasses.replace(served, facts={**served.facts, "code_digest": digest})
    return _warned(settings, served, (*warnings, *loaded.warnings))


def _warned(settings: Settings, served: Served, warnings: tuple[str, ...]) -> Served:
    """With more warnings for the start-up text and /info; of several models nobody sees one."""
    if settings.multi_model:
        for warning in warnings:
            structlog.get_logger("mooring.handler").warning(warning)
    facts = {**served.facts, "warnings": (*served.facts.get("warnings", ()), *warnings)}
    return dataclasses.replace(served, facts=facts)


def _warm_up(loaded: Loaded, loading: Context, opened: OpenedModel, share: Share) -> None:
    """Call the user's hook with a pipeline on the model, which is closed if that fails."""
    try:
        after_load(loaded, loading, Pipeline(opened.task, share(opened.backend)))
    except BaseException:
        opened.backend.close()
        raise


def _around(loaded: Loaded, loading: Context, served: Served) -> Served:
    """The engine, with the user's functions before and after it."""

    async def answer(body: Any, deadline_s: float) -> Answered:
        assert served.task is not None  # noqa: S101 - an engine has one
        return await served.engine.answer(served.task.parse(body), deadline_s=deadline_s)

    around = AroundEngine(loaded.functions, loaded.code.path, loading, answer)

    def close() -> None:
        around.close()
        served.close()

    facts = {**served.facts, "handler": loaded.facts}
    return dataclasses.replace(served, facts=facts, user_code=around, close=close)


def _by_user(settings: Settings, loaded: Loaded, found: ResolvedModel, loading: Context) -> Served:
    service = own_service(settings, loaded, loading, lambda folder: open_model(settings, str(folder)))
    model = {"name": name_of(found.source, found.folder), "source": found.source, "task": settings.task}
    facts = {"model": model, "backend": {}, "handler": loaded.facts, "warnings": found.warnings}
    return Served(None, service, facts, user_code=service)


def _by_engine(settings: Settings, metrics: Metrics, opened: OpenedModel, share: Share) -> Served:
    limits = Limits(
        max_windows=settings.max_windows,
        queue_tokens=settings.queue_tokens,
        deadline_s=settings.deadline_s,
        warm=opened.backend.grid.shapes()[:WARM_FIRST],
    )
    facts = {
        "model": msgspec.to_builtins(opened.manifest),
        "backend": dict(opened.backend.info()),
        "load": dataclasses.asdict(opened.load),
        "warnings": opened.warnings,
    }
    backend = share(opened.backend)
    engine = Engine(opened.task, backend, limits, observer=metrics)
    cache = AnswerCache(cache_bytes(settings))
    once = Once(engine, opened.task, cache, deadline_s=settings.deadline_s, observer=metrics)
    return Served(opened.task, once, facts, backend.close, afresh=engine)
