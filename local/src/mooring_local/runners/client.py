"""HTTP/1.1 to one container over connections that are kept. Used by health checks, `runtime/` and `batch/`.

A request whose connection had been kept, and had been closed by the server meanwhile, is sent once more on a new one,
never on a third: a server may close what is idle at any moment, but one that a request kills would lose all of its
workers to it. Nothing else is ever sent twice.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httptools

MOST_IDLE = 16
_CHUNK = 256 * 1024
_REQUEST_LINE = "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n"
Headers = Sequence[tuple[str, str]]


class ContainerGone(Exception):
    """There was no whole answer: nobody listens, the connection broke, or what came is not HTTP. Says which."""


class NobodyListens(ContainerGone):
    """The request was not sent at all."""


class AnswerTooLarge(Exception):
    """The answer is longer than was allowed; `status` is known all the same."""

    def __init__(self, status: int, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: Headers = ()
    """Neither Host nor Content-Length."""
    body: bytes = b""

    def encode(self, host: str) -> bytes:
        """As it goes over the wire; line breaks cannot be smuggled in."""
        line = _REQUEST_LINE.format(method=self.method, path=self.path, host=host, length=len(self.body))
        fields = (f"{name}: {value}".replace("\r", " ").replace("\n", " ") for name, value in self.headers)
        return line.encode() + "".join(f"{one}\r\n" for one in fields).encode("latin-1", "replace") + b"\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of an answer."""

    status: int
    headers: dict[str, str]
    """By lower-case name; of several of one name, the last."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole one."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class _Parsed:
    """What httptools has found so far of one answer; it calls the methods."""

    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    begun: bool = False
    """The head is whole."""
    over: bool = False
    keep: bool = False
    """The connection may be used again. The parser knows it only while it reports the end."""
    parser: Any = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.over, self.keep = True, self.parser.should_keep_alive()


class _Connection:
    """One, with one request on its way at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.used = False
        """An answer has come over it."""
        self.reusable = False

    async def ask(self, data: bytes, body: bytes) -> None:
        self.reusable = False
        self._writer.write(data)
        if body:
            self._writer.write(body)
        await self._writer.drain()

    async def answer(self) -> AsyncIterator[Head | bytes]:
        """The head, then pieces of the body. Raises ContainerGone, `EOFError` if there was not a single byte."""
        parsed, told = _Parsed(), False
        parser = parsed.parser = httptools.HttpResponseParser(parsed)
        heard = False
        while not parsed.over:
            chunk = await self._reader.read(_CHUNK)
            if not chunk:
                if not heard:
                    raise EOFError
                if _until_close(parsed):
                    break
                raise ContainerGone("the connection was closed in the middle of the answer")
            heard = True
            try:
                parser.feed_data(chunk)
            except httptools.HttpParserError as error:
                raise ContainerGone(f"what came is not HTTP ({error})") from error
            if parsed.begun and 100 <= parser.get_status_code() < 200:
                raise ContainerGone("an interim answer came, which nobody asked for")
            if parsed.begun and not told:
                told = True
                yield Head(parser.get_status_code(), parsed.headers)
            for piece in parsed.pieces:
                yield piece
            parsed.pieces.clear()
        self.used, self.reusable = True, parsed.keep

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed already
            self._writer.transport.abort()

    @property
    def stale(self) -> bool:
        """The server has closed it, as far as is known."""
        return self._reader.at_eof() or self._writer.is_closing()


def _until_close(parsed: _Parsed) -> bool:
    """Whether an answer may end by the end of its connection."""
    framed = {"content-length", "transfer-encoding"} & parsed.headers.keys()
    return parsed.begun and not framed


class Client:
    """To one address. Belongs to one event loop."""

    def __init__(self, base_url: str) -> None:
        self._host = base_url.removeprefix("http://").rstrip("/")
        name, _, port = self._host.rpartition(":")
        self._address = (name, int(port))
        self._idle: list[_Connection] = []
        self._closed = False

    async def send(self, asked: Asked, *, timeout_s: float, most: int | None = None) -> Answer:
        """The whole answer, of at most `most` bytes.

        Raises ContainerGone, AnswerTooLarge, or TimeoutError after `timeout_s` for all of it.
        """
        async with asyncio.timeout(timeout_s), self.open(asked) as (head, pieces):
            body, size = [], 0
            async for piece in pieces:
                size += len(piece)
                if most is not None and size > most:
                    raise AnswerTooLarge(head.status, most)
                body.append(piece)
            return Answer(head.status, head.headers, b"".join(body))

    @asynccontextmanager
    async def open(self, asked: Asked) -> AsyncIterator[tuple[Head, AsyncIterator[bytes]]]:
        """The head, and the body as it comes. Raises ContainerGone, also while the body is read; waits for ever."""
        data = asked.encode(self._host)
        connection, head, rest = await self._begin(data, asked.body)
        try:
            yield head, _pieces(rest)
        finally:
            # Closing the answer is what tells a server that nobody reads on.
            await rest.aclose()  # type: ignore[attr-defined]
            self._give_back(connection)

    async def _begin(self, data: bytes, body: bytes) -> tuple[_Connection, Head, AsyncIterator[Head | bytes]]:
        closed = False
        while True:
            try:
                connection = await self._take(new=closed)
            except NobodyListens:
                if closed:  # it was not idleness that ended the connection: the request may have been begun
                    raise ContainerGone("it closed the connection without an answer") from None
                raise
            answer = connection.answer()
            try:
                await connection.ask(data, body)
                head = await anext(answer)
            except (EOFError, ConnectionError) as error:
                connection.close()
                if connection.used:
                    closed = True
                    continue
                raise ContainerGone("it closed the connection without an answer") from error
            except BaseException:
                connection.close()
                raise
            if isinstance(head, Head):
                return connection, head, answer

    async def _take(self, *, new: bool) -> _Connection:
        while self._idle and not new:
            connection = self._idle.pop()
            if not connection.stale:
                return connection
            connection.close()
        try:
            return _Connection(*await asyncio.open_connection(*self._address, limit=_CHUNK))
        except OSError as error:
            raise NobodyListens(f"nobody listens ({error.strerror or error})") from error

    def _give_back(self, connection: _Connection) -> None:
        if connection.reusable and not self._closed and len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Idle connections go; those in use go with their answers."""
        self._closed = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()


async def _pieces(answer: AsyncIterator[Head | bytes]) -> AsyncIterator[bytes]:
    async for piece in answer:
        if isinstance(piece, bytes):
            yield piece
