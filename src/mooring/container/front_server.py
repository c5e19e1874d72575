"""Run the HTTP server of process 1, one after another: its socket may be removed."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from mooring.web.connection import BoundedProtocol
from mooring.web.crowd import Crowd

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
