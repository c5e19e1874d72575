"""Calls an ASGI application in process, with bodies in pieces and clients that leave when a test wants it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

from mooring.web.border import HEADER_NAMES


@dataclass(frozen=True)
class Reply:
    """A response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class Client:
    """One connection's view: what it sends and whether it is still there."""

    app: ASGIApp
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: the client has gone away."""
    sent: list[Message] = field(default_factory=list)
    query: str = ""
    unread: int = 0
    """Pieces of the body that the application has not taken."""

    async def call(
        self,
        method: str,
        path: str,
        pieces: Sequence[bytes] = (b"",),
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        whole: bool = True,
    ) -> Reply:
        """Send the body in `pieces` (not to its end unless `whole`) and return the response, status 0 if none came."""
        waiting = [
            {"type": "http.request", "body": piece, "more_body": not whole or place < len(pieces) - 1}
            for place, piece in enumerate(pieces)
        ]

        self.unread = len(waiting)

        async def receive() -> Message:
            if waiting:
                self.unread = len(waiting) - 1
                return waiting.pop(0)
            await self.left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            self.sent.append(message)

        pairs = headers.items() if isinstance(headers, Mapping) else headers
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": self.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
            HEADER_NAMES: [name.encode() for name, _ in pairs],
            "server": ("testserver", 80),
            "client": ("testclient", 1),
        }
        await self.app(scope, receive, send)
        return self.reply()

    def reply(self) -> Reply:
        """What has been sent back so far."""
        starts = [message for message in self.sent if message["type"] == "http.response.start"]
        if not starts:
            return Reply(0, {}, b"")
        assert len(starts) == 1
        body = b"".join(m.get("body", b"") for m in self.sent if m["type"] == "http.response.body")
        headers = {name.decode(): value.decode("latin-1") for name, value in starts[0]["headers"]}
        if "content-length" in headers:
            assert int(headers["content-length"]) == len(body)
        return Reply(starts[0]["status"], headers, body)
