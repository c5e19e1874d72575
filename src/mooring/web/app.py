"""Build a server's ASGI application: the endpoints of its wire protocols inside the border middleware.

border.py        request ids, errors → responses, logs, metrics
  asking.py        inference requests: body.py, then the endpoint's protocol, which decodes, computes and encodes
    protocols/       SageMaker (decode.py, records.py → service.py → encode.py) and others
  pages.py         GET /ping, /health/…, /execution-parameters, /metrics, /info, /, /page/…; /openapi.json: openapi.py
  no_route.py      404 and 405
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from mooring.engine.health import ENDING
from mooring.engine.life import ModelLife
from mooring.errors import NotOffered
from mooring.observe.metrics import Metrics
from mooring.tasks import TASKS
from mooring.tasks.base import TaskSpec
from mooring.tasks.offer import Offer
from mooring.web.asking import Answer, Asking, Begin, ModelEndpoint
from mooring.web.border import Border
from mooring.web.callers import CHANGING, Callers
from mooring.web.fleet import Fleet
from mooring.web.limits import WebLimits
from mooring.web.no_route import ONE_MODEL, SEVERAL_MODELS, RouteTable
from mooring.web.protocols import PROTOCOLS, TOOLKIT_PROTOCOLS
from mooring.web.protocols.native import PAGE
from mooring.web.reply import Refuse
from mooring.web.room import Room
from mooring.web.service import ByEngine, Service
from mooring.web.wire import Asks, Endpoint, Site


def create_app(
    service: Service | Fleet, metrics: Metrics, limits: WebLimits | None = None, *, behind: bool = False
) -> Starlette:
    """The routes for a service of one model, or for several, which the caller (`server.py`) starts and stops.

    `behind` a proxy, which logs the requests, and gives those that this process hands back to another one.
    """
    limits = limits or WebLimits()
    services = list(service.services.values()) if isinstance(service, Fleet) else [service]

    def specs() -> Sequence[TaskSpec | None]:
        found: dict[str, TaskSpec | None] = {}
        for one in services:
            for spec in _specs_of(one):
                found.setdefault("" if spec is None else spec.name, spec)
        return list(found.values())

    room = Room(limits.max_in_flight, limits.max_body_bytes)
    protocols = [*(TOOLKIT_PROTOCOLS if limits.hft_errors else PROTOCOLS), *([PAGE] if limits.page else [])]
    choose = service.choose if isinstance(service, Fleet) else None

    def find(path: Mapping[str, str]) -> Service:
        # Hugging Face's routes have an `id` that says nothing about this server.
        return services[0].named(path["model"]) if "model" in path else services[0]

    site: Site[Any] = Site(service, find, specs, metrics, limits, room, protocols, choose)
    return app_of(site, ONE_MODEL, behind=behind)


def _specs_of(service: Service) -> Sequence[TaskSpec | None]:
    """The model's tasks with examples for this model; None for a task known only to user code. Raises NotReady."""
    model = service.model
    if not isinstance(model, ByEngine):
        return [None]
    task = model.task
    if not isinstance(task, Offer):
        return [TASKS[name] for name in model.tasks]
    return [dataclasses.replace(TASKS[name], example=task.example_of(name)) for name in model.tasks]


def app_of(site: Site[Any], table: RouteTable, *, behind: bool) -> Starlette:
    """The application of a site. `table` answers requests for unknown routes. `behind` as in `create_app`."""
    endpoints = [endpoint for _, endpoint in site.endpoints.values()]
    refusals: dict[str, Refuse] = {}  # in the order of the endpoints, as the router looks at them
    for (_, path), (protocol, _) in site.endpoints.items():
        refusals.setdefault(path, protocol.refuse)
    border = Middleware(
        Border,
        metrics=site.metrics,
        routes=refusals,
        timed=frozenset(endpoint.path for endpoint in endpoints if isinstance(endpoint.answer, Asks)),
        quiet=frozenset(endpoint.path for endpoint in endpoints if not endpoint.logged),
        log_requests=not behind,
        leaving=(lambda: _leaving(site.life)) if behind else None,
        callers=Callers(site.limits.hosts, CHANGING if table is SEVERAL_MODELS else ()),
    )
    routes = []
    for endpoint in endpoints:
        if isinstance(endpoint.answer, Asks):
            choose = None if site.choose is None else functools.partial(site.choose, endpoint)
            begin = _begin(endpoint, endpoint.answer)
            asks = ModelEndpoint(begin, site.find, site.limits, site.metrics, site.room, choose)
            routes.append(Route(endpoint.path, asks, methods=[endpoint.method]))
        else:
            report = functools.partial(endpoint.answer, site)
            routes.append(Route(endpoint.path, report, methods=[endpoint.method]))
    app = Starlette(routes=routes, middleware=[border], exception_handlers={HTTPException: table.refuse})
    # A misspelled path gets an error: a redirect would drop the body.
    app.router.redirect_slashes = False
    return app


def _leaving(life: ModelLife) -> bool:
    """Whether the process will be replaced."""
    return not life.alive().ready or life.snapshot().get("phase") in ENDING


def _begin(endpoint: Endpoint, asks: Asks) -> Begin:
    """The endpoint's `Begin`, which refuses a model that offers none of the endpoint's tasks."""
    if not endpoint.tasks:
        return asks.begin

    def begin(asking: Asking) -> Answer:
        model = asking.model
        wanted = " or ".join(endpoint.tasks)
        if not isinstance(model, ByEngine):
            raise NotOffered(
                f"{endpoint.path} is for {wanted}, but this model has its own code.",
                hint="Send requests for it to POST /invocations.",
            )
        if not set(model.tasks).intersection(endpoint.tasks):
            raise NotOffered(
                f"{endpoint.path} is for {wanted}; this model offers {', '.join(model.tasks)}.",
                hint="Send requests for these to POST /invocations; GET / lists all routes.",
            )
        return asks.begin(asking)

    return begin
