"""Start a container from its definition and wait until it passes its health check.

Unpacks the model data, starts the container and polls /ping until it returns 200. A container that exits before that
is restarted, unless its exit code says that a restart would not help.
"""

import asyncio
import contextlib
import shutil
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring.errors import MooringError, RunnerError
from mooring_local.runners.base import STOP_S, Order, Runner, Running
from mooring_local.runners.client import AnswerTooLarge, Asked, Client, ContainerGone
from mooring_local.runners.model_data import Objects, place
from mooring_local.wire.call import DEFAULT_REGION
from mooring_local.wire.faults import Fault

PERMANENT = frozenset({2, 3})
"""Exit codes of `moor serve` for errors that a restart does not fix: a wrong setting, an unusable model."""
TRIES = 3
LAST_WORDS = 8
"""Log lines of the container that an error quotes."""
_PING = Asked("GET", "/ping")

Around = Callable[[str], Awaitable[Mapping[str, str]]]
"""Region → variables for every container in it; all others override them."""


async def nothing(_: str) -> Mapping[str, str]:
    """No variables."""
    return {}


@dataclass(frozen=True, slots=True)
class Pulse:
    """Health check settings. SageMaker's values, except `failures`, which it does not document."""

    every_s: float = 5.0
    timeout_s: float = 2.0
    failures: int = 3
    start_every_s: float = 0.05
    """Interval during startup."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A container to start."""

    name: str
    """Name of its folder; unique among running containers."""
    container: Mapping[str, Any]
    """CreateModel's container definition: Image, Environment, ModelDataUrl …"""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that SageMaker adds."""
    window_s: float = 480.0
    """Startup timeout, until the first 200 of /ping."""
    memory_bytes: int | None = None
    region: str = DEFAULT_REGION
    """Region of the endpoint or job."""


class StartFailed(RunnerError):
    """The container did not pass its health check; `message` has the reason and its last log lines."""


@dataclass
class Loaded:
    """A model in a multi-model container."""

    name: str
    """Its name in the container."""
    loading: "asyncio.Future[None]"
    in_flight: int = 0
    waiting: bool = False
    """Waits for free memory."""

    @contextmanager
    def engaged(self) -> Iterator[None]:
        """Count a request in flight, which keeps the model from being unloaded."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


@dataclass(frozen=True, slots=True)
class Launched:
    """A healthy container."""

    running: Running
    client: Client
    folder: Path
    """The container's /opt/ml."""
    loaded: dict[str, Loaded] = field(default_factory=dict)
    """Loaded models of a multi-model container by TargetModel, most recently used last. See `runtime/models.py`."""
    leaving: set[str] = field(default_factory=set)
    """Names of models that are being unloaded."""

    async def stop(self, patience_s: float = STOP_S) -> None:
        """Stop the container and remove its folder."""
        try:
            await self.running.stop(patience_s)
        finally:
            self.client.close()
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


class Launcher:
    """Starts containers with one runner, each in its own folder below `folder`."""

    def __init__(
        self, runner: Runner, objects: Objects, folder: Path, pulse: Pulse = Pulse(), around: Around = nothing
    ) -> None:
        self._runner = runner
        self._around = around
        self._objects = objects
        self._folder = folder.resolve()
        self.pulse = pulse

    @property
    def objects(self) -> Objects:
        """The store that model data is read from."""
        return self._objects

    def refuses(self, image: str) -> str | None:
        """See `Runner`."""
        return self._runner.refuses(image)

    async def clean(self) -> list[str]:
        """Remove containers and folders that a killed server left. Call before `launch`."""
        said = await self._runner.clean()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return said

    async def launch(self, launch: Launch, say: Callable[[str], None]) -> Launched:
        """Start a container. Raises ModelError (model data) or RunnerError (StartFailed included), leaving nothing."""
        folder = self._folder / launch.name
        try:
            try:
                folder.mkdir(parents=True)
                if launch.container.get("Mode") == "MultiModel":
                    (folder / "models").mkdir()
                await asyncio.to_thread(place, launch.container, self._objects, folder, say)
            except Fault as fault:  # from the object store
                raise RunnerError(f"Could not read model data: {fault.message} ({fault.code}).") from fault
            except OSError as error:  # a full disk, or a deleted file
                raise RunnerError(f"Could not write model data: {error}.") from error
            return await self._start(launch, folder, say)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise

    async def _start(self, launch: Launch, folder: Path, say: Callable[[str], None]) -> Launched:
        words: deque[str] = deque(maxlen=LAST_WORDS)

        def hear(line: str) -> None:
            words.append(line)
            say(line)

        own = launch.container.get("Environment", {})
        given = {**await self._around(launch.region), **launch.environment, **own}
        order = Order(launch.container["Image"], given, folder, hear, launch.name, launch.memory_bytes)
        end = time.monotonic() + launch.window_s
        for attempt in range(1, TRIES + 1):
            words.clear()
            running = await self._run(order)
            client = Client(running.base_url)
            try:
                if await self._healthy_before(end, running, client):
                    return Launched(running, client, folder)
                status = await running.wait() if not running.alive() else None
            except BaseException:
                await running.stop(0.5)
                raise
            client.close()
            if status is None:
                await running.stop(2.0)
                seen = f"/ping did not return 200 within {launch.window_s:g} s."
            else:
                seen = f"The container exited with code {status}."
            if status is None or status in PERMANENT or attempt == TRIES:
                break
            say(f"{seen} Restarting it.")
        raise StartFailed(f"{seen} {_quoted(words)}")

    async def _run(self, order: Order) -> Running:
        """Start it. If cancelled meanwhile, wait until it has started, then stop it."""
        starting = asyncio.ensure_future(self._runner.start(order))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with contextlib.suppress(MooringError):
                await (await starting).stop(0.5)
            raise

    async def _healthy_before(self, end: float, running: Running, client: Client) -> bool:
        while running.alive() and time.monotonic() < end:
            if await is_healthy(client, self.pulse.timeout_s):
                return True
            await asyncio.sleep(self.pulse.start_every_s)
        return False


async def is_healthy(client: Client, timeout_s: float) -> bool:
    """Whether /ping returns 200 in time."""
    try:
        return (await client.send(_PING, timeout_s=timeout_s, most=1_000_000)).status == 200
    except (ContainerGone, AnswerTooLarge, TimeoutError):
        return False


def _quoted(words: deque[str]) -> str:
    return f"Last log lines: {' | '.join(words)}" if words else "It wrote no log lines."


def told(error: MooringError) -> str:
    """Message and hint on one line, for FailureReason and logs."""
    return " ".join(str(error).split())
