"""Containers for what is measured: started, looked into, removed. Used by `parts/container.py` and `soak.py`."""

import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ENGINE = "docker"


def engine(*arguments: str) -> str:
    """The client's output. Raises CalledProcessError."""
    return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=True).stdout


@dataclass
class Container:
    """One that runs."""

    name: str
    port: int
    ready_s: float
    """From `run` to the first 200 of /ping."""

    @property
    def url(self) -> str:
        """Of its server."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """Decoded JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def workers(self) -> dict[int, int]:
        """Slot → pid inside, of those that are ready."""
        entries = self.get("/info")["topology"]["workers"]
        return {entry["worker"]: entry["pid"] for entry in entries if entry["ready"]}

    def wait_for_workers(self, count: int) -> None:
        """Until so many are ready."""
        while len(self.workers()) < count:
            time.sleep(0.05)

    def run(self, *command: str) -> str:
        """A command inside."""
        return engine("exec", self.name, *command)

    def memory_bytes(self) -> int:
        """Proportional set size of every process inside, and what lies in /tmp."""
        script = "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | grep ^Pss:"
        pages = sum(int(line.split()[1]) for line in self.run("sh", "-c", script).splitlines())
        return 1024 * pages

    def temporary_bytes(self) -> int:
        """What lies in /tmp."""
        return 1024 * int(self.run("du", "-sk", "/tmp").split()[0])


@contextmanager
def container(image: str, *options: str, command: tuple[str, ...] = ("serve",)) -> Iterator[Container]:
    """Ready, and removed in the end."""
    began = time.perf_counter()
    name = engine("run", "-d", "-p", "127.0.0.1::8080", *options, image, *command).strip()
    try:
        port = int(engine("port", name, "8080").strip().rpartition(":")[2])
        while not _green(port):
            time.sleep(0.005)
        yield Container(name, port, time.perf_counter() - began)
    finally:
        engine("rm", "-f", name)


def _green(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
