"""What a runner takes and gives. `process.py` and `container.py` are runners; `fleet/` and `batch/` give orders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STOP_S = 30.0
"""The platform's: between telling a container to end and killing it."""


@dataclass(frozen=True, slots=True)
class Order:
    """One container to start."""

    image: str
    environment: Mapping[str, str]
    """The model's, and what the platform adds; nothing else reaches the container but what a system needs."""
    folder: Path
    """Of this container alone, and there already. What is /opt/ml to the container: `model/` in it is served."""
    say: Callable[[str], None]
    """Called on the event loop with each line that the container writes, and with the runner's notices."""
    name: str = ""
    """For people: endpoint, variant and instance."""
    memory_bytes: int | None = None
    """What a serverless endpoint has; None is no limit. Only an engine can hold a container to it."""


class Running(Protocol):
    """A container that was started; whether it answers is for the caller to find out."""

    @property
    def base_url(self) -> str:
        """ "http://127.0.0.1:" and a port; routes of the container begin there."""

    def alive(self) -> bool:
        """Whether it has not ended."""

    async def wait(self) -> int:
        """Until it has ended and all it said has been passed on; its exit code, negative for a signal."""

    async def stop(self, patience_s: float = STOP_S) -> None:
        """Tell it to end, and kill it after `patience_s`. It is gone when this returns; again is harmless."""

    def inside(self, path: Path) -> str:
        """How the container calls a path below its order's folder."""


class Runner(Protocol):
    """Starts containers one way."""

    def refuses(self, image: str) -> str | None:
        """Why it cannot run that image and what to do about it; None if it can."""

    async def start(self, order: Order) -> Running:
        """Raises RunnerError if nothing could be started."""

    async def clean(self) -> list[str]:
        """End what an earlier life of this program left running, and nothing else; a line for each, for the log."""
