"""The line between a worker and the process that watches it: JSON messages one way, "still there" the other.

`Reporter` is the worker's end; the supervisor reads its end in `child.py`. When the supervisor is gone the line is cut,
and the worker ends itself instead of serving on unwatched.
"""

import json
import os
import signal
import socket
import threading
from collections.abc import Mapping
from typing import Any

READY = "ready"
"""The model answers; with "facts", as `/info` has them."""
LOADING = "loading"
"""With "model": the name of the model that a multi-model worker is reloading, or "" when it has finished."""
FAILED = "failed"
"""The worker ends; with "type", the error's class, and "message"."""


class Reporter:
    """Made from the descriptor of one end of a socket pair."""

    def __init__(self, descriptor: int) -> None:
        self._line = socket.socket(fileno=descriptor)
        self._line.setblocking(True)

    def say(self, kind: str, **more: Any) -> None:
        """Send a message. Not heard by anybody is no error: the worker is about to end then."""
        data = json.dumps({"kind": kind, **more}, default=str).encode() + b"\n"
        try:
            self._line.sendall(data)
        except OSError:
            return

    def watch(self) -> None:
        """From now on this process is told to stop, as by SIGTERM, when the other end is gone."""
        threading.Thread(target=self._wait, name="moor-watch", daemon=True).start()

    def _wait(self) -> None:
        try:
            while self._line.recv(64):
                pass
        except OSError:
            pass
        os.kill(os.getpid(), signal.SIGTERM)


def decode(line: bytes) -> Mapping[str, Any] | None:
    """A message, or None for something that is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
