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
PORT = 8080


def engine(*arguments: str) -> str:
    """The client's output. Raises CalledProcessError."""
    return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=True).stdout


@dataclass
class Container:
    """One that runs."""

    name: str
    host: str
    """On the engine's network, not a published port: the proxy for those would accept for a container that stopped."""
    ready_s: float
    """From `run` to the first 200 of /ping."""

    @property
    def url(self) -> str:
        """Of its server."""
        return f"http://{self.host}:{PORT}"

    def get(self, path: str) -> Any:
        """Decoded JSON."""
        connection = http.client.HTTPConnection(self.host, PORT, timeout=10)
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
        """Of all processes, without the page cache, as its control group counts it."""
        script = "cat /sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat 2>/dev/null; true"
        counted = dict(line.split() for line in self.run("sh", "-c", script).splitlines())
        return int(counted.get("anon") or counted["total_rss"]) + int(counted.get("shmem", 0))

    def temporary_bytes(self) -> int:
        """What is used of a /tmp that is a file system of its own: nginx's files have no names while they are used."""
        return 1024 * int(self.run("df", "-k", "--output=used", "/tmp").split()[1])


@contextmanager
def container(image: str, *options: str, command: tuple[str, ...] = ("serve",)) -> Iterator[Container]:
    """Ready, and removed in the end."""
    began = time.perf_counter()
    # What is measured is computing, also where a question comes again.
    computing = ("-e", "MOORING_ANSWER_CACHE_BYTES=0")
    name = engine("run", "-d", *computing, *options, image, *command).strip()
    try:
        host = engine("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name).strip()
        while not _green(host):
            time.sleep(0.005)
        yield Container(name, host, time.perf_counter() - began)
    finally:
        engine("rm", "-f", name)


def _green(host: str) -> bool:
    connection = http.client.HTTPConnection(host, PORT, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
