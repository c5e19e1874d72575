"""An asynchronous request, remembered until it is answered: a restart loses none. Used by `asynchronous.py`."""

from pathlib import Path
from typing import Any

import msgspec

from mooring_local.state import State

KIND = "async-invocation"


class Record(msgspec.Struct, frozen=True):
    """One that was accepted."""

    id: str
    """Of the platform; names of its objects come from it."""
    inference_id: str
    """The caller's, or the same."""
    endpoint: str
    region: str
    received: float
    """Seconds since 1970."""
    parameters: dict[str, Any]
    """The API's, as given."""
    input: str
    """Where its body is: s3://…, or "" for one that came inline."""
    output: str
    failure: str
    """s3://…, or "" for nowhere."""


class Queue:
    """What waits, in the state; bodies that came inline are files in `folder`."""

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self._folder = folder

    def add(self, record: Record, body: bytes) -> None:
        """Written before the caller hears that it was accepted."""
        if not record.input:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._body(record).write_bytes(body)
        self._state.put(KIND, record.id, msgspec.to_builtins(record))

    def all(self) -> list[Record]:
        """Oldest first."""
        found = [msgspec.convert(document, Record) for document in self._state.all(KIND)]
        return sorted(found, key=lambda record: record.received)

    def body(self, record: Record) -> bytes:
        """Of one that came inline."""
        return self._body(record).read_bytes()

    def remove(self, record: Record) -> None:
        """It was answered, one way or the other."""
        self._state.delete(KIND, record.id)
        self._body(record).unlink(missing_ok=True)

    def _body(self, record: Record) -> Path:
        return self._folder / f"{record.id}.in"
