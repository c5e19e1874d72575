"""Start, ask and look into what is measured: `moor` commands as users run them, memory as the kernel counts it."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from mooring.testing import RunningServer, running_server

BODY = {"inputs": {"question": "Who wrote it?", "context": "Ada Lovelace wrote it in 1843."}}
"""What is asked first."""


def moor(*arguments: str) -> Any:
    """The `--json` result of a command."""
    command = [sys.executable, "-m", "mooring", *arguments, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def load(url: str, file: Path, **flags: float | str) -> Any:
    """What `moor bench` sees at a server, asking the file's questions."""
    return moor("bench", url, "--file", str(file), *(f"--{name}={value}" for name, value in flags.items()))


def get(url: str, body: object = None, timeout_s: float = 60.0) -> Any:
    """Decoded JSON of a 200; with a `body`, it is posted. Raises OSError for any other status, or if nobody listens."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", "Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout_s) as response:
        return json.loads(response.read())


@contextmanager
def serving(model: str | None, *arguments: str) -> Iterator[RunningServer]:
    """A quiet server, ready and with every shape warmed."""
    with running_server(model, "--log-level", "error", *arguments) as server:
        until_warm(server)
        yield server


def until_warm(server: RunningServer) -> None:
    """Wait until every shape has been computed once."""
    while server.info()["engine"]["cold_shapes"]:
        time.sleep(0.1)


def pss_bytes(processes: list[psutil.Process]) -> int:
    """Proportional set size: pages that they share are counted once. What has ended meanwhile has none."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def family(pid: int) -> list[psutil.Process]:
    """A process and all that come from it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
