"""One instance of a variant: its containers, started together, watched, and replaced when one of them dies."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from mooring.errors import MooringError
from mooring_local.runners.launch import Launch, Launched, Launcher, is_healthy, told

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
SETTLED_S = 30.0
"""After this uptime, a failure resets the restart delay."""
GOODBYE_S = 2.0
"""Grace period of an unhealthy container."""

Say = Callable[[str, str], None]
"""(stream, line) → a line of the endpoint's log."""


@dataclass(frozen=True, slots=True)
class Part:
    """One container of a model."""

    name: str
    """Its name in error messages: `primary`, or its hostname."""
    container: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an instance is started from."""

    variant: str
    parts: Sequence[Part]
    environment: Mapping[str, str]
    """Variables that SageMaker adds."""
    window_s: float
    region: str
    memory_bytes: int | None = None


def pause(lived_s: float, last_s: float) -> float:
    """Delay before the next restart: doubles each time, and resets after a long uptime."""
    if lived_s >= SETTLED_S or last_s <= 0:
        return FIRST_PAUSE_S
    return min(LONGEST_PAUSE_S, 2 * last_s)


class Instance:
    """Kept running from `open` to `close`, replacing containers that die."""

    def __init__(self, launcher: Launcher, recipe: Recipe, say: Say, prefix: str) -> None:
        """`prefix` starts the names of its containers' folders."""
        self._launcher = launcher
        self._recipe = recipe
        self._say = say
        self._prefix = prefix
        self._keeping: asyncio.Task[None] | None = None
        self.id = ""
        self.containers: dict[str, Launched] = {}
        """By part name and in order; empty while the instance is down."""
        self.in_flight = 0

    async def open(self) -> None:
        """Start all containers, wait until they are healthy, and keep them running. Raises as `Launcher.launch`."""
        self.containers = await self._launch()
        self._keeping = asyncio.create_task(self._keep())

    async def close(self, patience_s: float) -> None:
        """Stop the instance."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        await self._end(patience_s)

    def say(self, line: str) -> None:
        """Write a line of the platform to the log."""
        self._say(f"{self._recipe.variant}/{self.id}", line)

    async def _launch(self) -> dict[str, Launched]:
        self.id = f"i-{uuid4().hex[:17]}"
        recipe = self._recipe
        launched: dict[str, Launched] = {}
        alone = len(recipe.parts) == 1
        try:
            for part in recipe.parts:
                stream = f"{recipe.variant}/{self.id}" + ("" if alone else f"/{part.name}")
                name = f"{self._prefix}-{self.id}" + ("" if alone else f"-{part.name}")
                environment = dict(recipe.environment)
                if part.container.get("Mode") == "MultiModel":
                    environment["SAGEMAKER_MULTI_MODEL"] = "true"
                order = Launch(name, part.container, environment, recipe.window_s, recipe.memory_bytes, recipe.region)
                launched[part.name] = await self._launcher.launch(order, partial(self._say, stream))
        except BaseException:
            for one in launched.values():
                await one.stop(GOODBYE_S)
            raise
        return launched

    async def _keep(self) -> None:
        """Replace the containers whenever one fails, until cancelled."""
        began, wait = time.monotonic(), 0.0
        while True:
            why = await self._sick()
            self.say(f"Replacing the instance: {why}")
            await self._end(GOODBYE_S)
            while not self.containers:
                wait = pause(time.monotonic() - began, wait)
                await asyncio.sleep(wait)
                began = time.monotonic()
                try:
                    self.containers = await self._launch()
                except MooringError as error:
                    self.say(f"Could not replace the instance, retrying: {told(error)}")

    async def _sick(self) -> str:
        """Wait until a container exits or fails its health checks; returns the reason."""
        watches = [asyncio.ensure_future(self._watch(name, one)) for name, one in self.containers.items()]
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for watch in watches:
                watch.cancel()

    async def _watch(self, name: str, one: Launched) -> str:
        pulse = self._launcher.pulse
        ended = asyncio.ensure_future(one.running.wait())
        failures = 0
        try:
            while failures < pulse.failures:
                done, _ = await asyncio.wait([ended], timeout=pulse.every_s)
                if done:
                    return f"container {name} exited with code {ended.result()}."
                failures = 0 if await is_healthy(one.client, pulse.timeout_s) else failures + 1
            return f"container {name} failed {failures} health checks in a row."
        finally:
            ended.cancel()

    async def _end(self, patience_s: float) -> None:
        gone, self.containers = self.containers, {}
        ending = asyncio.gather(*(one.stop(patience_s) for one in gone.values()), return_exceptions=True)
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            # Only this coroutine still refers to them, so `close` must wait until they have stopped.
            await ending
            raise
