"""Starts `moor serve --front nginx` as a process and speaks to it: for the tests of what happens around the workers."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.started import kill, started

PATIENCE_S = 60.0
PAIR = {"question": "who lives near the river ?", "context": "The king lives near the river."}


@dataclass
class Behind:
    """A running server. `log` has its stderr so far."""

    process: "subprocess.Popen[str]"
    port: int = 0
    said: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> tuple[int, Any]:
        """Status and decoded body (text where it is no JSON)."""
        status, _, body = self.send("GET", path)
        return status, body

    def ask(self, body: object = PAIR, **headers: str) -> tuple[int, Mapping[str, str], Any]:
        """POST /invocations on a connection of its own: status, headers in lower case, decoded body."""
        return self.send("POST", "/invocations", json.dumps(body).encode(), **headers)

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Mapping[str, str], Any]:
        """Any request. Raises what http.client raises if the connection breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        given = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        try:
            connection.request(method, path, body, given if body is not None else headers)
            response = connection.getresponse()
            text = response.read().decode()
            found = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        try:
            return response.status, found, json.loads(text)
        except ValueError:
            return response.status, found, text

    def workers(self) -> dict[int, int]:
        """Slot → pid of the workers that are ready."""
        _, facts = self.get("/info")
        return {entry["worker"]: entry["pid"] for entry in facts["topology"]["workers"] if entry["ready"]}

    def wait_for_workers(self, count: int) -> dict[int, int]:
        """Until so many are ready."""
        self.until(lambda: len(self.workers()) == count)
        return self.workers()

    def kill(self, slot: int, number: signal.Signals = signal.SIGKILL) -> int:
        """A worker that is ready; its pid."""
        pid = self.workers()[slot]
        os.kill(pid, number)
        return pid

    def replaced(self, slot: int, dead: int) -> None:
        """Wait until another worker than `dead` is ready in a slot."""
        self.until(lambda: self.workers().get(slot, dead) != dead)

    def nginx(self) -> list[int]:
        """The master's pid and its workers'."""
        children = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,comm="], capture_output=True, text=True, check=True
        ).stdout
        masters = [int(line.split()[0]) for line in children.splitlines() if line.split()[1] == "nginx"]
        found = list(masters)
        for master in masters:
            below = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True, check=False).stdout
            found += [int(pid) for pid in below.split()]
        return found

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels."""
        _, text = self.get("/metrics")
        total = 0.0
        for line in str(text).splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if (
                found
                and found[1] == name
                and all(f'{key}="{value}"' in (found[2] or "") for key, value in labels.items())
            ):
                total += float(found[3])
        return total

    def until(self, true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait for something to be so."""
        end = time.monotonic() + patience_s
        while not true():
            if time.monotonic() > end:
                raise TimeoutError("\n".join([line for line in self.log if '"event":"request"' not in line][-30:]))
            time.sleep(0.02)

    def logged(self, event: str) -> list[Mapping[str, Any]]:
        """Lines of the log with that event."""
        lines = [json.loads(line) for line in list(self.log) if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def prepared(*arguments: str, program: str = "", **environ: str) -> Iterator[Behind]:
    """A server that is starting, gone in the end. `program` is Python to be run before `moor`."""
    moor = f"{program}; from mooring.cli import main; main()" if program else "from mooring.cli import main; main()"
    command = [sys.executable, "-c", moor, "serve", "--front", "nginx", "--log-format", "json", *arguments]
    given = {**os.environ, "MOORING_PORT": "0", "MOORING_MAX_QUEUE_MS": "deadline", **environ}
    with started(command, env=given) as process:
        server = Behind(process)
        reader = threading.Thread(target=lambda: server.log.extend(map(str.rstrip, process.stderr or ())), daemon=True)
        reader.start()
        try:
            yield server
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
            kill(process)
            reader.join(PATIENCE_S)


@contextmanager
def behind(*arguments: str, program: str = "", **environ: str) -> Iterator[Behind]:
    """A server that is ready, gone in the end with everything below it."""
    with prepared(*arguments, program=program, **environ) as server:
        process = server.process
        for line in process.stdout or ():
            server.said.append(line.rstrip())
            if line.startswith("  try"):
                break
        found = re.search(r"address +http://\S+?:(\d+)", "\n".join(server.said))
        assert found is not None, (process.wait(PATIENCE_S), server.log)
        server.port = int(found[1])
        reader = threading.Thread(target=lambda: server.said.extend(map(str.rstrip, process.stdout or ())), daemon=True)
        reader.start()
        yield server
