"""Routes of process 1: health, metrics, /info, and requests that found no worker.

Process 1 runs no inference, so these answers are never delayed by one. They come from asking the workers.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import h11
import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mooring.container.asking import Reply, get
from mooring.container.board import Board
from mooring.container.child import Slot
from mooring.container.metrics import FrontMetrics
from mooring.container.proxy import Tries
from mooring.errors import BackendError, MooringError, NotReady
from mooring.observe.metrics import CONTENT_TYPE, Metrics
from mooring.web.border import Border
from mooring.web.callers import CHANGING, Callers
from mooring.web.connection import BoundedProtocol
from mooring.web.crowd import Crowd
from mooring.web.media import JSON
from mooring.web.no_route import ONE_MODEL, SEVERAL_MODELS
from mooring.web.status import ErrorBody, refuse

ASK_S = 0.8
"""Timeout of a health check of a worker. SageMaker gives a ping 2 s."""
INFO_S = 2.0
WAIT_S = 10.0
"""How long an accepted request waits for a worker to come back; a start takes one second."""
AGAIN_S = 0.05
ROUNDS = 4
"""Maximum rounds of workers per request; nginx itself allows ten hops, and each round takes two."""


class Front:
    """One method per route."""

    def __init__(
        self,
        board: Board,
        metrics: FrontMetrics,
        socket_of: Callable[[int], Path],
        *,
        always_200: bool = False,
        retry: bool = True,
    ) -> None:
        """`always_200`: /ping always returns 200, as in the stock server. `retry`: as in `nginx_conf.render`."""
        self._always_200 = always_200
        self._retry = retry
        self._board = board
        self._metrics = metrics
        self._socket_of = socket_of

    async def ping(self, _: Request) -> Response:
        """200 if a worker is ready now, else 503 with the reason."""
        error = await self._health()
        if error is not None and not self._always_200:
            raise error
        return Response(b'{"status":"ready"}', media_type=JSON)

    async def live(self, _: Request) -> Response:
        """200 while this process can replace workers; 503 if only restarting the service helps (`Board.outdated`)."""
        if self._board.outdated:
            raise NotReady(self._board.missing())
        return Response(b'{"status":"live"}', media_type=JSON)

    async def metrics(self, _: Request) -> Response:
        """Metrics of all workers and of nginx."""
        ready = await self._health() is None
        text = self._metrics.render(ready=ready, degraded=len(self._board.degraded))
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    async def info(self, _: Request) -> Response:
        """A worker's facts, with the topology of all workers and the degraded ones."""
        replies = [reply for reply in await self._ask_all("/info", INFO_S) if reply is not None and reply.status == 200]
        found: list[dict[str, Any]] = [msgspec.json.decode(reply.body) for reply in replies]
        facts = dict(found[0]) if found else {}
        if facts.get("multi_model"):
            facts["models"] = [model for one in found for model in one["models"]]
        facts |= longest_wait(found)
        error = await self._health()
        facts |= {"ready": error is None, "reason": str(error) if error else ""}
        facts["degraded"] = [*self._board.degraded, *(lost for one in found for lost in one.get("degraded", ()))]
        facts["topology"] = {**facts.get("topology", {}), **self._board.topology, "workers": self._workers()}
        return Response(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n", media_type=JSON)

    async def unanswered(self, request: Request) -> Response:
        """For a request that found no worker, or whose worker died: tell nginx to retry as soon as one is ready."""
        tries = Tries.read(request.headers.get("x-mooring-tried", ""))
        name = request.headers.get("x-request-id", "")
        if tries.poison:
            return _bad_gateway("Two workers died while computing this request. It is not retried.", name)
        if tries.took and not self._retry:
            hint = "Requests to such code are not retried. To allow it: --retry-user-code."
            return _bad_gateway(f"A worker died in the model's own code. {hint}", name)
        holder = request.headers.get("x-mooring-holder", "").removeprefix("worker_")
        wanted = int(holder) if holder.isdecimal() else None
        if self._board.was_ready and tries.rounds < ROUNDS and await self._somebody(wanted):
            return Response(headers={"X-Accel-Redirect": "@again"})
        if not self._board.coming(wanted):
            raise NotReady(self._board.missing(wanted))
        raise self._board.red() or NotReady("No worker was available.", hint="Try again.")

    async def _somebody(self, wanted: int | None) -> bool:
        """Whether a worker (or the one in slot `wanted`) answers within `WAIT_S`; False at once if none is expected."""
        loop = asyncio.get_running_loop()
        end = loop.time() + WAIT_S
        while loop.time() < end and not self._board.fatal and self._board.coming(wanted):
            for slot in self._board.ready:
                if wanted in (None, slot.worker.slot) and await self._ask(slot, "/health/live", ASK_S) is not None:
                    return True
            await asyncio.sleep(AGAIN_S)
        return False

    async def _health(self) -> MooringError | None:
        """None if a worker is ready, else the reason."""
        error = self._board.red()
        if error is not None:
            return error
        replies = await self._ask_all("/ping", ASK_S)
        if any(reply is not None and reply.status == 200 for reply in replies):
            return None
        said = next((reply for reply in replies if reply is not None), None)
        return NotReady(_message(said) if said else f"No worker answered its health check within {ASK_S:g} s.")

    async def _ask_all(self, target: str, timeout_s: float) -> Sequence[Reply | None]:
        """The reply of each ready worker, in the order of slots; None for one that did not answer."""
        return await asyncio.gather(*(self._ask(slot, target, timeout_s) for slot in self._board.ready))

    async def _ask(self, slot: Slot, target: str, timeout_s: float) -> Reply | None:
        try:
            return await get(self._socket_of(slot.worker.slot), target, timeout_s)
        except (OSError, TimeoutError, h11.ProtocolError):
            return None

    def _workers(self) -> list[Mapping[str, Any]]:
        return [
            {
                "worker": slot.worker.slot,
                "pid": slot.pid,
                "ready": slot.ready,
                "reason": slot.reason,
                "starts": slot.starts,
                "threads": slot.worker.threads,
                "cores": list(slot.worker.cores),
            }
            for slot in self._board.slots.values()
        ]


def create_front(
    front: Front, counted: Metrics, more: Sequence[Route] = (), hosts: frozenset[str] | None = None
) -> Starlette:
    """The application. `more` are the routes of several models; `hosts`: see `Callers`.

    `counted` is needed by `Border` but not published.
    """
    table = SEVERAL_MODELS if more else ONE_MODEL
    routes = [
        Route("/ping", front.ping),
        Route("/health", front.ping),
        Route("/health/live", front.live),
        Route("/health/ready", front.ping),
        Route("/metrics", front.metrics),
        Route("/info", front.info),
        Route("/unanswered", front.unanswered),
        *more,
    ]
    paths = dict.fromkeys((route.path for route in routes), refuse)
    callers = Callers(hosts, CHANGING if more else ())
    border = Middleware(Border, metrics=counted, routes=paths, log_requests=False, callers=callers)
    return Starlette(
        routes=routes,
        middleware=[border],
        exception_handlers={HTTPException: table.refuse},
    )


def longest_wait(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`engine` of the first worker's facts, with the expected wait of the busiest worker: the standby's is 0."""
    engines = [one["engine"] for one in found if "queue_wait_seconds" in one.get("engine", {})]
    waits = [engine["queue_wait_seconds"] for engine in engines]
    return {"engine": {**engines[0], "queue_wait_seconds": max(waits)}} if waits else {}


def _message(reply: Reply) -> str:
    try:
        return str(msgspec.json.decode(reply.body)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"A worker answered {reply.status}."


def _bad_gateway(message: str, request_id: str) -> Response:
    """A 502: the same request would most likely end another worker."""
    body = ErrorBody(502, BackendError.__name__, message, request_id)
    return Response(msgspec.json.encode(body), body.code, media_type=JSON)


STARTED_S = 0.01
"""Check interval while a server starts."""
LOOK_EVERY_S = 1.0
"""Check interval for the socket."""


def _connection(crowd: Crowd) -> type[BoundedProtocol]:
    """What uvicorn calls for each connection."""

    def connection(**named: Any) -> BoundedProtocol:
        return BoundedProtocol(crowd=crowd, **named)

    return cast("type[BoundedProtocol]", connection)


class FrontServer:
    """Runs one uvicorn server after another for the same application."""

    def __init__(self, app: ASGIApp, path: Path, prepare: Callable[[], None]) -> None:
        """`prepare` creates the folder of the socket `path`. It may raise OSError."""
        self._app = app
        self._path = path
        self._prepare = prepare
        self.listening = asyncio.Event()
        """Set as soon as the first server listens."""
        self._log = structlog.get_logger("mooring.container").bind()

    async def keep(self) -> None:
        """Serve until cancelled. Start a new server if one ends or its socket is removed."""
        while True:
            try:
                self._prepare()
                await self._serve()
            except OSError as error:
                self._log.error("front cannot listen", reason=str(error))
                await asyncio.sleep(LOOK_EVERY_S)
            else:
                self._log.error("front socket is missing; listening again")

    async def _serve(self) -> None:
        """Serve until the server ends or its socket disappears. Raises OSError if it cannot listen."""
        server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                uds=str(self._path),
                http=_connection(Crowd()),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                # Without the socket the front is unreachable: do not wait for a request that may take minutes.
                timeout_graceful_shutdown=1,
            )
        )
        # The supervisor handles signals.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        serving = asyncio.ensure_future(server.serve())
        try:
            while not serving.done() and not (server.started and self._gone()):
                await asyncio.wait({serving}, timeout=LOOK_EVERY_S if server.started else STARTED_S)
                if server.started:
                    self.listening.set()
        finally:
            server.should_exit = True
            await serving

    def _gone(self) -> bool:
        return not self._path.exists()
