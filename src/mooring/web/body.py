"""Read a request's body within limits of size and time, and detect a disconnected client.

Called by `asking.py`.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from starlette.types import Message, Receive

from mooring.errors import BodyTooSlow, ClientGone, PayloadTooLarge, UnsupportedMediaType, echo
from mooring.web.room import FREE_BYTES, Visit

T = TypeVar("T")

LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 5.0
"""Bytes of a refused body that are still read, so the client gets to reading the refusal."""


async def read_body(
    headers: Mapping[str, str], receive: Receive, limit: int, timeout_s: float, visit: Visit | None = None
) -> bytes:
    """Read the body. Raises PayloadTooLarge as early as possible, BodyTooSlow, and ClientGone on a disconnect.

    `visit` is told the size so far, and raises QueueFull if other bodies already take too much.
    """
    coding = headers.get("content-encoding", "")
    if coding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(f"Unsupported Content-Encoding {echo(coding)}.", hint="Send it uncompressed.")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(f"{int(announced)} bytes", limit)
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(receive, limit, visit)
    except TimeoutError as error:
        raise BodyTooSlow(
            f"The request body did not arrive within {timeout_s:g} s.", hint="Send it faster, or send smaller requests."
        ) from error


async def _read(receive: Receive, limit: int, visit: Visit | None) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("The client disconnected before its body arrived.")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(f"more than {limit} bytes", limit)
        if visit is not None and size > FREE_BYTES:
            visit.grow(size)
        if not message.get("more_body", False):
            # Most bodies come in one piece: do not copy it.
            return b"".join([*parts, part]) if parts else bytes(part)
        parts.append(part)


def _too_large(size: str, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body has {size}; the limit is {limit}.", hint="Split it, or raise the server's --max-body-bytes."
    )


async def swallow(receive: Receive) -> None:
    """Read and drop the rest of a refused body, within bounds.

    Closing a connection with unread bytes resets it, and the reset can overtake the response.
    """
    left = LINGER_BYTES
    try:
        async with asyncio.timeout(LINGER_S):
            while left > 0:
                message: Message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
    except TimeoutError:
        return


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """Await `work`; if the client disconnects meanwhile, cancel it and raise ClientGone. The body has been read."""
    with _cancelled_when_gone(receive):
        return await work


@contextmanager
def _cancelled_when_gone(receive: Receive) -> Iterator[None]:
    """Cancel the current task on a disconnect, and turn that into ClientGone."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine of the server runs in a task

    def left(watch: "asyncio.Task[None]") -> None:
        if not watch.cancelled():
            task.cancel()

    watch = asyncio.ensure_future(_until_gone(receive))
    watch.add_done_callback(left)
    try:
        yield
    except asyncio.CancelledError:
        # Our cancellation only if the watch has ended; then undo it, so the task can clean up.
        if watch.done() and not watch.cancelled() and not task.uncancel():
            raise ClientGone("The client disconnected before its answer was ready.") from None
        raise
    finally:
        watch.remove_done_callback(left)
        watch.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
