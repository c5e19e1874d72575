"""A small HTTP server in a thread that answers POSTs as a test wants: for the clients of `bench/`, `ask` and `eval`.

`Answering(reply)` is a context manager; `reply(number, body)` gets the request's number and returns what to send.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """What to send. `drop` closes the connection without an answer."""

    body: object = None
    status: int = 200
    drop: bool = False
    close: bool = False
    """Say `Connection: close`, and close."""
    raw: bytes | None = None
    """Instead of JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """The body's bytes."""
        return json.dumps(self.body).encode() if self.raw is None else self.raw


class Answering:
    """Serves until the with-block ends; `bodies` has every request's decoded body in order of arrival."""

    def __init__(self, reply: Callable[[int, Any], Reply], info: dict[str, Any] | None = None) -> None:
        self.bodies: list[Any] = []
        self.heads: list[tuple[str, Mapping[str, str]]] = []
        """Path and headers of every request."""
        self.connections = 0
        self._reply = reply
        self._info = info
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: Any) -> Reply:
        with self._lock:
            self.bodies.append(body)
            number = len(self.bodies) - 1
        return self._reply(number, body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # head and body in one packet: apart, they wait for each other 40 ms

            def setup(self) -> None:
                super().setup()
                with outer._lock:
                    outer.connections += 1

            def do_GET(self) -> None:
                outer.heads.append((self.path, dict(self.headers)))
                found = outer._info if self.path == "/info" else None
                self._send(Reply(found, 404 if found is None else 200))

            def do_POST(self) -> None:
                outer.heads.append((self.path, dict(self.headers)))
                reply = outer._take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                if reply.drop:
                    self.close_connection = True
                    return
                self._send(reply)

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(reply.data)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.close:
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(reply.data)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is what some tests are about."""
