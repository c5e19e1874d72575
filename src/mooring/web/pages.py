"""Answer GET requests: /ping, /health/…, /execution-parameters, /metrics, /info, /, the page. Used by `protocols/`."""

import contextlib
import platform
import shlex
from functools import lru_cache
from importlib import metadata
from typing import Any

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import mooring
from mooring.errors import NotReady
from mooring.observe.memory import peak_bytes, resident_bytes
from mooring.observe.metrics import CONTENT_TYPE
from mooring.web.border import shown
from mooring.web.media import JSON, prefers_html
from mooring.web.page.files import INDEX, PLAYGROUND, files_of
from mooring.web.service import Service
from mooring.web.tei_info import tei_info
from mooring.web.wire import Site

PACKAGES = ("openvino", "tokenizers", "numpy", "starlette", "uvicorn", "msgspec")
"""Packages whose versions `/info` reports."""

MEGABYTE = 1024 * 1024
TIMELY = 0.25
"""Fraction of the deadline that a batch transform request should take."""
BYTES_PER_TOKEN = 2.5
"""Bytes of JSON Lines per token: English has 4.6; questions, overlaps and padding take the rest."""
MOST_AT_ONCE_MB = 100


class Status(msgspec.Struct):
    """The body of a passing health check."""

    status: str


class ExecutionParameters(msgspec.Struct, rename="pascal"):
    """What SageMaker batch transform reads before it starts."""

    max_concurrent_transforms: int
    batch_strategy: str
    max_payload_in_mb: int = msgspec.field(name="MaxPayloadInMB")


async def ping(site: Site[Any], _: Request) -> Response:
    """200 if the model answers, else 503 with the reason."""
    health = await site.life.check()
    site.metrics.ready(health.ready)
    if health.ready != site.green:
        log = structlog.get_logger("mooring.web")
        if health.ready:
            log.info("ping is healthy")
        else:
            log.warning("ping is unhealthy", reason=health.reason)
    site.green = health.ready
    if not health.ready and not site.limits.ping_always_200:
        raise NotReady(health.reason)
    return json_response(Status("ready"))


async def live(site: Site[Any], _: Request) -> Response:
    """200 unless an engine has died or hangs, which only a restart can fix."""
    health = site.life.alive()
    if not health.ready:
        raise NotReady(health.reason)
    return json_response(Status("live"))


async def execution_parameters(site: Site[Any], _: Request) -> Response:
    """Batch sizes that are answered well within the deadline."""
    tokens = site.life.snapshot().get("tokens_per_second")
    rate = float(tokens) if isinstance(tokens, (int, float)) else 0.0
    limits = site.limits
    payload = payload_mb(rate, limits.deadline_s, limits.max_body_bytes, limits.max_transforms)
    return json_response(ExecutionParameters(limits.max_transforms, "MULTI_RECORD", payload), indent=2)


async def metrics(site: Site[Any], _: Request) -> Response:
    """For Prometheus."""
    site.metrics.ready(site.life.health().ready)
    return Response(site.metrics.render(), headers={"Content-Type": CONTENT_TYPE})


async def info(site: Site[Service], _: Request) -> Response:
    """The model, the engine and the settings of this server."""
    health = site.life.health()
    facts: dict[str, Any] = {
        **site.life.facts,
        "ready": health.ready,
        "reason": health.reason,
        # Behind nginx: workers that do not answer (`container/front.py`).
        "degraded": [],
        "engine": site.life.snapshot(),
        "limits": {"max_body_bytes": site.limits.max_body_bytes, "deadline_s": site.limits.deadline_s},
        "topology": {"processes": 1, "machine": platform.machine(), "system": platform.system()},
        "memory": {"resident_bytes": resident_bytes(), "peak_bytes": peak_bytes()},
        "versions": versions(),
        **tei_info(site.life.facts, site.limits),
    }
    return json_response(facts, indent=2)


async def index(site: Site[Any], request: Request) -> Response:
    """The page for browsers; for other clients the routes and an example."""
    if site.limits.page and prefers_html(request.headers.get("accept", "")):
        response = files_of(PLAYGROUND)[INDEX].response(request)
    else:
        response = _routes(site, request)
    response.headers["Vary"] = "Accept"
    return response


async def page_file(_: Site[Any], request: Request) -> Response:
    """A file of the page."""
    found = files_of(PLAYGROUND).get(request.path_params["file"])
    if found is None:
        raise HTTPException(404)
    return found.response(request)


def _routes(site: Site[Any], request: Request) -> Response:
    found = site.endpoints
    with contextlib.suppress(NotReady):
        found = site.offered
    listed = {key: endpoint for key, (_, endpoint) in found.items() if endpoint.listed}
    routes = {f"{method} {shown(path)}": endpoint.summary for (method, path), endpoint in listed.items()}
    page: dict[str, Any] = {"mooring": mooring.__version__, "routes": routes}
    with contextlib.suppress(NotReady):
        spec = next(iter(site.specs()), None)
        if spec is not None and ("POST", "/invocations") in found:
            body = shlex.quote(msgspec.json.format(msgspec.json.encode(spec.example), indent=0).decode())
            page["try"] = f"curl {request.base_url}invocations -H 'Content-Type: {JSON}' -d {body}"
    return json_response(page, indent=2)


def json_response(content: object, *, indent: int | None = None) -> Response:
    """A JSON response; indented where people read it."""
    body = msgspec.json.encode(content)
    if indent is not None:
        body = msgspec.json.format(body, indent=indent) + b"\n"
    return Response(body, media_type=JSON)


def payload_mb(tokens_per_second: float, deadline_s: float, max_body_bytes: int, at_once: int) -> int:
    """Megabytes, at least 1, that can be answered within `TIMELY` of the deadline at the warm-up's speed.

    At most the size limit of a request, and batch transform's limit for all concurrent requests.
    """
    timely = TIMELY * deadline_s * tokens_per_second * BYTES_PER_TOKEN / at_once
    most = min(max_body_bytes, MOST_AT_ONCE_MB * MEGABYTE // at_once)
    return max(1, int(min(timely, most)) // MEGABYTE)


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of Mooring, Python and the installed packages that answers depend on."""
    found = {"mooring": mooring.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
