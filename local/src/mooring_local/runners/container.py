"""Runs any image with Docker or Podman, as the platform does: `serve`, the model read-only, one port on loopback.

Containers carry a label with a marker of this data folder: what a killed `moor local` left is found by it and removed.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import cast
from uuid import uuid4

from mooring.errors import RunnerError
from mooring_local.runners.base import STOP_S, Order, Running
from mooring_local.runners.engine import Engine, find_engine
from mooring_local.runners.lines import pass_on

LABEL = "com.mooring.local"
PORT = 8080
BASE = "/opt/ml"
_LAST_WORDS_S = 2.0


class ContainerRunner:
    """`folder` keeps the marker."""

    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        """The engine is looked for when it is needed first, unless one is given."""
        self._folder = folder
        self._engine = engine

    def refuses(self, image: str) -> str | None:  # noqa: ARG002 - what an engine cannot run, it says itself
        """No image."""
        return None

    async def start(self, order: Order) -> Running:
        """Raises RunnerError with the engine's own words: no such image, no access to its registry …"""
        engine = await self._found()
        name = await engine.run(*self._arguments(order), environ=_handed_over(order))
        container = name.strip().splitlines()[-1]
        try:
            port = (await engine.run("port", container, str(PORT))).strip().splitlines()[0].rpartition(":")[2]
        except RunnerError:
            # It ended at once: then its address does not matter.
            port = "9"
        following = await asyncio.create_subprocess_exec(
            engine.program,
            "logs",
            "--follow",
            container,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return _Container(engine, container, f"http://127.0.0.1:{port}", order, following)

    async def clean(self) -> list[str]:
        """By the label."""
        engine = await self._found()
        found = await engine.run("ps", "--all", "--quiet", "--filter", f"label={LABEL}={self._marker()}")
        names = found.split()
        if names:
            await engine.run("rm", "--force", *names)
        return [f"Container {name}, left over from a local SageMaker that was killed, was removed." for name in names]

    async def _found(self) -> Engine:
        self._engine = self._engine or await find_engine()
        return self._engine

    def _arguments(self, order: Order) -> list[str]:
        arguments = ["run", "--detach", "--label", f"{LABEL}={self._marker()}", "--publish", f"127.0.0.1::{PORT}"]
        for path in sorted(order.folder.iterdir()):
            # What is linked in is mounted itself: the engine does not see where a link leads.
            arguments += ["--volume", f"{path.resolve()}:{BASE}/{path.name}:ro"]
        if order.memory_bytes is not None:
            arguments += ["--memory", str(order.memory_bytes)]
        for name in order.environment:
            arguments += ["--env", name if _hidden(name) else f"{name}={order.environment[name]}"]
        return [*arguments, order.image, "serve"]

    def _marker(self) -> str:
        """Of the data folder; made once."""
        path = self._folder / "marker"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text(uuid4().hex, encoding="utf-8")
        return path.read_text(encoding="utf-8").strip()


def _hidden(name: str) -> bool:
    """Whether a variable can go by the client's environment, where no list of processes shows its value.

    Not one that the client itself has, or reads.
    """
    return name not in os.environ and not name.startswith(("DOCKER_", "CONTAINER", "PODMAN_"))


def _handed_over(order: Order) -> dict[str, str]:
    return {name: value for name, value in order.environment.items() if _hidden(name)}


class _Container:
    """One that was started."""

    def __init__(
        self, engine: Engine, name: str, base_url: str, order: Order, following: asyncio.subprocess.Process
    ) -> None:
        self._engine = engine
        self.name = name
        self.base_url = base_url
        self._folder = order.folder
        self._following = following
        output = cast(asyncio.StreamReader, following.stdout)  # it was asked for
        self._hearing = asyncio.ensure_future(pass_on(output, order.say))
        self._ending = asyncio.ensure_future(self._end())

    def alive(self) -> bool:
        """Whether it has not ended."""
        return not self._ending.done()

    async def wait(self) -> int:
        """See `Running`."""
        return await asyncio.shield(self._ending)

    async def stop(self, patience_s: float = STOP_S) -> None:
        """See `Running`."""
        await self._engine.call("stop", "-t", str(round(patience_s)), self.name)
        await asyncio.shield(self._ending)

    def inside(self, path: Path) -> str:
        """Below /opt/ml."""
        return f"{BASE}/{path.relative_to(self._folder).as_posix()}"

    async def _end(self) -> int:
        _, out, _ = await self._engine.call("wait", self.name)
        await asyncio.wait([self._hearing], timeout=_LAST_WORDS_S)
        self._hearing.cancel()
        with contextlib.suppress(ProcessLookupError):
            self._following.kill()
        await self._following.wait()
        await self._engine.call("rm", "--force", self.name)
        return int(out.strip()) if out.strip().lstrip("-").isdigit() else 1
