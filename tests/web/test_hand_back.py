"""A worker behind nginx hands requests back that it would refuse only because it is being replaced."""

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from mooring.errors import Draining, MooringError, NotReady, QueueFull
from mooring.observe.metrics import Metrics
from mooring.observe.pulse import ORIGIN, Origin
from mooring.web.border import CLOSE, Border
from mooring.web.status import refuse

HEADERS = [(b"x-mooring-request", b"00112233445566778899aabbccddeeff"), (b"x-mooring-retry", b"1")]


def outcome(
    error: MooringError | None, *, leaving: bool | None = True, path: str = "/invocations"
) -> tuple[bool, list[int], Origin]:
    """Whether the connection was closed, the statuses that were sent, and the origin that the application saw."""
    seen: list[Any] = []
    statuses: list[int] = []
    closed = asyncio.Event()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        seen.append(ORIGIN.get())
        if error is not None:
            raise error
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        await closed.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    routes = dict.fromkeys(("/invocations", "/ping"), refuse)
    known = None if leaving is None else lambda: leaving
    border = Border(app, metrics=Metrics(), routes=routes, timed={"/invocations"}, log_requests=False, leaving=known)
    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": HEADERS, CLOSE: closed.set}
    asyncio.run(asyncio.wait_for(border(scope, receive, send), 5))
    return closed.is_set(), statuses, seen[0]


@pytest.mark.parametrize("error", [Draining("It is going down."), NotReady("The worker thread died.")])
def test_a_worker_that_is_being_replaced_hands_requests_back(error: MooringError) -> None:
    """nginx finds the connection closed, and process 1 gives the request to another worker."""
    assert outcome(error)[:2] == (True, [])


@pytest.mark.parametrize(
    ("error", "more", "status"),
    [
        (NotReady("The model could not be loaded again."), {"leaving": False}, 503),
        (QueueFull("Full."), {}, 429),
        (Draining("It is going down."), {"leaving": None}, 503),  # not behind a proxy
        (NotReady("It is loading."), {"path": "/ping"}, 503),
        (None, {}, 200),
    ],
)
def test_everything_else_is_answered(error: MooringError | None, more: dict[str, Any], status: int) -> None:
    """Another worker would say the same, or there is none."""
    assert outcome(error, **more)[:2] == (False, [status])


def test_the_proxys_headers_are_believed_only_behind_a_proxy() -> None:
    """Anybody can send them to a server without one."""
    behind = outcome(None)[2]
    assert (behind.ids, behind.retried) == ([bytes.fromhex("0011223344556677")], True)
    direct = outcome(None, leaving=None)[2]
    assert (direct.ids, direct.retried) == ([], False)
