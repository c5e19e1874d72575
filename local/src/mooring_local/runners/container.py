"""Run any image with Docker or Podman as SageMaker does: command `serve`, read-only model, one port on loopback.

A label with this data folder's marker identifies containers that a killed `moor local` left running.
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
    """`folder` contains the marker."""

    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        """Without `engine`, one is searched for on first use."""
        self._folder = folder
        self._engine = engine

    def refuses(self, image: str) -> str | None:  # noqa: ARG002 - the engine reports what it cannot run
        """None: every image may run."""
        return None

    async def start(self, order: Order) -> Running:
        """Raises RunnerError with the engine's message, such as an unknown image or denied registry access."""
        engine = await self._found()
        name = await engine.run(*self._arguments(order), environ=_handed_over(order))
        container = name.strip().splitlines()[-1]
        try:
            port = (await engine.run("port", container, str(PORT))).strip().splitlines()[0].rpartition(":")[2]
        except RunnerError:
            # It exited at once: its address does not matter.
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
        """Remove containers that carry the label."""
        engine = await self._found()
        found = await engine.run("ps", "--all", "--quiet", "--filter", f"label={LABEL}={self._marker()}")
        names = found.split()
        if names:
            await engine.run("rm", "--force", *names)
        return [f"Removed container {name}, left over from a killed local SageMaker." for name in names]

    async def _found(self) -> Engine:
        self._engine = self._engine or await find_engine()
        return self._engine

    def _arguments(self, order: Order) -> list[str]:
        arguments = ["run", "--detach", "--label", f"{LABEL}={self._marker()}", "--publish", f"127.0.0.1::{PORT}"]
        for path in sorted(order.folder.iterdir()):
            # Mount the target of a link: the engine does not follow links.
            arguments += ["--volume", f"{path.resolve()}:{BASE}/{path.name}:ro"]
        if order.memory_bytes is not None:
            arguments += ["--memory", str(order.memory_bytes)]
        for name in order.environment:
            arguments += ["--env", name if _hidden(name) else f"{name}={order.environment[name]}"]
        return [*arguments, order.image, "serve"]

    def _marker(self) -> str:
        """The marker of the data folder; created once."""
        path = self._folder / "marker"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text(uuid4().hex, encoding="utf-8")
        return path.read_text(encoding="utf-8").strip()


def _hidden(name: str) -> bool:
    """Whether to pass a variable through the client's environment, which hides its value from process lists.

    Not for variables that the client itself uses.
    """
    return name not in os.environ and not name.startswith(("DOCKER_", "CONTAINER", "PODMAN_"))


def _handed_over(order: Order) -> dict[str, str]:
    return {name: value for name, value in order.environment.items() if _hidden(name)}


class _Container:
    """A started container."""

    def __init__(
        self, engine: Engine, name: str, base_url: str, order: Order, following: asyncio.subprocess.Process
    ) -> None:
        self._engine = engine
        self.name = name
        self.base_url = base_url
        self._folder = order.folder
        self._following = following
        output = cast(asyncio.StreamReader, following.stdout)  # stdout is a pipe
        self._hearing = asyncio.ensure_future(pass_on(output, order.say))
        self._ending = asyncio.ensure_future(self._end())

    def alive(self) -> bool:
        """Whether it is still running."""
        return not self._ending.done()

    async def wait(self) -> int:
        """See `Running`."""
        return await asyncio.shield(self._ending)

    async def stop(self, patience_s: float = STOP_S) -> None:
        """See `Running`."""
        await self._engine.call("stop", "-t", str(round(patience_s)), self.name)
        await asyncio.shield(self._ending)

    def inside(self, path: Path) -> str:
        """The same path below /opt/ml."""
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
