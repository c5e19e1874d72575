"""Define the life cycle (start, drain, stop) and health of everything that a server runs.

An engine, user code, a model that is still being opened and a registry of several are each a `ModelLife`.
"""

from collections.abc import Mapping
from typing import Protocol

from mooring.engine.health import Health


class Lifecycle(Protocol):
    """What `web/server.py` starts and stops."""

    async def start(self) -> None:
        """Get ready to answer. Raises on failure."""

    def snapshot(self) -> Mapping[str, object]:
        """Numbers for `/info` and the log."""

    async def drain(self, timeout_s: float) -> bool:
        """Refuse new requests and wait for in-flight ones. Whether all were answered."""

    async def stop(self, timeout_s: float = 5.0) -> bool | None:
        """Stop the threads and free the memory. Whether the threads stopped in time, if known."""


class ModelLife(Lifecycle, Protocol):
    """A life cycle with health. All methods except `start` work before, during and after it."""

    def health(self) -> Health:
        """Whether it can answer, as far as is known now, without a probe."""

    def alive(self) -> Health:
        """Not ready if only a restart can help."""

    async def check(self) -> Health:
        """As `health`, but probes again after a failure."""

    async def stop(self, timeout_s: float = 5.0) -> bool:
        """Stop the threads and free the memory. Whether the threads stopped in time."""
