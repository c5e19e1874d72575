"""Containers for what is measured: started, looked into, removed."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bench.processes import get

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
    ready_s: float = 0.0
    """From `run` to the first 200 of /ping."""

    @property
    def url(self) -> str:
        """Of its server."""
        return f"http://{self.host}:{PORT}"

    def get(self, path: str) -> Any:
        """Decoded JSON of a 200. Raises OSError for any other status."""
        return get(self.url + path)

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


@contextmanager
def container(image: str, *options: str, command: tuple[str, ...] = ("serve",)) -> Iterator[Container]:
    """Ready, and removed in the end. It computes also what it has answered before."""
    began = time.perf_counter()
    name = engine("run", "-d", "-e", "MOORING_ANSWER_CACHE_BYTES=0", *options, image, *command).strip()
    try:
        one = Container(name, engine("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name).strip())
        while not one.ready_s:
            with suppress(OSError):
                one.get("/ping")
                one.ready_s = time.perf_counter() - began
            time.sleep(0.005)
        yield one
    finally:
        engine("rm", "-f", name)
