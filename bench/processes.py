"""Start, query and inspect servers for benchmarks: `moor` commands as users run them, memory from the kernel."""

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
"""The first request."""


def moor(*arguments: str) -> Any:
    """Run a `moor` command with `--json` and return its result."""
    command = [sys.executable, "-P", "-m", "mooring", *arguments, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def load(url: str, file: Path, **flags: float | str) -> Any:
    """Results of `moor bench` against a server, with the file's questions."""
    return moor("bench", url, "--file", str(file), *(f"--{name}={value}" for name, value in flags.items()))


def get(url: str, body: object = None, timeout_s: float = 60.0) -> Any:
    """Decoded JSON of a 200 response to GET, or POST with `body`. Raises OSError for other statuses or no server."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", "Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout_s) as response:
        return json.loads(response.read())


@contextmanager
def serving(model: str | None, *arguments: str) -> Iterator[RunningServer]:
    """A ready server with warmed shapes and little logging, which lets requests wait: throughput is to be measured."""
    with running_server(model, "--log-level", "error", "--max-queue-ms", "deadline", *arguments) as server:
        until_warm(server)
        yield server


def until_warm(server: RunningServer) -> None:
    """Wait until every shape has been warmed."""
    while server.info()["engine"]["cold_shapes"]:
        time.sleep(0.1)


def pss_bytes(processes: list[psutil.Process]) -> int:
    """Proportional set size, which counts shared pages once. Processes that have exited count as 0."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def family(pid: int) -> list[psutil.Process]:
    """A process and its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
