"""Starts `fake_server.py` in a process of its own and speaks to it over sockets, as rudely as a test wants."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.started import started

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 15.0


@dataclass(frozen=True)
class Response:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class Server:
    """A running server."""

    process: "subprocess.Popen[str]"
    port: int

    def line(self) -> str:
        """The next line that it prints; "" at its end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def write(self, word: str) -> None:
        """A command, without waiting for its echo."""
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def tell(self, word: str) -> str:
        """A command of `fake_server.py`; returns what it says."""
        self.write(word)
        said, _, answer = self.line().partition(" ")
        assert said == word
        return answer

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self) -> tuple[int, list[str], str]:
        """Wait for its end: exit status, the lines it printed last, and its log."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out.split("\n")[:-1], err

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def ask(self, body: object, path: str = "/invocations") -> Response:
        """POST JSON on a connection of its own."""
        with self.connect() as one:
            one.sendall(request("POST", path, json.dumps(body).encode()))
            return read(one)

    def get(self, path: str) -> Response:
        """GET on a connection of its own."""
        with self.connect() as one:
            one.sendall(request("GET", path))
            return read(one)


def request(method: str, path: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """A whole request, or one whose length is a lie."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
    if body or length is not None:
        lines += [f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def read(one: socket.socket) -> Response:
    """One response with a length. Raises EOFError if the connection ends before."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(one)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _more(one)
    return Response(int(first.split()[1]), headers, body)


def _more(one: socket.socket) -> bytes:
    data = one.recv(65536)
    if not data:
        raise EOFError("the connection ended")
    return data


def free_port() -> int:
    """A port that nobody listens at, for the moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def launched(**options: Any) -> Iterator[Server]:
    """A server that may not be ready yet, killed in the end if it still runs."""
    command = [sys.executable, "-m", "tests.support.fake_server", json.dumps(options)]
    with started(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        yield Server(process, options.get("port", 0))


@contextmanager
def served(**options: Any) -> Iterator[Server]:
    """A server that is ready."""
    with launched(**options) as server:
        said, _, port = server.line().partition(" ")
        assert said == "listening", server.ended()
        server.port = int(port)
        yield server
