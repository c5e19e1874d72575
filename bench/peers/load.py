"""Load on a peer: a closed loop from wrk, a client in C, and an open loop of Poisson arrivals. Called by `turns.py`."""

import argparse
import asyncio
import math
import random
import time
from collections import deque
from contextlib import suppress
from typing import Any

from scripts.bench_http import figures, run_wrk

from bench.peers.processes import PeerFailed
from mooring.bench.exchange import Exchange
from mooring.bench.target import Target

TIMEOUT_S = 60.0
_PATIENCE_S = 30.0
"""How long answers are waited for once the last request is due."""


def closed(target: Target, bodies: list[bytes], clients: int, seconds: float) -> dict[str, Any]:
    """wrk, one thread, so many connections: requests a second, latencies, errors, its own CPU time."""
    options = argparse.Namespace(threads=1, clients=clients, timeout=TIMEOUT_S)
    try:
        found = figures(run_wrk(target, bodies, options, seconds))
    except SystemExit as error:  # that program's way of saying that wrk could not do it
        raise PeerFailed(str(error)) from error
    return {
        "per_second": found["per_second"],
        "requests": found["requests"],
        **{key: found["latency_ms"][key] for key in ("p50", "p90", "p99")},
        "errors": sum(found["errors"].values()),
        "client_cpu": found["client"]["cpu_share_of_one_core"],
        "repeated": found["requests"] > len(bodies),
    }


def open_loop(target: Target, bodies: list[bytes], rate: float, seconds: float) -> dict[str, Any]:
    """Arrivals at `rate` a second, latency from the moment that each was due, waiting for a connection included."""
    return asyncio.run(_Arrivals(target, bodies, rate, seconds).run())


class _Arrivals:
    """As many connections as are needed, each with one request in flight; free ones are used again."""

    def __init__(self, target: Target, bodies: list[bytes], rate: float, seconds: float) -> None:
        chance = random.Random(1)  # the same arrivals for each peer, stretched by its rate
        self._target, self._due, at = target, [], 0.0
        while (at := at + chance.expovariate(rate)) < seconds:
            self._due.append(at)
        self._requests = [target.request(bodies[place % len(bodies)]) for place in range(len(self._due))]
        self._free: deque[_Client] = deque()
        self._clients: list[_Client] = []
        self._latencies: list[float] = []
        self._failed = 0
        self._rate = rate
        self._done = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Send them all, wait for the answers."""
        self._began = time.perf_counter()
        tasks: set[asyncio.Task[None]] = set()
        for due, request in zip(self._due, self._requests, strict=True):
            await asyncio.sleep(max(0.0, self._began + due - time.perf_counter()))
            task = asyncio.ensure_future(self._send(self._began + due, request))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._done.wait()
        for client in self._clients:
            client.close()
        await asyncio.sleep(0)
        asked, answered = len(self._due), len(self._latencies)
        found = sorted(self._latencies) + [math.inf] * (asked - answered)
        return {
            "rate": self._rate,
            "requests": asked,
            "errors": asked - answered,
            "p50": _percentile(found, 50),
            "p99": _percentile(found, 99),
        }

    async def _send(self, due: float, request: bytes) -> None:
        client = self._free.popleft() if self._free else None
        if client is None or not client.exchange.usable:
            client = _Client(self)
            try:
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: client.exchange, self._target.host, self._target.port)
            except OSError:
                self._failed += 1
                self._count()
                return
            self._clients.append(client)
        client.due = due
        client.exchange.send(request)

    def over(self, client: "_Client", seconds: float | None, *, reusable: bool) -> None:
        """A request has been answered in so many seconds, or has failed."""
        if seconds is None:
            self._failed += 1
        else:
            self._latencies.append(seconds)
        if reusable:
            self._free.append(client)
        self._count()

    def _count(self) -> None:
        if len(self._latencies) + self._failed == len(self._due):
            self._done.set()


class _Client:
    """A connection and the request in flight on it."""

    def __init__(self, arrivals: _Arrivals) -> None:
        self.exchange = Exchange(self)
        self.due: float | None = None
        self._arrivals = arrivals

    def answered(self, status: int, body: bytes, *, reusable: bool) -> None:
        """From the exchange."""
        del body
        if self.due is not None:
            seconds = time.perf_counter() - self.due
            self.due = None
            self._arrivals.over(self, seconds if status == 200 else None, reusable=reusable)

    def lost(self, reason: str) -> None:
        """From the exchange. Without a request in flight it is only an idle connection that the server closed."""
        del reason
        if self.due is not None:
            self.due = None
            self._arrivals.over(self, None, reusable=False)

    def close(self) -> None:
        """Without counting what is in flight as an answer."""
        self.due = None
        self.exchange.close()


def _percentile(found: list[float], percent: int) -> float | None:
    """Nearest rank, in milliseconds; None if that one was never answered."""
    value = found[max(0, -(-len(found) * percent // 100) - 1)] if found else math.inf
    return None if math.isinf(value) else round(1000 * value, 3)
