"""Start, inspect and remove containers for benchmarks."""

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
    """Run the engine's client and return its output. Raises CalledProcessError."""
    return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=True).stdout


@dataclass
class Container:
    """A running container."""

    name: str
    host: str
    """Address on the engine's network. A published port's proxy would accept connections to a stopped container."""
    ready_s: float = 0.0
    """Seconds from `run` to the first 200 of /ping."""

    @property
    def url(self) -> str:
        """URL of its server."""
        return f"http://{self.host}:{PORT}"

    def get(self, path: str) -> Any:
        """Decoded JSON of a 200 response. Raises OSError for any other status."""
        return get(self.url + path)

    def workers(self) -> dict[int, int]:
        """Slot → pid in the container, for workers that are ready."""
        entries = self.get("/info")["topology"]["workers"]
        return {entry["worker"]: entry["pid"] for entry in entries if entry["ready"]}

    def wait_for_workers(self, count: int) -> None:
        """Wait until that many workers are ready."""
        while len(self.workers()) < count:
            time.sleep(0.05)

    def run(self, *command: str) -> str:
        """Run a command in the container."""
        return engine("exec", self.name, *command)

    def memory_bytes(self) -> int:
        """Memory of all processes according to the control group, without the page cache."""
        script = "cat /sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat 2>/dev/null; true"
        counted = dict(line.split() for line in self.run("sh", "-c", script).splitlines())
        return int(counted.get("anon") or counted["total_rss"]) + int(counted.get("shmem", 0))


@contextmanager
def container(image: str, *options: str, command: tuple[str, ...] = ("serve",)) -> Iterator[Container]:
    """A ready container, removed afterwards. Its answer cache is off, and requests may wait."""
    began = time.perf_counter()
    settings = ("-e", "MOORING_ANSWER_CACHE_BYTES=0", "-e", "MOORING_MAX_QUEUE_MS=deadline")
    name = engine("run", "-d", *settings, *options, image, *command).strip()
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
