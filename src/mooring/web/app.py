"""A service in, the ASGI application out: the table of routes, with the border around it. Called by `wiring/`.

border.py       request id, errors → responses, log, metrics
  invocations.py  POST /invocations: media.py → body.py → decode.py → service.py → encode.py
  pages.py        /ping, /health/…, /execution-parameters, /metrics, /info, /
"""

from collections.abc import Sequence

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mooring.errors import echo
from mooring.observe.metrics import Metrics
from mooring.web.border import REQUEST_ID, Border
from mooring.web.invocations import Invocations
from mooring.web.limits import WebLimits
from mooring.web.media import JSON
from mooring.web.pages import Pages
from mooring.web.service import Service
from mooring.web.status import ErrorBody


def create_app(
    service: Service, metrics: Metrics, limits: WebLimits | None = None, *, log_requests: bool = True
) -> Starlette:
    """The routes over a service, which the caller starts and stops (`server.py` does)."""
    limits = limits or WebLimits()
    pages = Pages(service, metrics, limits)
    routes = [
        Route("/invocations", Invocations(service, metrics, limits), methods=["POST"]),
        Route("/ping", pages.ping),
        Route("/health/live", pages.live),
        Route("/health/ready", pages.ping),
        Route("/execution-parameters", pages.execution_parameters),
        Route("/metrics", pages.metrics),
        Route("/info", pages.info),
        Route("/", pages.index),
    ]
    app = Starlette(
        routes=routes,
        middleware=[border_over(routes, metrics, log_requests=log_requests)],
        exception_handlers={HTTPException: no_route},
    )
    # A client that misspells a path is told so: a redirect would drop its body.
    app.router.redirect_slashes = False
    return app


def border_over(routes: Sequence[Route], metrics: Metrics, *, log_requests: bool) -> Middleware:
    """The border around these routes."""
    paths = frozenset(route.path for route in routes)
    return Middleware(Border, metrics=metrics, routes=paths, log_requests=log_requests)


async def no_route(request: Request, error: Exception) -> Response:
    """404 and 405, which the router raises, in the shape of our errors."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for that class alone
    path = echo(request.url.path)
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        message = f"{path} does not take {echo(request.method)}. It takes {allowed}."
        body = ErrorBody(405, "MethodNotAllowed", message, request.scope[REQUEST_ID])
        headers = {"Allow": allowed}
    else:
        message = f"There is no {path} here. GET / lists what there is."
        body = ErrorBody(error.status_code, "NotFound", message, request.scope[REQUEST_ID])
        headers = {}
    return Response(msgspec.json.encode(body), body.code, headers, JSON)
