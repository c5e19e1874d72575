"""HTTP/1.1 client for one container, with keep-alive connections.

If a reused connection turns out to be closed, the request is retried once on a new connection, and no more: a server
may close idle connections at any time, but a request that crashes a worker would otherwise crash them all. Nothing
else is ever retried.
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
    """No complete response: connection refused, connection lost, or not HTTP. The message says which."""


class NobodyListens(ContainerGone):
    """Connection refused: the request was not sent."""


class AnswerTooLarge(Exception):
    """The response exceeds the size limit; `status` is its HTTP status."""

    def __init__(self, status: int, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: Headers = ()
    """Without Host and Content-Length, which are added."""
    body: bytes = b""

    def encode(self, host: str) -> bytes:
        """The bytes to send; line breaks in headers are replaced."""
        line = _REQUEST_LINE.format(method=self.method, path=self.path, host=host, length=len(self.body))
        fields = (f"{name}: {value}".replace("\r", " ").replace("\n", " ") for name, value in self.headers)
        return line.encode() + "".join(f"{one}\r\n" for one in fields).encode("latin-1", "replace") + b"\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of a response."""

    status: int
    headers: dict[str, str]
    """By lower-case name; the last of several with one name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class _Parsed:
    """Parser state of one response; httptools calls the methods."""

    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    begun: bool = False
    """The headers are complete."""
    over: bool = False
    keep: bool = False
    """The connection can be reused. The parser knows this only while it reports the end."""
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
    """One connection, with one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.used = False
        """It has carried a complete response."""
        self.reusable = False

    async def ask(self, data: bytes, body: bytes) -> None:
        self.reusable = False
        self._writer.write(data)
        if body:
            self._writer.write(body)
        await self._writer.drain()

    async def answer(self) -> AsyncIterator[Head | bytes]:
        """The head, then chunks of the body. Raises ContainerGone, or EOFError if no byte was received."""
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
                raise ContainerGone("the connection closed in the middle of the response")
            heard = True
            try:
                parser.feed_data(chunk)
            except httptools.HttpParserError as error:
                raise ContainerGone(f"the response is not HTTP ({error})") from error
            if parsed.begun and 100 <= parser.get_status_code() < 200:
                raise ContainerGone("unexpected 1xx response")
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
        """Whether the server is known to have closed it."""
        return self._reader.at_eof() or self._writer.is_closing()


def _until_close(parsed: _Parsed) -> bool:
    """Whether closing the connection ends the response."""
    framed = {"content-length", "transfer-encoding"} & parsed.headers.keys()
    return parsed.begun and not framed


class Client:
    """Client for one address. Belongs to one event loop."""

    def __init__(self, base_url: str) -> None:
        self._host = base_url.removeprefix("http://").rstrip("/")
        name, _, port = self._host.rpartition(":")
        self._address = (name, int(port))
        self._idle: list[_Connection] = []
        self._closed = False

    async def send(self, asked: Asked, *, timeout_s: float, most: int | None = None) -> Answer:
        """The complete response, of at most `most` bytes.

        Raises ContainerGone, AnswerTooLarge, or TimeoutError after `timeout_s` in total.
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
        """The head, and the body as a stream. No timeout. Raises ContainerGone, also while the body is read."""
        data = asked.encode(self._host)
        connection, head, rest = await self._begin(data, asked.body)
        try:
            yield head, _pieces(rest)
        finally:
            # Closing the response tells the server to stop sending.
            await rest.aclose()  # type: ignore[attr-defined]
            self._give_back(connection)

    async def _begin(self, data: bytes, body: bytes) -> tuple[_Connection, Head, AsyncIterator[Head | bytes]]:
        closed = False
        while True:
            try:
                connection = await self._take(new=closed)
            except NobodyListens:
                if closed:  # not an idle connection: the server may have started on the request
                    raise ContainerGone("it closed the connection without a response") from None
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
                raise ContainerGone("it closed the connection without a response") from error
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
            raise NobodyListens(f"nothing is listening ({error.strerror or error})") from error

    def _give_back(self, connection: _Connection) -> None:
        if connection.reusable and not self._closed and len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close idle connections; those in use are closed after their response."""
        self._closed = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()


async def _pieces(answer: AsyncIterator[Head | bytes]) -> AsyncIterator[bytes]:
    async for piece in answer:
        if isinstance(piece, bytes):
            yield piece
