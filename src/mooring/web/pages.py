"""Answer what is asked with GET: /ping, /health/…, /execution-parameters, /metrics, /info, /. Routed by `app.py`."""

import platform
from functools import lru_cache
from importlib import metadata
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

import mooring
from mooring.engine.health import Health
from mooring.errors import NotReady
from mooring.observe.memory import peak_bytes, resident_bytes
from mooring.observe.metrics import CONTENT_TYPE, Metrics
from mooring.web.limits import WebLimits
from mooring.web.media import JSON, KINDS
from mooring.web.service import Service

READY = b'{"status":"ready"}'
LIVE = b'{"status":"live"}'

PACKAGES = ("openvino", "tokenizers", "numpy", "starlette", "uvicorn", "msgspec")
"""What a fault may depend on, named in `/info` with versions."""

MEGABYTE = 1024 * 1024
TIMELY = 0.25
"""Part of the deadline that a batch transform's request should take."""
BYTES_PER_TOKEN = 2.5
"""Of a JSON line: English has 4.6 a token, and questions, overlaps and padding take the rest."""
MOST_AT_ONCE_MB = 100


class Pages:
    """One method per route."""

    def __init__(self, service: Service, metrics: Metrics, limits: WebLimits) -> None:
        self._service = service
        self._metrics = metrics
        self._limits = limits
        self._last = Health(False)
        self._log = structlog.get_logger("mooring.web").bind()

    async def ping(self, _: Request) -> Response:
        """200 only if the model really answers; else 503 with the reason."""
        health = await self._service.check()
        self._metrics.ready(health.ready)
        if health.ready != self._last.ready:
            if health.ready:
                self._log.info("ping turned green")
            else:
                self._log.warning("ping turned red", reason=health.reason)
        self._last = health
        if not health.ready and not self._limits.ping_always_200:
            raise NotReady(health.reason)
        return Response(READY, media_type=JSON)

    async def live(self, _: Request) -> Response:
        """200 unless the engine has ended or hangs, which nothing but a new process mends."""
        health = self._service.alive()
        if not health.ready:
            raise NotReady(health.reason)
        return Response(LIVE, media_type=JSON)

    async def execution_parameters(self, _: Request) -> Response:
        """What SageMaker's batch transform asks before it starts: as much at once as is answered well in time."""
        tokens = self._service.snapshot().get("tokens_per_second")
        rate = float(tokens) if isinstance(tokens, (int, float)) else 0.0
        limits = self._limits
        return _json(
            {
                "MaxConcurrentTransforms": limits.max_transforms,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": payload_mb(rate, limits.deadline_s, limits.max_body_bytes, limits.max_transforms),
            }
        )

    async def metrics(self, _: Request) -> Response:
        """For Prometheus."""
        self._metrics.ready(self._service.health().ready)
        return Response(self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def info(self, _: Request) -> Response:
        """What answers here, and how it is set."""
        health = self._service.health()
        facts: dict[str, Any] = {
            **self._service.facts,
            "ready": health.ready,
            "reason": health.reason,
            # Behind nginx: workers that should answer and do not (`container/front.py`).
            "degraded": [],
            "engine": self._service.snapshot(),
            "limits": {"max_body_bytes": self._limits.max_body_bytes, "deadline_s": self._limits.deadline_s},
            "topology": {"processes": 1, "machine": platform.machine(), "system": platform.system()},
            "memory": {"resident_bytes": resident_bytes(), "peak_bytes": peak_bytes()},
            "versions": versions(),
        }
        return _json(facts)

    async def index(self, request: Request) -> Response:
        """What there is, for people who open the address in a browser."""
        url = str(request.base_url)
        return _json(
            {
                "mooring": mooring.__version__,
                "routes": {
                    "POST /invocations": f"ask; in and out: {', '.join(KINDS)}",
                    "POST /": "as POST /invocations",
                    "GET /ping": "200 if the model answers, else 503 with the reason",
                    "GET /health": "as /ping",
                    "GET /health/live": "200 unless only a new process could help",
                    "GET /health/ready": "as /ping",
                    "GET /info": "model, precision, limits, versions",
                    "GET /metrics": "for Prometheus",
                    "GET /execution-parameters": "for SageMaker batch transform",
                },
                "try": f"curl {url}invocations -H 'Content-Type: application/json' "
                """-d '{"inputs": {"question": "Who wrote it?", "context": "Ada wrote it."}}'""",
            }
        )


def _json(content: object) -> Response:
    # Indented: these are read by people as often as by machines.
    return Response(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n", media_type=JSON)


def payload_mb(tokens_per_second: float, deadline_s: float, max_body_bytes: int, at_once: int) -> int:
    """Megabytes, at least 1, that are answered within `TIMELY` of the deadline at the speed measured by the warm-up.

    Not more than a request may have, nor than batch transform allows for all requests at the same time.
    """
    timely = TIMELY * deadline_s * tokens_per_second * BYTES_PER_TOKEN / at_once
    most = min(max_body_bytes, MOST_AT_ONCE_MB * MEGABYTE // at_once)
    return max(1, int(min(timely, most)) // MEGABYTE)


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Of Mooring, Python and the packages that answers depend on; those not installed are left out."""
    found = {"mooring": mooring.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
