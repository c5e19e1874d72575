"""Make the ASGI application of a service: its routes, with the border around them. Called by `wiring/`.

border.py       request id, errors → responses, log, metrics
  invocations.py  POST /invocations and POST /: media.py → body.py → decode.py → service.py → encode.py
  pages.py        GET /ping, /health/…, /execution-parameters, /metrics, /info, /
  no_route.py     404 and 405
"""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from mooring.observe.metrics import Metrics
from mooring.web.border import border_over
from mooring.web.invocations import Invocations
from mooring.web.limits import WebLimits
from mooring.web.no_route import ONE_MODEL
from mooring.web.pages import Pages
from mooring.web.room import Room
from mooring.web.service import Service


def create_app(
    service: Service, metrics: Metrics, limits: WebLimits | None = None, *, log_requests: bool = True
) -> Starlette:
    """The routes over a service, which the caller starts and stops (`server.py` does)."""
    limits = limits or WebLimits()
    pages = Pages(service, metrics, limits)
    invocations = Invocations(service, metrics, limits, Room(limits.max_in_flight, limits.max_body_bytes))
    routes = [
        Route("/invocations", invocations, methods=["POST"]),
        # Hugging Face's clients post to the address that they are given, as it is.
        Route("/", invocations, methods=["POST"]),
        Route("/ping", pages.ping),
        Route("/health", pages.ping),
        Route("/health/live", pages.live),
        Route("/health/ready", pages.ping),
        Route("/execution-parameters", pages.execution_parameters),
        Route("/metrics", pages.metrics),
        Route("/info", pages.info),
        Route("/", pages.index),
    ]
    app = Starlette(
        routes=routes,
        middleware=[border_over(routes, metrics, log_requests=log_requests, hft_errors=limits.hft_errors)],
        exception_handlers={HTTPException: ONE_MODEL.refuse},
    )
    # A client that misspells a path is told so: a redirect would drop its body.
    app.router.redirect_slashes = False
    return app
