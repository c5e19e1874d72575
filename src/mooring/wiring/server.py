"""Run a server until it is told to stop. Called by `moor serve`, and by each worker behind nginx."""

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from mooring.engine.life import ModelLife
from mooring.model.identity import Identity
from mooring.observe.memory import tune_malloc
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.web.app import create_app
from mooring.web.callers import allowed_hosts
from mooring.web.fleet import Fleet
from mooring.web.limits import WebLimits
from mooring.web.listen import Address
from mooring.web.server import ServerOptions, connections_for
from mooring.web.server import serve as run
from mooring.web.service import Service
from mooring.wiring.fleet import fleet
from mooring.wiring.multi import multi_app, read_first
from mooring.wiring.opening import open_served
from mooring.wiring.source import Progress

Ready = Callable[[Mapping[str, Any], str], None]
"""Called with the facts of `/info` and the bound address once the model answers."""


def serve(settings: Settings, *, ready: Ready, progress: Progress | None = None) -> None:
    """Serve the configured model, or those loaded at run time, until the process is told to stop.

    Raises what opening the model raises, ListenError or UsageError for the address, KeyboardInterrupt on a second
    Ctrl-C.
    """
    tune_malloc()
    address = Address(settings.host, settings.port)
    app, life, facts = _several(settings) if settings.multi_model else _one(settings, progress)
    run(app, life, _options(settings, life, address), on_ready=lambda port: ready(facts(), address.url(port)))


@dataclass(frozen=True, slots=True)
class Duty:
    """What a worker behind the proxy must serve: the same as the other workers and its predecessor."""

    expected: Identity = field(default_factory=dict)
    """Digests of what is being served; empty for the first worker."""
    first: Path | None = None
    """Of a multi-model server: a file with the models to load before taking traffic."""
    on_loading: Callable[[str], None] = lambda _: None
    """Called with the name of each of them before it is loaded, and with "" afterwards."""
    on_drain: Callable[[], None] = lambda: None
    """Called when the worker has been told to stop."""
    beat: Callable[[str], None] = lambda _: None
    """Called on every `BEAT_S` of the event loop, with the reason if the worker must be replaced."""


def serve_worker(settings: Settings, socket: Path, duty: Duty, *, ready: Callable[[Mapping[str, Any]], None]) -> None:
    """Serve on a Unix socket that exists only while the model answers, behind a proxy that logs requests.

    Raises as `serve`, and ModelChanged.
    """
    tune_malloc()
    app, life, facts = _several(settings, duty) if settings.multi_model else _one(settings, None, duty)
    options = dataclasses.replace(
        _options(settings, life, Address(unix=socket), late=True),
        on_drain=duty.on_drain,
        beat=lambda: duty.beat(life.alive().reason),
    )
    run(app, life, options, on_ready=lambda _: ready(facts()))


Parts = tuple[ASGIApp, ModelLife, Callable[[], Mapping[str, Any]]]
"""The application, its life cycle, and the facts for `/info` once started."""


def _one(settings: Settings, progress: Progress | None, duty: Duty | None = None) -> Parts:
    metrics = Metrics()

    def noted(done: int, total: int) -> None:
        # A download must not outlive the server.
        if service.stopping.is_set():
            raise CancelledError
        if progress is not None:
            progress(done, total)

    expected = duty.expected if duty else {}
    service: Service | Fleet
    if settings.more_models:
        service = fleet(settings, metrics, noted, expected)
    else:
        service = Service(lambda: open_served(settings, metrics, noted, expected=expected))
    app = create_app(service, metrics, limits_of(settings), behind=duty is not None)
    return app, service, lambda: service.facts


def _several(settings: Settings, duty: Duty | None = None) -> Parts:
    alone, duty = duty is None, duty or Duty()
    first = read_first(duty.first)
    app, registry = multi_app(settings, limits_of(settings), first, duty.on_loading, behind=not alone)
    return app, registry, lambda: registry.facts


def limits_of(settings: Settings) -> WebLimits:
    """What the settings say about requests."""
    batch = settings.batch and not settings.batch_strict
    return WebLimits(
        max_body_bytes=settings.max_body_bytes,
        max_in_flight=settings.max_in_flight,
        deadline_s=settings.deadline_s,
        max_records=settings.max_records if batch else settings.max_windows,
        truncate=settings.too_long == "truncate",
        batch=batch,
        default_accept=settings.default_accept,
        ping_always_200=settings.ping_always_200,
        strict_content_types=settings.strict_content_types,
        hft_errors=settings.hft_errors,
        page=settings.page,
        hosts=allowed_hosts(settings.allowed_host, settings.host),
    )


def _options(settings: Settings, life: ModelLife, address: Address, *, late: bool = False) -> ServerOptions:
    return ServerOptions(
        address,
        keep_alive_s=settings.keep_alive_s,
        drain_s=settings.drain_s,
        # Behind nginx, nginx limits connections; without it, use the same limit.
        max_connections=0 if late else connections_for(settings.max_in_flight),
        late=late,
        # Only user code sees the names; keeping them takes half a microsecond each.
        names_as_sent=lambda: bool(settings.run_code) and (not isinstance(life, Service | Fleet) or life.may_run_code),
    )
