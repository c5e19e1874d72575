"""A GET to a unix socket, for the process that watches the workers. Used by `front.py` and `supervisor.py`."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import h11

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    content_type: str
    body: bytes


async def get(path: Path, target: str, timeout_s: float) -> Reply:
    """Ask. Raises OSError if nobody listens there, TimeoutError, or h11.RemoteProtocolError."""
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            return await _exchange(reader, writer, target)
        finally:
            writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> Reply:
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", "worker"), ("Connection", "close")]
    request = connection.send(h11.Request(method="GET", target=target, headers=headers))
    writer.write((request or b"") + (connection.send(h11.EndOfMessage()) or b""))
    await writer.drain()
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
