"""Routes of process 1: health, metrics, /info, and requests that found no worker.

Process 1 runs no inference, so these answers are never delayed by one. They come from asking the workers.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h11
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mooring.container.asking import Reply, get
from mooring.container.board import Board
from mooring.container.child import Slot
from mooring.container.metrics import FrontMetrics
from mooring.container.proxy import Tries, spent_s
from mooring.errors import BackendError, DeadlineExceeded, MooringError, NotReady, QueueFull
from mooring.observe.metrics import CONTENT_TYPE, Metrics
from mooring.observe.pulse import read_id
from mooring.web.border import Border
from mooring.web.callers import CHANGING, Callers
from mooring.web.media import JSON
from mooring.web.no_route import ONE_MODEL, SEVERAL_MODELS
from mooring.web.status import ErrorBody, refuse

ASK_S = 0.8
"""Timeout of a health check of a worker. SageMaker gives a ping 2 s."""
INFO_S = 2.0
WAIT_S = 10.0
"""How long a request waits for a worker to come back; one that a worker had accepted waits until its deadline."""
KNOWN_S = 0.5
AGAIN_S = 0.05
MOST_DEATHS = 2
"""Workers that may die of a request."""
ROUNDS = 4
"""Maximum rounds of workers per request; nginx itself allows ten hops, and each round takes two."""

REFUSED = Reply(0, "", b"")
"""In place of the reply of a worker that does not listen: nginx sends it no requests, either."""


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
        deadline_s: float = 60.0,
    ) -> None:
        """`always_200`: /ping always returns 200, as in the stock server.

        `retry` false: a request that has reached the user's own code is not given to another worker. No request is
        given to another one after `deadline_s`.
        """
        self._always_200 = always_200
        self._deadline_s = deadline_s
        self._retry = retry
        self._board = board
        self._metrics = metrics
        self._socket_of = socket_of

    async def ping(self, _: Request) -> Response:
        """200 if requests are answered now, else 503 with the reason."""
        error = await self._health()
        if error is not None and not self._always_200:
            raise error
        return Response(b'{"status":"ready"}', media_type=JSON)

    async def live(self, _: Request) -> Response:
        """200 while this process can replace workers; 503 if only restarting the service helps (`Board.outdated`)."""
        if self._board.outdated:
            raise NotReady(self._board.missing())
        return Response(b'{"status":"live"}', media_type=JSON)

    async def v2_ready(self, request: Request) -> Response:
        """As /ping, with the body of the Open Inference Protocol."""
        await self.ping(request)
        return Response(b'{"ready":true}', media_type=JSON)

    async def v2_live(self, request: Request) -> Response:
        """As /health/live, with the body of the Open Inference Protocol."""
        await self.live(request)
        return Response(b'{"live":true}', media_type=JSON)

    async def metrics(self, _: Request) -> Response:
        """Metrics of all workers and of nginx."""
        ready = await self._health() is None
        text = self._metrics.render(ready=ready, degraded=len(self._board.degraded))
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    async def info(self, _: Request) -> Response:
        """A worker's facts, with the topology of all workers and the degraded ones."""
        asked = [slot for slot in self._board.ready if not slot.silent]
        replies = [_facts(reply) for reply in await self._ask_all(asked, "/info", INFO_S)]
        found = [one for one in replies if one]
        facts = dict(found[0]) if found else {}
        if facts.get("multi_model"):
            facts["models"] = [model for one in found for model in one["models"]]
        facts |= longest_wait(found)
        error = await self._health()
        facts |= {"ready": error is None, "reason": str(error) if error else ""}
        failing = [self._failing(slot, one) for slot, one in zip(asked, replies, strict=True)]
        facts["degraded"] = [
            *self._board.degraded,
            *(entry for entry in failing if entry is not None),
            *(lost for one in found for lost in one.get("degraded", ())),
        ]
        facts["topology"] = {**facts.get("topology", {}), **self._board.topology, "workers": self._workers()}
        return Response(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n", media_type=JSON)

    async def unanswered(self, request: Request) -> Response:
        """For a request that no worker answered: tell nginx to retry as soon as one is ready.

        It may have met a worker that died, or one that handed it back. Only a request that dead workers were working
        on may be the cause of it.
        """
        tries = Tries.read(request.headers.get("x-mooring-tried", ""))
        name = request.headers.get("x-request-id", "")
        one, suspects = read_id(request.headers.get("x-mooring-request", "").encode()), self._board.suspects
        await self._until_known(one)
        if suspects.deaths(one) >= MOST_DEATHS:
            return _bad_gateway("Two workers died while computing this request. It is not retried.", name)
        if not self._retry and (suspects.deaths(one) or suspects.begun(one)):
            hint = "Requests to such code are not retried. To allow it: --retry-user-code."
            return _bad_gateway(f"A worker died in the model's own code. {hint}", name)
        left = self._deadline_s - spent_s(request.headers.get("x-mooring-spent", ""))
        if left <= 0:
            raise DeadlineExceeded(f"No worker answered within the deadline of {self._deadline_s:g} s.")
        holder = request.headers.get("x-mooring-holder", "").removeprefix("worker_")
        wanted = int(holder) if holder.isdecimal() else None
        again = tries.rounds < ROUNDS
        if again and self._board.was_ready and await self._somebody(wanted, left if tries.took else min(WAIT_S, left)):
            return Response(headers={"X-Accel-Redirect": "@accepted" if suspects.accepted(one) else "@again"})
        if not self._board.coming(wanted):
            raise NotReady(self._board.missing(wanted))
        if not again and not self._board.ending:
            raise QueueFull(f"{ROUNDS} workers ended before they answered this request.", hint="Try again in 1 s.")
        raise self._board.red() or NotReady("No worker was available.", hint="Try again.")

    async def _until_known(self, one: bytes) -> None:
        """Wait until a worker that had the request is known to be dead, unless it lives."""
        loop = asyncio.get_running_loop()
        end = loop.time() + KNOWN_S
        while self._board.suspects.held(one) and loop.time() < end:  # noqa: ASYNC110 - the kernel tells when it does
            await asyncio.sleep(AGAIN_S / 5)

    async def _somebody(self, wanted: int | None, wait_s: float) -> bool:
        """Whether a worker (or the one in slot `wanted`) answers within `wait_s`; False at once if none is expected."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        while loop.time() < end and not self._board.fatal and self._board.coming(wanted):
            for slot in self._board.path:
                if wanted in (None, slot.worker.slot):
                    reply = await self._ask(slot, "/health/live", ASK_S)
                    if reply is not None and reply.status == 200:
                        return True
            await asyncio.sleep(AGAIN_S)
        return False

    async def _health(self) -> MooringError | None:
        """None if the workers that get the requests now answer, else the reason."""
        error = self._board.red()
        if error is not None:
            return error
        path = self._board.path
        replies = await self._ask_all(path, "/ping", ASK_S)
        if all(reply is REFUSED for reply in replies):  # nginx turns to the others, too
            replies = await self._ask_all([slot for slot in self._board.ready if slot not in path], "/ping", ASK_S)
        # One that is late may be short of CPU. Whether it hangs is judged by better evidence (`watch.py`).
        if any(reply is None or reply.status == 200 for reply in replies) and self._board.path:
            return None
        said = next((reply for reply in replies if reply is not None and reply is not REFUSED), None)
        return NotReady(_message(said) if said else "No worker accepts connections.")

    def _failing(self, slot: Slot, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The entry in `degraded` for a worker that answers, and says that its model does not."""
        if not facts or facts.get("ready", True):
            return None
        return {"worker": slot.worker.slot, "reason": facts.get("reason", ""), "since": slot.since}

    async def _ask_all(self, slots: Sequence[Slot], target: str, timeout_s: float) -> Sequence[Reply | None]:
        """The reply of each worker; None for one that did not answer, REFUSED for one that does not listen."""
        return await asyncio.gather(*(self._ask(slot, target, timeout_s) for slot in slots))

    async def _ask(self, slot: Slot, target: str, timeout_s: float) -> Reply | None:
        try:
            return await get(self._socket_of(slot.worker.slot), target, timeout_s)
        except (ConnectionRefusedError, FileNotFoundError):
            return REFUSED
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
        Route("/v2/health/live", front.v2_live),
        Route("/v2/health/ready", front.v2_ready),
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


def _facts(reply: Reply | None) -> dict[str, Any]:
    """A worker's `/info`; empty if it did not answer."""
    if reply is None or reply.status != 200:
        return {}
    found: dict[str, Any] = msgspec.json.decode(reply.body)
    return found


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
