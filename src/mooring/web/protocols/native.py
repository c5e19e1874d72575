"""Serve Mooring's own endpoints for people and monitoring: GET /, /health/…, /info, /metrics, /openapi.json."""

import dataclasses
from typing import Annotated, Any

from msgspec import Meta

from mooring.observe.metrics import CONTENT_TYPE
from mooring.tasks.base import TaskSpec
from mooring.web import pages
from mooring.web.media import JSON
from mooring.web.openapi import report
from mooring.web.protocols.sagemaker import PING, status_body
from mooring.web.status import ErrorBody, refuse
from mooring.web.wire import Bodies, Endpoint, WireProtocol


def object_body(_: TaskSpec | None) -> Bodies:
    """A JSON object whose keys depend on the server."""
    return {JSON: (dict[str, Any],)}


LIVE = Endpoint(
    "GET",
    "/health/live",
    "200 unless the process must be restarted",
    pages.live,
    status_body,
    logged=False,
)
READY = dataclasses.replace(PING, path="/health/ready", summary="Same as GET /ping")
INFO = Endpoint("GET", "/info", "Model, precision, limits, versions", pages.info, object_body)
METRICS = Endpoint(
    "GET",
    "/metrics",
    "For Prometheus",
    pages.metrics,
    lambda _: {CONTENT_TYPE: (Annotated[str, Meta(description="Prometheus text format.")],)},
    logged=False,
)
OPENAPI = Endpoint("GET", "/openapi.json", "This API as an OpenAPI 3.1 document", report, object_body)
INDEX = Endpoint("GET", "/", "Routes, and an example command", pages.index, object_body)

NATIVE = WireProtocol("Mooring", (INDEX, LIVE, READY, INFO, METRICS, OPENAPI), refuse, ErrorBody)
