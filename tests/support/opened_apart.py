"""Opens models as a server does, each in a process of its own that may take only so much memory and time.

A broken model may take all of either, or end the process. `opened_apart` starts this module as a program, which has
everything imported and forks once for each folder.
"""

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEMORY = 4 << 30
SECONDS = 20
NOBODY = 65534


@dataclass(frozen=True)
class Outcome:
    """What came of one folder."""

    kinds: tuple[str, ...]
    """Class and ancestors of what was raised; none if the model was opened and answered its first question."""
    said: str
    """Message and hint, or how the process ended."""


def opened_apart(folders: Mapping[str, Path], strangers: frozenset[str] = frozenset()) -> dict[str, Outcome]:
    """Open each. Those of `strangers` are opened by a user who owns nothing, if this one may become one."""
    given = json.dumps([[name, str(folder), name in strangers] for name, folder in folders.items()])
    command = [sys.executable, "-m", "tests.support.opened_apart"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {name: Outcome(tuple(kinds), said) for name, kinds, said in json.loads(done.stdout)}


def main() -> None:
    """Folders on stdin, outcomes on stdout."""
    import mooring.wiring.opening  # noqa: F401 - for the children, before they are made

    outcomes = [(name, *_forked(Path(folder), stranger)) for name, folder, stranger in json.loads(sys.stdin.read())]
    json.dump(outcomes, sys.stdout)


def _forked(folder: Path, stranger: bool) -> tuple[list[str], str]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.alarm(SECONDS)
            os.write(write, json.dumps(_outcome(folder, stranger)).encode()[:60_000])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if said:
        kinds, text = json.loads(said)
        return kinds, text
    code = os.waitstatus_to_exitcode(status)
    ended = "it took too long" if code == -signal.SIGALRM else f"its process ended with {code}"
    return ["NoOutcome"], ended


def _outcome(folder: Path, stranger: bool) -> tuple[list[str], str]:
    logs = os.open(os.devnull, os.O_WRONLY)
    os.dup2(logs, 2)
    if stranger and os.geteuid() == 0:
        with contextlib.suppress(Exception):
            _open(None)  # whatever is imported late, while it can still be read
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        _open(folder)
    except BaseException as error:
        hint = getattr(error, "hint", "")
        return [kind.__name__ for kind in type(error).__mro__], f"{getattr(error, 'message', error)} {hint}".strip()
    return [], ""


def _open(folder: Path | None) -> None:
    from mooring.observe.metrics import Metrics
    from mooring.settings import Settings
    from mooring.web.service import Service
    from mooring.wiring.opening import open_served

    model: Any = None if folder is None else str(folder)
    settings = Settings(model=model, threads=1, compile_cache_bytes=0)

    async def start() -> None:
        service = Service(lambda: open_served(settings, Metrics()))
        try:
            await service.start()
        finally:
            await service.stop()

    asyncio.run(start())


if __name__ == "__main__":
    main()
