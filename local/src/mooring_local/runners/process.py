"""Run `moor serve` as a process instead of a container of Mooring's image. Needs no container engine.

Like a container, the process gets its own folder for /opt/ml, the model's environment and a port, but none of the
settings in the environment of `moor local`.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mooring.errors import RunnerError, echo
from mooring_local.runners.base import STOP_S, Order, Running
from mooring_local.runners.child import Child, start
from mooring_local.runners.images import kind_of
from mooring_local.runners.lines import pass_on
from mooring_local.runners.orphans import MARKER, Ledger

BASE = "/opt/ml"
_NOT_PASSED = ("MOORING_", "SAGEMAKER_", "HF_", "HUGGING_FACE_", "MMS_", "AWS_", "TRANSFORMERS_")
_NOT_PASSED_NAMES = frozenset({"CA_REPOSITORY_ARN", "OMP_NUM_THREADS", MARKER})
_LAST_WORDS_S = 2.0
"""How long its pipe may stay open after it has exited: its children may hold it."""

Command = Callable[[int], list[str]]
"""Port → command line of a server."""


def serve_command(port: int) -> list[str]:
    """`moor serve` of this installation, tied to this process (see `leashed.py`)."""
    module = "mooring_local.runners.leashed"
    return [sys.executable, "-P", "-m", module, "serve", "--host", "127.0.0.1", "--port", str(port)]


class ProcessRunner:
    """Starts processes and records them in `folder`, so that `clean` can find them."""

    def __init__(
        self, folder: Path, *, environ: Mapping[str, str] = os.environ, command: Command = serve_command
    ) -> None:
        self._ledger = Ledger(folder)
        self._ports: set[int] = set()
        self._environ = environ
        self._command = command

    def refuses(self, image: str) -> str | None:
        """Any image except Mooring's and the stock images that it replaces."""
        if kind_of(image) is not None:
            return None
        return (
            f"Image {echo(image)} needs a container engine, because it is not Mooring's. Use an image named `mooring` "
            "(`mooring:latest`, or an ECR address that ends in /mooring:TAG), or start the local SageMaker with "
            "moor local --engine docker."
        )

    async def start(self, order: Order) -> Running:
        """Raises RunnerError if the image is refused or the process cannot start."""
        if (reason := self.refuses(order.image)) is not None:
            raise RunnerError(reason)
        if kind_of(order.image) == "stock":
            order.say(
                f"Notice: without a container engine, Mooring serves in place of {order.image}. "
                "To run the image itself: moor local --engine docker."
            )
        try:
            marker = await asyncio.to_thread(self._ledger.open)
            port = self._take_port()
        except OSError as error:
            raise _not_started(error) from error

        def forget() -> None:
            self._ports.discard(port)
            self._ledger.close(marker)

        environment = {**container_environment(order, self._environ), MARKER: marker}
        try:
            child = await start(self._command(port), environment, order.folder)
        except OSError as error:
            await asyncio.to_thread(forget)
            raise _not_started(error) from error
        process = _Process(child, f"http://127.0.0.1:{port}", order, forget)
        try:
            self._ledger.record(marker, child.pid)
        except OSError as error:
            await process.stop(0.0)
            raise _not_started(error) from error
        return process

    def _take_port(self) -> int:
        """A free port not assigned to another process. Two processes with one port would answer each other's /ping."""
        while (port := free_port()) in self._ports:
            pass
        self._ports.add(port)
        return port

    async def clean(self) -> list[str]:
        """Identify processes by pid, start time and marker."""
        pids = await asyncio.to_thread(self._ledger.clean)
        return [f"Stopped process {pid}, left over from a killed local SageMaker." for pid in pids]


class _Process:
    """One server."""

    def __init__(self, child: Child, base_url: str, order: Order, forget: Callable[[], None]) -> None:
        self._child = child
        self._folder = order.folder
        self.base_url = base_url
        self._forget = forget
        self._hearing = asyncio.ensure_future(pass_on(child.output, order.say))
        self._ending = asyncio.ensure_future(self._end())

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._child.pid

    def alive(self) -> bool:
        """Whether it is still running."""
        return not self._child.ended.done()

    async def wait(self) -> int:
        """See `Running`."""
        return await asyncio.shield(self._ending)

    async def stop(self, patience_s: float = STOP_S) -> None:
        """See `Running`."""
        self._child.signal(signal.SIGTERM)
        done: set[asyncio.Future[int]] = set()
        try:
            done, _ = await asyncio.wait([self._ending], timeout=patience_s)
        finally:
            # Also if this is cancelled: there may be no second call.
            if not done:
                self._child.signal(signal.SIGKILL)
        await asyncio.shield(self._ending)

    def inside(self, path: Path) -> str:
        """The path itself: the process runs on this machine."""
        return str(path)

    async def _end(self) -> int:
        status = await asyncio.shield(self._child.ended)
        await asyncio.wait([self._hearing], timeout=_LAST_WORDS_S)
        self._hearing.cancel()
        self._child.close()
        await asyncio.to_thread(self._forget)
        return status


def _not_started(error: OSError) -> RunnerError:
    return RunnerError(f"Could not start a process: {error.strerror or error}.")


def container_environment(order: Order, caller: Mapping[str, str]) -> dict[str, str]:
    """The model's variables on top of the caller's, without its settings. Paths below /opt/ml are translated."""
    kept = {
        name: value
        for name, value in caller.items()
        if not name.startswith(_NOT_PASSED) and name not in _NOT_PASSED_NAMES
    }
    given = {name: _here(value, order.folder) for name, value in order.environment.items()}
    # Set in Mooring's image as well: the model's code is the caller's own.
    image = {"MOORING_RUN_CODE": "true", "PYTHONUNBUFFERED": "1"}
    return {**kept, **image, **given, "SAGEMAKER_BASE_DIR": str(order.folder)}


def _here(value: str, folder: Path) -> str:
    return f"{folder}{value[len(BASE) :]}" if value == BASE or value.startswith(f"{BASE}/") else value


def free_port() -> int:
    """A port on loopback that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
