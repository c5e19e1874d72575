"""Read a request's body within limits of size and time, and detect a disconnected client.

Called by `asking.py`.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeVar

from starlette.types import Receive

from mooring.errors import BodyTooSlow, ClientGone, PayloadTooLarge, UnsupportedMediaType, echo
from mooring.web.pace import MIN_RATE
from mooring.web.room import Visit, slowest_of

T = TypeVar("T")


async def read_body(
    headers: Mapping[str, str], receive: Receive, limit: int, timeout_s: float, visit: Visit | None = None
) -> bytes:
    """Read the body. Raises PayloadTooLarge as early as possible, BodyTooSlow, and ClientGone on a disconnect.

    It may take `timeout_s`, and a second more per `MIN_RATE` bytes. `visit` is told the size so far, and raises
    QueueFull if other bodies already take too much.
    """
    coding = headers.get("content-encoding", "")
    if coding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(f"Unsupported Content-Encoding {echo(coding)}.", hint="Send it uncompressed.")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(f"{int(announced)} bytes", limit)
    return await Reading(receive, limit, timeout_s, visit).whole()


class Reading:
    """One body."""

    def __init__(self, receive: Receive, limit: int, timeout_s: float, visit: Visit | None) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout_s = timeout_s
        self._visit = visit
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._scope = asyncio.timeout(timeout_s)
        self._size = 0

    async def whole(self) -> bytes:
        """As `read_body`."""
        try:
            async with self._scope:
                body = await self._read()
        except TimeoutError as error:
            if self._visit is not None and self._visit.given_up:
                raise slowest_of(self._visit.most_bytes) from error
            raise BodyTooSlow(
                f"The request body arrived too slowly. It may take {self._timeout_s:g} s, and a second more per "
                f"{MIN_RATE} bytes.",
                hint="Send it faster, or send smaller requests.",
            ) from error
        if self._visit is not None:
            self._visit.enter(len(body), self._loop.time())
        return body

    async def _read(self) -> bytes:
        gathered = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone("The client disconnected before its body arrived.")
            part = message.get("body", b"")
            self._size += len(part)
            if self._size > self._limit:
                raise _too_large(f"more than {self._limit} bytes", self._limit)
            if not message.get("more_body", False):
                # Most bodies come in one piece: do not copy it.
                return bytes(gathered + part) if gathered else bytes(part)
            gathered += part
            self._note()

    def _note(self) -> None:
        """More is to come."""
        if self._visit is not None:
            self._visit.grow(self._size, self._loop.time(), self._give_up)
        self._scope.reschedule(self._began + self._timeout_s + self._size / MIN_RATE)

    def _give_up(self) -> None:
        # The reading may have ended, or its time may be up, in this turn of the loop.
        with suppress(RuntimeError):
            self._scope.reschedule(self._loop.time())


def _too_large(size: str, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body has {size}; the limit is {limit}.", hint="Split it, or raise the server's --max-body-bytes."
    )


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
