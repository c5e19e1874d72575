"""The lifecycle of whatever a server runs: start, requests, drain, stop; and the health of what answers with a model.

An engine, a model's own code, a model that is still being opened and a registry of several are each a `ModelLife`.
"""

from collections.abc import Mapping
from typing import Protocol

from mooring.engine.health import Health


class Lifecycle(Protocol):
    """What `web/server.py` starts and stops."""

    async def start(self) -> None:
        """Get ready to answer. Raises what prevents it."""

    def snapshot(self) -> Mapping[str, object]:
        """Numbers for `/info` and the log."""

    async def drain(self, timeout_s: float) -> bool:
        """Refuse new requests and wait for those in flight. Whether all of them were answered."""

    async def stop(self, timeout_s: float = 5.0) -> bool | None:
        """End the threads and free the memory. Whether the threads ended in time, if that is known."""


class ModelLife(Lifecycle, Protocol):
    """A lifecycle with health. Everything but `start` works before, during and after it."""

    def health(self) -> Health:
        """Whether it can answer, as far as is known now. Asks nobody."""

    def alive(self) -> Health:
        """Not ready if only a new process can help."""

    async def check(self) -> Health:
        """As `health`, but a failure is tested again first."""

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """End the threads and free the memory. Whether the threads ended in time."""
