"""A runner whose containers are small HTTP servers in the test's own event loop. For tests of `mooring_local`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mooring.errors import RunnerError
from mooring_local.runners.base import STOP_S, Order


@dataclass(frozen=True)
class Heard:
    """A request that a container got; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    """What it answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    pieces: AsyncIterator[bytes] | None = None
    """Chunked, in place of `body`."""
    breaks_off: bool = False
    """The connection is closed where the end should be."""


Answer = Callable[[Heard], Awaitable[Said]]


async def echo(heard: Heard) -> Said:
    """The body as it came."""
    return Said(body=heard.body)


class FakeContainer:
    """One that was started."""

    def __init__(self, order: Order, answer: Answer) -> None:
        self.order = order
        self.answer = answer
        self.ping = 200
        self.heard: list[Heard] = []
        """But for /ping."""
        self.connections = 0
        self.base_url = ""
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """At a free port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def die(self, status: int = 1) -> None:
        """As a killed process does: nobody listens, connections break."""
        if not self._ended.done():
            self._ended.set_result(status)
            if self._server is not None:
                self._server.close()
            for task in self._tasks:
                task.cancel()

    def alive(self) -> bool:
        return not self._ended.done()

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def stop(self, patience_s: float = STOP_S) -> None:
        self.die(0)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A connection that came last may not have begun to be served, and one that was dropped ends a turn later.
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    def inside(self, path: Path) -> str:
        return str(path)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        method, path, _ = first.split(" ")
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        heard = Heard(method, path, headers, body)
        if path == "/ping":
            said = Said(self.ping)
        else:
            self.heard.append(heard)
            said = await self.answer(heard)
        await _write(said, writer)
        return not said.breaks_off


async def _write(said: Said, writer: asyncio.StreamWriter) -> None:
    framing = "Transfer-Encoding: chunked" if said.pieces is not None else f"Content-Length: {len(said.body)}"
    lines = [f"HTTP/1.1 {said.status} X", framing, *(f"{name}: {value}" for name, value in said.headers.items())]
    writer.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
    if said.pieces is None:
        writer.write(said.body[:-1] if said.breaks_off else said.body)
    else:
        async for piece in said.pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        if not said.breaks_off:
            writer.write(b"0\r\n\r\n")
    await writer.drain()


@dataclass
class FakeRunner:
    """Starts them, and does as it is told."""

    answer: Answer = echo
    exits: list[int] = field(default_factory=list)
    """Exit codes of the next starts; when they are used up, containers live."""
    words: tuple[str, ...] = ()
    """What each says when it starts."""
    sick: int = 0
    """So many of the next starts answer /ping with 503 for ever."""
    fails: RunnerError | None = None
    started: list[FakeContainer] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What `clean` says that it found."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever one has been started."""

    def refuses(self, image: str) -> str | None:
        return "No such image here." if image == "refused" else None

    async def start(self, order: Order) -> FakeContainer:
        if self.fails is not None:
            raise self.fails
        for line in self.words:
            order.say(line)
        container = FakeContainer(order, self.answer)
        if self.sick:
            self.sick -= 1
            container.ping = 503
        self.started.append(container)
        self.arrived.set()
        if self.exits:
            container.base_url = "http://127.0.0.1:9"
            container.die(self.exits.pop(0))
        else:
            await container.listen()
        return container

    async def clean(self) -> list[str]:
        return self.left

    @property
    def last(self) -> FakeContainer:
        """Started last."""
        return self.started[-1]

    @property
    def living(self) -> list[FakeContainer]:
        """Those that have not ended."""
        return [one for one in self.started if one.alive()]
