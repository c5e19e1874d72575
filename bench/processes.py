"""Starts and asks what is measured: `moor` commands as users run them, and memory as the kernel counts it."""

import http.client
import json
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


def resident(process: int, line: str = "VmRSS") -> int:
    """Bytes in the line of the kernel's status of a process."""
    text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = next(one for one in text.splitlines() if one.startswith(f"{line}:"))
    return int(found.split()[1]) * 1024


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


def green(port: int) -> bool:
    """Whether the server at the port says 200 to /ping."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
