"""SageMaker's multi-model routes over a registry, as an ASGI application. Made by `wiring/`.

POST /models, GET /models, GET and DELETE /models/{name}, POST /models/{name}/invoke.
"""

from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mooring.errors import InvalidRequest, ModelError, ModelRefused, UsageError, echo
from mooring.multi.paging import page
from mooring.multi.registry import Registry
from mooring.observe.metrics import CONTENT_TYPE, Metrics
from mooring.web.body import read_body
from mooring.web.border import border_over
from mooring.web.invocations import Invocations
from mooring.web.limits import WebLimits
from mooring.web.media import JSON
from mooring.web.no_route import SEVERAL_MODELS
from mooring.web.pages import versions
from mooring.web.room import Room

BODY_LIMIT = 1 << 20
"""Bytes of a body that names a model."""


class Models:
    """One method per route."""

    def __init__(self, registry: Registry, metrics: Metrics, limits: WebLimits) -> None:
        self._registry = registry
        self._metrics = metrics
        self._limits = limits

    async def ping(self, _: Request) -> Response:
        """200, with no model as well: the platform loads models into a server that is healthy."""
        return _json({"status": "ready"})

    async def live(self, _: Request) -> Response:
        """503 if an engine hangs: its thread can only be ended with the process."""
        for model in self._registry.models:
            health = model.service.alive()
            if not health.ready:
                return _json({"status": "hangs", "model": model.name, "reason": health.reason}, 503)
        return _json({"status": "live"})

    async def load(self, request: Request) -> Response:
        """{"model_name", "url"} → the model is loaded when this is answered."""
        fields = await self._fields(request)
        for name in ("model_name", "url"):
            if not isinstance(fields.get(name), str) or not fields[name]:
                raise InvalidRequest(f"it is {echo(fields.get(name))}; text is needed.", pointer=f"/{name}")
        try:
            model = await self._registry.load(fields["model_name"], fields["url"])
        except (ModelError, UsageError) as error:
            raise ModelRefused(error.message, hint=error.hint) from error
        return _json({"status": f'Model "{model.name}" loaded', **model.described, "identity": model.identity})

    async def list(self, request: Request) -> Response:
        """Sorted by name, in pages: limit and next_page_token."""
        query = request.query_params
        urls = {model.name: model.url for model in self._registry.models}
        urls |= {model["modelName"]: model["modelUrl"] for model in self._registry.lost}
        return _json(page(urls, query.get("limit", ""), query.get("next_page_token", "")))

    async def describe(self, request: Request) -> Response:
        """One model, with what it is."""
        name = request.path_params["name"]
        for lost in self._registry.lost:
            if lost["modelName"] == name:
                return _json({**lost, "ready": False})
        model = self._registry.get(name)
        return _json({**model.described, **model.service.facts, "engine": model.service.snapshot()})

    async def unload(self, request: Request) -> Response:
        """Its memory is free when this is answered."""
        name = request.path_params["name"]
        await self._registry.unload(name)
        return _json({"status": f'Model "{name}" unregistered'})

    async def metrics(self, _: Request) -> Response:
        """Over all models."""
        return Response(self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def info(self, _: Request) -> Response:
        """What is loaded."""
        models = [{**model.described, "engine": model.service.snapshot()} for model in self._registry.models]
        facts = {"multi_model": True, "models": models, "ready": True, "reason": "", "degraded": self._registry.lost}
        return _json({**facts, "versions": versions()})

    async def _fields(self, request: Request) -> dict[str, Any]:
        data = await read_body(request.headers, request.receive, BODY_LIMIT, self._limits.body_s)
        try:
            found = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidRequest(f"This is not JSON: {error}.") from error
        if not isinstance(found, dict):
            raise InvalidRequest(f"an object is needed, not {echo(found)}.")
        return found


class Invoke:
    """POST /models/{name}/invoke: the model's own `Invocations`."""

    def __init__(self, registry: Registry, metrics: Metrics, limits: WebLimits) -> None:
        self._registry = registry
        self._metrics = metrics
        self._limits = limits
        self._room = Room(limits.max_in_flight, limits.max_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises NotLoaded, and what `Invocations` raises."""
        model = self._registry.get(scope["path_params"]["name"])
        await Invocations(model.service, self._metrics, self._limits, self._room)(scope, receive, send)


def create_multi_app(registry: Registry, metrics: Metrics, limits: WebLimits, *, log_requests: bool) -> Starlette:
    """The routes, with the border around them."""
    models = Models(registry, metrics, limits)
    routes = [
        Route("/ping", models.ping),
        Route("/health", models.ping),
        Route("/health/live", models.live),
        Route("/health/ready", models.ping),
        Route("/metrics", models.metrics),
        Route("/info", models.info),
        Route("/models", models.load, methods=["POST"]),
        Route("/models", models.list, methods=["GET"]),
        Route("/models/{name}", models.describe, methods=["GET"]),
        Route("/models/{name}", models.unload, methods=["DELETE"]),
        Route("/models/{name}/invoke", Invoke(registry, metrics, limits), methods=["POST"]),
    ]
    app = Starlette(
        routes=routes,
        middleware=[border_over(routes, metrics, log_requests=log_requests, hft_errors=limits.hft_errors)],
        exception_handlers={HTTPException: SEVERAL_MODELS.refuse},
    )
    app.router.redirect_slashes = False
    return app


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type=JSON)
