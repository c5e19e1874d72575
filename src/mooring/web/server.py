"""Run an application and its service until told to stop, with a graceful shutdown. Called by `moor serve`.

Life cycle: bind (a port in use is found before the model loads) → listen, /ping 503 → start the service → ready, /ping
200 → SIGINT or SIGTERM: drain, /ping and new requests 503 → close → return. A second Ctrl-C stops at once. Behind a
proxy it listens only when ready, so the proxy does not send requests that would be refused. uvicorn handles HTTP;
signals are handled here, so that a requested stop is not a failure.
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
from mooring.web.crowd import Crowd
from mooring.web.listen import BACKLOG, Address, affordable, allow_many_connections, close, listen

AT_ONCE_S = 1.0
"""Time for a batch to end after the second Ctrl-C."""
ACCEPTED_AT_ONCE = 100
"""Most connections that asyncio accepts before it handles them; `listen.SPARE_FILES` has room for them."""
BEAT_S = 0.2
CLOSING_S = 3.0
"""Time to send completed responses after the drain."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Plain values; times in seconds."""

    address: Address
    keep_alive_s: float = 75.0
    drain_s: float = 25.0
    max_connections: int = 0
    """Most open connections, fewer if the system allows fewer open files; 0: any number."""
    late: bool = False
    """Listen only once the service is ready, and no longer when it drains: a proxy then chooses another server."""
    on_drain: Callable[[], None] = lambda: None
    """Called when the drain begins."""
    beat: Callable[[], None] = lambda: None
    """Called every `BEAT_S` on the event loop, from when the service is ready."""
    names_as_sent: Callable[[], bool] = lambda: False
    """Whether a new connection keeps header names as the client wrote them."""


def connections_for(max_in_flight: int) -> int:
    """Connections to allow for that many concurrent requests: most connections are idle."""
    return 4 * max_in_flight + 64


def serve(
    app: ASGIApp,
    service: Lifecycle,
    options: ServerOptions,
    *,
    on_ready: Callable[[int], None] = lambda _: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until told to stop; returns when in-flight requests are answered or after `drain_s`.

    `on_ready` gets the bound port (0 for a Unix socket) once the model answers; setting `stop` in the server's loop
    acts like a signal. Raises ListenError or UsageError if the address is unavailable, what starting the service
    raises, and KeyboardInterrupt on a second Ctrl-C.
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
        backlog=ACCEPTED_AT_ONCE,
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
    """The protocol factory that uvicorn calls for each connection."""

    crowd = Crowd(options.max_connections and affordable(options.max_connections))

    def connection(**named: Any) -> BoundedProtocol:
        return (NamesAsSent if options.names_as_sent() else BoundedProtocol)(crowd=crowd, **named)

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
                # The second Ctrl-C: wait only for the threads, which would crash in an exiting process.
                # uvicorn would log each aborted request.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                await self._service.stop(AT_ONCE_S)
                raise KeyboardInterrupt from None

    async def _live(self, on_ready: Callable[[int], None]) -> None:
        ticking = None if self._options.late else await self._listen()
        try:
            if await self._started():
                ticking = ticking or await self._listen()
                self._beat()
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
        for one in self._bound:
            one.listen(BACKLOG)
        return asyncio.ensure_future(self._server.main_loop())

    def _beat(self) -> None:
        self._options.beat()
        asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    @property
    def _port(self) -> int:
        """The bound port; 0 for a Unix socket."""
        return 0 if self._options.address.unix else self._bound[0].getsockname()[1]

    async def _close(self, ticking: "asyncio.Task[None] | None") -> None:
        """Stop the engine first: it answers waiting requests, and uvicorn then sends the responses."""
        await self._service.stop()
        if ticking is None:
            return
        self._server.should_exit = True
        await ticking
        await self._server.shutdown(sockets=self._bound)

    async def _started(self) -> bool:
        """Start the service; False if the server was told to stop first."""
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
        self._options.on_drain()
        if self._options.late:
            # The socket's file stays, so that the proxy is refused at once.
            for server in self._server.servers:
                server.close()
            # The proxy would send new requests over the connections that it keeps open.
            for connection in tuple(self._server.server_state.connections):
                connection.shutdown()
        else:  # process 1 logs it for all workers
            self._log.info("stopping", in_flight=self._service.snapshot().get("in_flight"))
        if not await self._service.drain(self._options.drain_s):
            self._log.warning("stopped before all requests were answered", waited_s=self._options.drain_s)

    @contextmanager
    def _signals_taken(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM meanwhile; only the main thread can."""
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
        """Handle a signal: stop gracefully, or at once on a second SIGINT."""
        self._signals += 1
        self._stop.set()
        if self._signals > 1 and number == signal.SIGINT and self._main is not None and not self._cancelled:
            self._cancelled = True
            self._main.cancel()
