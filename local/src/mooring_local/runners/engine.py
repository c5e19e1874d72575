"""The command line of a container engine, Docker's or Podman's, as far as it is needed. Used by `container.py`."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mooring.errors import RunnerError

PROGRAMS = ("docker", "podman")


class Engine:
    """One client whose engine answers."""

    def __init__(self, program: str) -> None:
        self.program = program

    async def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """What it wrote to stdout. Raises RunnerError with what it wrote to stderr if it failed."""
        status, out, said = await self.call(*arguments, environ=environ)
        if status:
            raise RunnerError(f"{Path(self.program).name} {arguments[0]} failed: {said.strip() or out.strip()}")
        return out

    async def call(self, *arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """Exit code, stdout, stderr. `environ` is added to its environment."""
        process = await asyncio.create_subprocess_exec(
            self.program,
            *arguments,
            env={**os.environ, **environ} if environ else None,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, said = await process.communicate()
        return process.returncode or 0, out.decode("utf-8", "replace"), said.decode("utf-8", "replace")


async def find_engine(programs: Sequence[str] = PROGRAMS) -> Engine:
    """The first of them that is installed and whose engine answers. Raises RunnerError that says what was tried."""
    tried = []
    for name in programs:
        program = shutil.which(name)
        if program is None:
            tried.append(f"{name} is not installed")
            continue
        status, _, said = await Engine(program).call("version", "--format", "{{.Server.Version}}")
        if status == 0:
            return Engine(program)
        tried.append(f"{name}: {said.strip().splitlines()[-1] if said.strip() else 'its engine does not answer'}")
    raise RunnerError(
        f"There is no container engine: {'; '.join(tried)}.",
        hint="Start Docker or Podman; or leave the engine out, and Mooring's own images run as processes.",
    )
