"""The persistent queue of asynchronous requests: a restart loses none."""

from pathlib import Path
from typing import Any

import msgspec

from mooring_local.state import State

KIND = "async-invocation"


class Record(msgspec.Struct, frozen=True):
    """An accepted request."""

    id: str
    """Generated ID; the names of output objects derive from it."""
    inference_id: str
    """The caller's ID, or the generated one."""
    endpoint: str
    region: str
    received: float
    """Epoch seconds."""
    parameters: dict[str, Any]
    """The request's API parameters."""
    input: str
    """S3 URI of the body, or "" for an inline body."""
    output: str
    failure: str
    """S3 URI of the failure object, or "" for none."""


class Queue:
    """Queued requests in the state; inline bodies are files in `folder`."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self._folder = folder

    def add(self, record: Record, body: bytes) -> None:
        """Save a request, before the caller is told that it was accepted."""
        if not record.input:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._body(record).write_bytes(body)
        self._state.put(KIND, record.id, msgspec.to_builtins(record))

    def all(self) -> list[Record]:
        """All requests, oldest first."""
        found = [msgspec.convert(document, Record) for document in self._state.all(KIND)]
        return sorted(found, key=lambda record: record.received)

    def body(self, record: Record) -> bytes:
        """The inline body."""
        return self._body(record).read_bytes()

    def remove(self, record: Record) -> None:
        """Remove a request that has succeeded or failed."""
        self._state.delete(KIND, record.id)
        self._body(record).unlink(missing_ok=True)

    def _body(self, record: Record) -> Path:
        return self._folder / f"{record.id}.in"
