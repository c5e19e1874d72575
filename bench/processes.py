"""Starts and asks what is measured: `moor` commands as users run them, and memory as the kernel counts it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mooring.testing import RunningServer, running_server


def moor(*arguments: str) -> Any:
    """The `--json` result of a command."""
    command = [sys.executable, "-m", "mooring", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@contextmanager
def serving(model: str | None, *arguments: str) -> Iterator[RunningServer]:
    """A quiet server, ready and with every shape warmed."""
    with running_server(model, "--log-level", "error", *arguments) as server:
        while server.info()["engine"]["cold_shapes"]:
            time.sleep(0.1)
        yield server


def load(server: RunningServer, file: Path, clients: int, requests: int) -> Any:
    """What `moor bench` saw."""
    return moor("bench", server.url, "--clients", str(clients), "--requests", str(requests), "--file", str(file))


def pss_bytes(process: int) -> int:
    """Proportional set size of a process and all its children: shared pages are counted once."""
    pids = [process, *_children(process)]
    return sum(_rollup(pid) for pid in pids)


def _rollup(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _children(process: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_children(int(child))]
    return found


def start_seconds(model: str | None) -> tuple[float, int]:
    """From the start of the process to the first 200 of /ping, and the PSS at that moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "mooring", "serve", *([model] if model else []), "--port", str(port)]
    environ = {**os.environ, "MOORING_LOG_LEVEL": "error", "MOORING_ANSWER_CACHE_BYTES": "0"}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environ)
    try:
        while not _green(port):
            time.sleep(0.002)
        return time.perf_counter() - began, pss_bytes(process.pid)
    finally:
        process.terminate()
        process.wait()


def _green(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
