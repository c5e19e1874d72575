"""An application and its service in, a process that listens until it is told to stop. Called by `moor serve`.

The life of a server: bind (a taken port is known before the model is loaded) → listen, /ping red → service starts →
ready, /ping green → SIGINT or SIGTERM: drain, /ping red, new requests 503 → close → return. A second Ctrl-C ends it
at once. Behind a proxy it listens late, when it is ready: until then the proxy has nobody to send to, rather than
somebody who refuses. uvicorn speaks HTTP; signals and order are ours: who was told to stop has not failed.
"""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from mooring.engine.life import Lifecycle
from mooring.web.connection import BoundedProtocol, NamesAsSent
from mooring.web.listen import Address, allow_many_connections, close, listen

AT_ONCE_S = 1.0
"""For a batch to end after the second Ctrl-C."""
CLOSING_S = 3.0
"""For responses that are complete to get out, after the drain."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Plain values; times in seconds."""

    address: Address
    keep_alive_s: float = 75.0
    drain_s: float = 25.0
    max_connections: int = 0
    """Open at the same time; 0: as many as there are descriptors."""
    late: bool = False
    """Listen only when the service is ready."""
    names_as_sent: Callable[[], bool] = lambda: False
    """Whether a new connection keeps the names of headers as the client wrote them."""


def connections_for(max_in_flight: int) -> int:
    """How many connections to hold for so many requests at a time: most of them are idle."""
    return 4 * max_in_flight + 64


def serve(
    app: ASGIApp,
    service: Lifecycle,
    options: ServerOptions,
    *,
    on_ready: Callable[[int], None] = lambda _: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until told to stop; returns when everything in flight is answered or `drain_s` is over.

    `on_ready` gets the port that was really bound (0 for a unix socket) once the model answers; `stop`, set in the
    server's loop, does what a signal does. Raises ListenError or UsageError if the address cannot be had, what starting
    the service raises, and KeyboardInterrupt on a second Ctrl-C.
    """
    allow_many_connections()

    bound = [] if options.late else listen(options.address)
    config = uvicorn.Config(
        app,
        http=_connections(options),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=max(1, round(options.keep_alive_s)),
        timeout_graceful_shutdown=round(CLOSING_S),
    )
    running = Running(uvicorn.Server(config), service, options, bound, stop or asyncio.Event())
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(running.run(on_ready))
    finally:
        close(options.address, bound)


def _connections(options: ServerOptions) -> type[BoundedProtocol]:
    """What uvicorn calls for each connection."""

    def connection(**named: Any) -> BoundedProtocol:
        made = (NamesAsSent if options.names_as_sent() else BoundedProtocol)(**named)
        made.max_connections = options.max_connections
        return made

    return cast("type[BoundedProtocol]", connection)


class Running:
    """One run of a server."""

    def __init__(
        self,
        server: uvicorn.Server,
        service: Lifecycle,
        options: ServerOptions,
        bound: list[socket.socket],
        stop: asyncio.Event,
    ) -> None:
        self._server = server
        self._service = service
        self._options = options
        self._bound = bound
        self._stop = stop
        self._signals = 0
        self._cancelled = False
        self._main: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("mooring.web").bind()

    async def run(self, on_ready: Callable[[int], None]) -> None:
        """From listening to closed."""
        self._main = asyncio.current_task()
        with self._signals_taken():
            try:
                await self._live(on_ready)
            except asyncio.CancelledError:
                # The second Ctrl-C: nothing is waited for any more but the threads, whom an ending process would crash.
                # uvicorn would report each request it cuts off.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                await self._service.stop(AT_ONCE_S)
                raise KeyboardInterrupt from None

    async def _live(self, on_ready: Callable[[int], None]) -> None:
        ticking = None if self._options.late else await self._listen()
        try:
            if await self._started():
                ticking = ticking or await self._listen()
                on_ready(self._port)
                await self._stop.wait()
                await self._drain()
        except asyncio.CancelledError:
            raise
        except BaseException:
            await self._close(ticking)
            raise
        await self._close(ticking)

    async def _listen(self) -> "asyncio.Task[None]":
        if not self._bound:
            self._bound += listen(self._options.address)
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup(sockets=self._bound)
        return asyncio.ensure_future(self._server.main_loop())

    @property
    def _port(self) -> int:
        """The one that was really bound; 0 for a unix socket."""
        return 0 if self._options.address.unix else self._bound[0].getsockname()[1]

    async def _close(self, ticking: "asyncio.Task[None] | None") -> None:
        """The engine first: whoever still waits gets a response from it, which uvicorn then sees out."""
        await self._service.stop()
        if ticking is None:
            return
        self._server.should_exit = True
        await ticking
        await self._server.shutdown(sockets=self._bound)

    async def _started(self) -> bool:
        """Start the service; False if the server was told to stop before it was there."""
        starting = asyncio.ensure_future(self._service.start())
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
            return True
        starting.cancel()
        return False

    async def _drain(self) -> None:
        if not self._options.late:  # else the proxy's keeper says it, for all
            self._log.info("stopping", in_flight=self._service.snapshot().get("in_flight"))
        if not await self._service.drain(self._options.drain_s):
            self._log.warning("stopped before everything was answered", waited_s=self._options.drain_s)

    @contextmanager
    def _signals_taken(self) -> Iterator[None]:
        """SIGINT and SIGTERM are ours meanwhile; signals exist in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()

        def heard(number: int, _: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._told, number)

        before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told(self, number: int) -> None:
        """A signal: stop; a second SIGINT: at once."""
        self._signals += 1
        self._stop.set()
        if self._signals > 1 and number == signal.SIGINT and self._main is not None and not self._cancelled:
            self._cancelled = True
            self._main.cancel()
