"""The socket between a worker and its supervisor: JSON messages to the supervisor, liveness to the worker.

`Reporter` is the worker's end; the supervisor reads its end in `child.py`. When the supervisor dies, the socket closes
and the worker stops instead of running unsupervised.
"""

import json
import os
import signal
import socket
import threading
from collections.abc import Mapping
from typing import Any

READY = "ready"
"""The model is ready; with "facts", as in `/info`."""
LOADING = "loading"
"""With "model": the name of the model that a multi-model worker is reloading, or "" when it has finished."""
LEAVING = "leaving"
"""The worker has been told to stop: it finishes what it has and accepts no more."""
FAILED = "failed"
"""The worker is ending; with "type", the error's class, and "message"."""


class Reporter:
    """Made from the descriptor of one end of a socket pair."""

    def __init__(self, descriptor: int) -> None:
        self._line = socket.socket(fileno=descriptor)
        self._line.setblocking(True)

    def say(self, kind: str, **more: Any) -> None:
        """Send a message. A closed socket is ignored: the worker is about to end then."""
        data = json.dumps({"kind": kind, **more}, default=str).encode() + b"\n"
        try:
            self._line.sendall(data)
        except OSError:
            return

    def watch(self) -> None:
        """Send this process SIGTERM when the other end closes."""
        threading.Thread(target=self._wait, name="moor-watch", daemon=True).start()

    def _wait(self) -> None:
        try:
            while self._line.recv(64):
                pass
        except OSError:
            pass
        os.kill(os.getpid(), signal.SIGTERM)


def decode(line: bytes) -> Mapping[str, Any] | None:
    """Decode a message; None if it is invalid."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
