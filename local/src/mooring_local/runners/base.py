"""The interface of runners, implemented by `process.py` and `container.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STOP_S = 30.0
"""SageMaker's grace period between SIGTERM and SIGKILL."""


@dataclass(frozen=True, slots=True)
class Order:
    """One container to start."""

    image: str
    environment: Mapping[str, str]
    """Variables of the model and of the platform. Nothing else of the caller's environment reaches the container."""
    folder: Path
    """Exists, and belongs to this container alone. The container sees it as /opt/ml; `model/` in it is served."""
    say: Callable[[str], None]
    """Called on the event loop with each output line of the container, and with notices of the runner."""
    name: str = ""
    """Display name: endpoint, variant and instance."""
    memory_bytes: int | None = None
    """Memory limit of a serverless endpoint; None: no limit. Only a container engine enforces it."""


class Running(Protocol):
    """A started container. The caller checks whether it is healthy."""

    @property
    def base_url(self) -> str:
        """Base URL of the container's routes: "http://127.0.0.1:" and a port."""

    def alive(self) -> bool:
        """Whether it is still running."""

    async def wait(self) -> int:
        """Wait until it has exited and all output is passed on; returns the exit code, negative for a signal."""

    async def stop(self, patience_s: float = STOP_S) -> None:
        """Ask it to stop, and kill it after `patience_s`. Returns once it has exited; may be called again."""

    def inside(self, path: Path) -> str:
        """The container's own path for a path below its folder."""


class Runner(Protocol):
    """Starts containers."""

    def refuses(self, image: str) -> str | None:
        """Why it cannot run that image, and what to do; None if it can."""

    async def start(self, order: Order) -> Running:
        """Start a container. Raises RunnerError on failure."""

    async def clean(self) -> list[str]:
        """Stop what a killed server left running, and nothing else; returns a log line for each."""
