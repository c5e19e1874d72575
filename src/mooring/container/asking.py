"""Send an HTTP request to a worker's Unix socket."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h11

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's response."""

    status: int
    content_type: str
    body: bytes


async def get(path: Path, target: str, timeout_s: float) -> Reply:
    """Send a GET request. Raises as `ask`."""
    return await ask(path, "GET", target, timeout_s)


async def ask(
    path: Path, method: str, target: str, timeout_s: float, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Reply:
    """Send a request and read the response. Raises OSError if nothing listens, TimeoutError or h11.ProtocolError."""
    connection = h11.Connection(h11.CLIENT)
    given = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    request = h11.Request(method=method, target=target, headers=list(given.items()))
    parts = (request, *([h11.Data(data=body)] if body else []), h11.EndOfMessage())
    data = b"".join(connection.send(part) or b"" for part in parts)
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(data)
            await writer.drain()
            return await _read(reader, connection)
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader, connection: h11.Connection) -> Reply:
    status, kind, body = 0, "", b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Response):
            status = event.status_code
            kind = dict(event.headers).get(b"content-type", b"").decode("latin-1")
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            return Reply(status, kind, body)
