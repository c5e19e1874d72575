"""A real `moor serve` in another process, for tests of its clients. Import it from `mooring.testing`."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from mooring.client import Client

LAST_LINES = 40
_ADDRESS = re.compile(r"^\s*address\s+(http://\S+?),?(?:\s|$)")


class ServerFailed(Exception):
    """The server did not become ready. The message has its exit code and the end of its output."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that is ready."""

    url: str
    """Its root: "http://127.0.0.1:" and a port."""
    process: "subprocess.Popen[str]"
    log: deque[str]
    """The last lines of its stderr."""

    def ask(self, question: str, context: str, **parameters: object) -> Any:
        """The decoded answer. Raises ClientError with the server's message for any status but 200."""
        with Client(self.url) as client:
            return client.ask({"question": question, "context": context}, parameters)

    def info(self) -> Mapping[str, Any]:
        """Its `/info`."""
        with Client(self.url) as client:
            return client.info()


@contextmanager
def running_server(model: str | None = None, *arguments: str, timeout_s: float = 120.0) -> Iterator[RunningServer]:
    """Serve `model` (None for the embedded one) on a free port until the with-block ends.

    `arguments` are passed to `moor serve`. Raises ServerFailed if the server exits or is not ready within `timeout_s`.
    Leaving the block stops it as Ctrl-C would, and kills it after 30 s.
    """
    command = [sys.executable, "-P", "-m", "mooring", "serve", *([model] if model else []), "--port", "0", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
    )
    log: deque[str] = deque(maxlen=LAST_LINES)
    readers = [_reader(process.stderr, log)]
    # Reading its stdout blocks, so a timer kills a silent server.
    timer = threading.Timer(timeout_s, process.kill)
    timer.start()
    try:
        url = _address(process.stdout)
        late = not timer.is_alive()
        timer.cancel()
        if url is None:
            code = process.wait()
            readers[0].join(5)
            why = f"was not ready within {timeout_s:g} s" if late else f"ended with exit code {code}"
            raise ServerFailed(f"{json.dumps(command)} {why}:\n" + "\n".join(log))
        readers.append(_reader(process.stdout, deque(maxlen=1)))
        yield RunningServer(url, process, log)
    finally:
        timer.cancel()
        _stop(process)
        for reader in readers:
            reader.join(5)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _address(lines: IO[str] | None) -> str | None:
    """The server's address, read when its start-up text is complete."""
    url = None
    for line in lines or ():
        if found := _ADDRESS.match(line):
            url = found[1]
        if url and line.lstrip().startswith("try"):
            return url
    return None


def _reader(lines: IO[str] | None, log: deque[str]) -> threading.Thread:
    """A thread that reads a pipe, so that it does not fill up, and keeps its last lines."""

    def keep() -> None:
        log.extend(line.rstrip("\n") for line in lines or ())

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    return thread


def _stop(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
