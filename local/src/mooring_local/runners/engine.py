"""Call a container engine through its command line: Docker or Podman."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mooring.errors import RunnerError

PROGRAMS = ("docker", "podman")


class Engine:
    """A client program whose engine responds."""

    def __init__(self, program: str) -> None:
        self.program = program

    async def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """The command's stdout. Raises RunnerError with its stderr if it fails."""
        status, out, said = await self.call(*arguments, environ=environ)
        if status:
            raise RunnerError(f"{Path(self.program).name} {arguments[0]} failed: {said.strip() or out.strip()}")
        return out

    async def call(self, *arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """Exit code, stdout and stderr. `environ` is added to the environment."""
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
    """The first program that is installed and whose engine responds. Raises RunnerError with what was tried."""
    tried = []
    for name in programs:
        program = shutil.which(name)
        if program is None:
            tried.append(f"{name} is not installed")
            continue
        status, _, said = await Engine(program).call("version", "--format", "{{.Server.Version}}")
        if status == 0:
            return Engine(program)
        tried.append(f"{name}: {said.strip().splitlines()[-1] if said.strip() else 'its engine does not respond'}")
    raise RunnerError(
        f"No container engine found: {'; '.join(tried)}.",
        hint="Start Docker or Podman, or omit --engine to run Mooring's own images as processes.",
    )
