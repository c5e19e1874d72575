"""From a container definition to a container that passes its health check. Called by `fleet/` and `batch/`.

Model data is placed, the runner starts the container, and /ping is asked until it is 200. A container that ends on the
way is started again, unless it said by its exit code that this would change nothing.
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
"""Exit codes of `moor serve` that starting again does not change: a wrong setting, a model that cannot be served."""
TRIES = 3
LAST_WORDS = 8
"""Lines of what the container said that an error repeats."""
_PING = Asked("GET", "/ping")

Around = Callable[[str], Awaitable[Mapping[str, str]]]
"""A region → the variables that every container of it gets, below all others."""


async def nothing(_: str) -> Mapping[str, str]:
    """No variables."""
    return {}


@dataclass(frozen=True, slots=True)
class Pulse:
    """How health is checked. The platform's numbers; how many failures make it replace one is not documented."""

    every_s: float = 5.0
    timeout_s: float = 2.0
    failures: int = 3
    start_every_s: float = 0.05
    """While it starts."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be started."""

    name: str
    """Of its folder: unique among what runs."""
    container: Mapping[str, Any]
    """As CreateModel takes it: Image, Environment, ModelDataUrl …"""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the platform adds to its own."""
    window_s: float = 480.0
    """For all of it, until the first 200 of /ping."""
    memory_bytes: int | None = None
    region: str = DEFAULT_REGION
    """Of what it is started for."""


class StartFailed(RunnerError):
    """The container did not pass its health check; `message` says what was seen, and its own last words."""


@dataclass
class Loaded:
    """A model in a multi-model container."""

    name: str
    """The container's."""
    loading: "asyncio.Future[None]"
    in_flight: int = 0
    waiting: bool = False
    """For room."""

    @contextmanager
    def engaged(self) -> Iterator[None]:
        """It has one more to answer, and is not to be unloaded."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


@dataclass(frozen=True, slots=True)
class Launched:
    """A container that answers."""

    running: Running
    client: Client
    folder: Path
    """/opt/ml to the container."""
    loaded: dict[str, Loaded] = field(default_factory=dict)
    """Of a multi-model container: by TargetModel, the one asked last at the end. `runtime/models.py` keeps it."""
    leaving: set[str] = field(default_factory=set)
    """The container's names of models that are being unloaded."""

    async def stop(self, patience_s: float = STOP_S) -> None:
        """End it and remove its folder."""
        try:
            await self.running.stop(patience_s)
        finally:
            self.client.close()
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


class Launcher:
    """Starts containers with one runner, each in a folder of its own below `folder`."""

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
        """Where model data comes from."""
        return self._objects

    def refuses(self, image: str) -> str | None:
        """See `Runner`."""
        return self._runner.refuses(image)

    async def clean(self) -> list[str]:
        """What an earlier life left: its containers and their folders. Before anything is launched."""
        said = await self._runner.clean()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return said

    async def launch(self, launch: Launch, say: Callable[[str], None]) -> Launched:
        """Raises a ModelError (model data), or RunnerError, of which StartFailed; then nothing is left."""
        folder = self._folder / launch.name
        try:
            try:
                folder.mkdir(parents=True)
                if launch.container.get("Mode") == "MultiModel":
                    (folder / "models").mkdir()
                await asyncio.to_thread(place, launch.container, self._objects, folder, say)
            except Fault as fault:  # the object store's own words
                raise RunnerError(f"Model data cannot be read: {fault.message} ({fault.code}).") from fault
            except OSError as error:  # a full disk, or a file taken away meanwhile
                raise RunnerError(f"Model data cannot be put in its place: {error}.") from error
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
                seen = f"/ping was not 200 within {launch.window_s:g} s."
            else:
                seen = f"The container ended with exit code {status}."
            if status is None or status in PERMANENT or attempt == TRIES:
                break
            say(f"{seen} It is started again.")
        raise StartFailed(f"{seen} {_quoted(words)}")

    async def _run(self, order: Order) -> Running:
        """Start it; whoever is told to stop meanwhile waits until there is something to stop, and stops it."""
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
    """Whether /ping is 200 in time."""
    try:
        return (await client.send(_PING, timeout_s=timeout_s, most=1_000_000)).status == 200
    except (ContainerGone, AnswerTooLarge, TimeoutError):
        return False


def _quoted(words: deque[str]) -> str:
    return f"Its last words: {' | '.join(words)}" if words else "It said nothing."


def told(error: MooringError) -> str:
    """Message and hint in one line, for FailureReason and logs."""
    return " ".join(str(error).split())
