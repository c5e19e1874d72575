"""Serve Mooring's own endpoints for people and monitoring: GET /, /health/…, /info, /metrics, /openapi.json."""

import dataclasses
from typing import Annotated, Any

from msgspec import Meta

from mooring.observe.metrics import CONTENT_TYPE
from mooring.tasks.base import TaskSpec
from mooring.web import pages
from mooring.web.media import HTML, JSON
from mooring.web.no_route import PAGE_FILES
from mooring.web.openapi import report
from mooring.web.page.files import KINDS
from mooring.web.protocols.sagemaker import PING, status_body
from mooring.web.status import ErrorBody, refuse
from mooring.web.wire import Bodies, Endpoint, WireProtocol


def object_body(_: TaskSpec | None) -> Bodies:
    """A JSON object whose keys depend on the server."""
    return {JSON: (dict[str, Any],)}


def index_body(_: TaskSpec | None) -> Bodies:
    """JSON, or HTML for browsers."""
    return {JSON: (dict[str, Any],), HTML: (str,)}


def file_body(_: TaskSpec | None) -> Bodies:
    """Text of any kind that a page has."""
    return dict.fromkeys(KINDS.values(), (str,))


LIVE = Endpoint(
    "GET",
    "/health/live",
    "200 unless the process must be restarted",
    pages.live,
    status_body,
    logged=False,
)
READY = dataclasses.replace(PING, path="/health/ready", summary="Same as GET /ping")
INFO = Endpoint("GET", "/info", "Model, precision, limits, versions", pages.info, object_body, logged=False)
METRICS = Endpoint(
    "GET",
    "/metrics",
    "For Prometheus",
    pages.metrics,
    lambda _: {CONTENT_TYPE: (Annotated[str, Meta(description="Prometheus text format.")],)},
    logged=False,
)
OPENAPI = Endpoint("GET", "/openapi.json", "This API as an OpenAPI 3.1 document", report, object_body)
INDEX = Endpoint("GET", "/", "A page for browsers; for others the routes, and an example", pages.index, index_body)
FILES = Endpoint("GET", PAGE_FILES, "Files of the page", pages.page_file, file_body, logged=False, listed=False)

NATIVE = WireProtocol("Mooring", (INDEX, LIVE, READY, INFO, METRICS, OPENAPI), refuse, ErrorBody)
PAGE = WireProtocol("Page", (FILES,), refuse, ErrorBody)
"""Left out with --no-page."""
