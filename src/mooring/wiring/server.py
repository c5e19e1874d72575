"""Settings in, a server until it is told to stop out. Called by `moor serve`, and by each worker behind nginx."""

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import msgspec
import structlog

from mooring.engine.engine import Engine
from mooring.engine.job import Answered
from mooring.engine.limits import Limits
from mooring.handler.around import AroundEngine
from mooring.model.manifest import name_of
from mooring.model.source import ResolvedModel
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.web.app import create_app
from mooring.web.limits import WebLimits
from mooring.web.listen import Address
from mooring.web.server import ServerOptions
from mooring.web.server import serve as run
from mooring.web.service import Served, Service
from mooring.wiring.handler import Loaded, load_user_code, own_service, user_code_of
from mooring.wiring.model import OpenedModel, Progress, find_model, open_found, open_model

WARM_FIRST = 12
"""Shapes warmed before /ping turns green, the cheapest ones; the others follow while nobody waits."""

Ready = Callable[[Mapping[str, Any], str], None]
"""Called with the facts of `/info` and the address that is really bound, once the model answers."""


def serve(settings: Settings, *, ready: Ready, progress: Progress | None = None) -> None:
    """Serve the model that the settings name until the process is told to stop.

    Raises what opening the model raises, ListenError or UsageError for the address, KeyboardInterrupt on a second
    Ctrl-C.
    """
    address = Address(settings.host, settings.port)
    _run(settings, address, lambda port, facts: ready(facts, address.url(port)), progress)


def serve_worker(settings: Settings, socket: Path, *, ready: Callable[[Mapping[str, Any]], None]) -> None:
    """Answer at a unix socket, which is there only while the model answers, behind a proxy that logs requests.

    Raises as `serve`.
    """
    _run(settings, Address(unix=socket), lambda _, facts: ready(facts), None, behind=True)


def _run(
    settings: Settings,
    address: Address,
    ready: Callable[[int, Mapping[str, Any]], None],
    progress: Progress | None,
    *,
    behind: bool = False,
) -> None:
    metrics = Metrics()

    def noted(done: int, total: int) -> None:
        # A download must not outlive the server that wants it.
        if service.stopping.is_set():
            raise CancelledError
        if progress is not None:
            progress(done, total)

    service = Service(lambda: _open(settings, metrics, noted))
    web_limits = WebLimits(
        max_body_bytes=settings.max_body_bytes,
        deadline_s=settings.deadline_s,
        batch=settings.batch and not settings.batch_strict,
        default_accept=settings.default_accept,
        ping_always_200=settings.ping_always_200,
        strict_content_types=settings.strict_content_types,
        hft_errors=settings.hft_errors,
    )
    run(
        create_app(service, metrics, web_limits, log_requests=not behind),
        service,
        ServerOptions(address, keep_alive_s=settings.keep_alive_s, drain_s=settings.drain_s, late=behind),
        on_ready=lambda port: ready(port, service.facts),
    )


def _open(settings: Settings, metrics: Metrics, progress: Progress) -> Served:
    """Whatever answers: the engine, the model's own code, or one around the other."""
    found = find_model(settings, progress=progress)
    code = user_code_of(settings, found)
    if code is None:
        return _by_engine(settings, metrics, open_found(settings, found))
    loaded = load_user_code(settings, code)
    structlog.get_logger("mooring.handler").info("running the model's own code", **loaded.facts)
    if loaded.own:
        return _by_user(settings, loaded, found)
    served = _by_engine(settings, metrics, open_found(settings, found))
    around = _around(loaded, found.folder, served)
    facts = {**served.facts, "handler": loaded.facts}

    def close() -> None:
        around.close()
        served.close()

    return dataclasses.replace(served, facts=facts, user_code=around, close=close)


def _around(loaded: Loaded, folder: Path, served: Served) -> AroundEngine:
    async def answer(body: Any, deadline_s: float) -> Answered:
        assert served.task is not None  # noqa: S101 - an engine has one
        return await served.engine.answer(served.task.parse(body), deadline_s=deadline_s)

    return AroundEngine(loaded.functions, loaded.code.path, str(folder), answer)


def _by_user(settings: Settings, loaded: Loaded, found: ResolvedModel) -> Served:
    service = own_service(settings, loaded, found.folder, lambda folder: open_model(settings, str(folder)))
    model = {"name": name_of(found.source, found.folder), "source": found.source, "task": settings.task}
    facts = {"model": model, "backend": {}, "handler": loaded.facts, "warnings": found.warnings}
    return Served(None, service, facts, user_code=service)


def _by_engine(settings: Settings, metrics: Metrics, opened: OpenedModel) -> Served:
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
    engine = Engine(opened.task, opened.backend, limits, observer=metrics)
    return Served(opened.task, engine, facts, opened.backend.close)
