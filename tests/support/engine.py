"""Docker (or Podman) for the tests of the image: containers that are gone when their with-block is."""

import functools
import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

IMAGE = os.environ.get("MOORING_IMAGE", "mooring:test")
PATIENCE_S = 120.0


@functools.cache
def program() -> str | None:
    """A client whose engine answers. Debian's own is tried first: it knows BuildKit without a plugin."""
    for name in ("/usr/bin/docker", "docker", "podman"):
        found = shutil.which(name)
        if found and subprocess.run([found, "version"], capture_output=True, check=False).returncode == 0:
            return found
    return None


def needed() -> str:
    """The client, or the test is skipped with what to do."""
    found = program()
    if found is None:
        pytest.skip("no running Docker or Podman engine found (Debian: scripts/engine.sh up && scripts/engine.sh base)")
    return found


def engine(*arguments: str, check: bool = True) -> str:
    """Run the client; its stdout and stderr."""
    done = subprocess.run(
        [needed(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(arguments)}: {done.stdout}")
    return done.stdout


@dataclass
class Container:
    """One that was started."""

    name: str
    port: int = 0
    """On this machine, of the server inside; 0 without a network."""

    def send(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers in lower case, decoded body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, data, {"Content-Type": "application/json", **given})
            response = connection.getresponse()
            text = response.read().decode()
            found = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        try:
            return response.status, found, json.loads(text)
        except ValueError:
            return response.status, found, text

    def ping(self) -> int:
        """Its status; 0 if nobody answers."""
        try:
            return self.send("GET", "/ping")[0]
        except (OSError, http.client.HTTPException):
            return 0

    def until(self, true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait for something to be so."""
        end = time.monotonic() + patience_s
        while not true():
            if time.monotonic() > end or not self.running():
                raise TimeoutError(self.logs())
            time.sleep(0.05)

    def inspect(self, template: str) -> str:
        """A field of the engine's description."""
        return engine("inspect", "-f", template, self.name).strip()

    def running(self) -> bool:
        """Whether it has not ended."""
        return self.inspect("{{.State.Running}}") == "true"

    def exit_code(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for its end."""
        end = time.monotonic() + patience_s
        while self.running():
            if time.monotonic() > end:
                raise TimeoutError(self.logs())
            time.sleep(0.05)
        return int(self.inspect("{{.State.ExitCode}}"))

    def logs(self) -> str:
        """What it has said so far."""
        return engine("logs", self.name)

    def events(self, event: str) -> list[Mapping[str, Any]]:
        """Lines of its log with that event."""
        lines = [json.loads(line) for line in self.logs().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def run(self, *command: str) -> str:
        """A command inside."""
        return engine("exec", self.name, *command)

    def processes(self) -> dict[int, str]:
        """Pid → command line of every process inside."""
        script = 'for p in /proc/[0-9]*; do echo "${p#/proc/} $(tr "\\0" " " <$p/cmdline)"; done'
        found = {}
        for line in self.run("sh", "-c", script).splitlines():
            pid, _, command = line.partition(" ")
            # A process that ended meanwhile leaves the shell's complaint, which has no number.
            if pid.isdecimal() and command.strip() and "for p in /proc" not in command:
                found[int(pid)] = command.strip()
        return found

    def worker(self, slot: int) -> int:
        """The pid inside of a worker; 0 if there is none."""
        return next((pid for pid, command in self.processes().items() if f"worker --slot {slot} " in command), 0)


@contextmanager
def container(*options: str, command: tuple[str, ...] = ("serve",), image: str = IMAGE) -> Iterator[Container]:
    """`run OPTIONS IMAGE COMMAND`, with port 8080 published at a free one; removed in the end."""
    published = () if "none" in options else ("-p", "127.0.0.1::8080")
    name = engine("run", "-d", *published, *options, image, *command).strip().splitlines()[-1]
    try:
        port = engine("port", name, "8080", check=False).strip().rpartition(":")[2] if published else ""
        yield Container(name, int(port) if port.isdigit() else 0)
    finally:
        engine("rm", "-f", name)


@contextmanager
def ready(*options: str, image: str = IMAGE) -> Iterator[Container]:
    """A container whose /ping is green."""
    with container(*options, image=image) as one:
        one.until(lambda: one.ping() == 200)
        yield one


def build(context: Path, tag: str = IMAGE) -> None:
    """An image from a build context; the image under test from a checkout's."""
    environ = {**os.environ, "DOCKER_BUILDKIT": "1"}
    command = [needed(), "build", "--network", "host", "--target", "serve", "-t", tag, str(context)]
    done = subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
