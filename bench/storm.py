"""Kill one worker after the other under load, and count what clients see. `make storm`; takes a minute.

    python -m bench.storm [--seconds 20] [--model FOLDER] [--trial]

The results are stored in docs/resilience.json and shown in docs/resilience.md.
"""

import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from bench import page
from bench.machine import machine

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "resilience.json"
PAGE = ROOT / "docs" / "resilience.md"
CLIENTS = 128
SECONDS = 20.0
EVERY_S = 3.0
SETS: Mapping[str, tuple[str, ...]] = {"active and standby": (), "two active": ("--workers", "2")}
"""Name → arguments of `moor serve`."""


class Service(Protocol):
    """What is stormed."""

    port: int

    def workers(self) -> dict[int, int]:
        """Slot → pid of the ready workers."""


@dataclass
class Served:
    """A server behind nginx."""

    process: "subprocess.Popen[str]"
    port: int
    log: list[str] = field(default_factory=list)

    def get(self, path: str) -> Any:
        """The decoded body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        body = json.loads(connection.getresponse().read())
        connection.close()
        return body

    def workers(self) -> dict[int, int]:
        """Slot → pid of the ready workers."""
        listed = self.get("/info")["topology"]["workers"]
        return {one["worker"]: one["pid"] for one in listed if one["ready"]}

    def wait_for_workers(self, count: int) -> None:
        """Until so many are ready."""
        while len(self.workers()) < count:
            time.sleep(0.1)


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    """A server that is ready, stopped in the end."""
    command = [sys.executable, "-m", "mooring", "serve", "--front", "nginx", "--port", "0", "--log-format", "json"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    one = Served(process, 0)
    threading.Thread(target=lambda: one.log.extend(process.stderr or ()), daemon=True).start()
    try:
        for line in process.stdout or ():
            if found := re.search(r"address +http://\S+?:(\d+)", line):
                one.port = int(found[1])
            if line.startswith("  try"):
                break
        threading.Thread(target=lambda: [*(process.stdout or ())], daemon=True).start()
        yield one
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@dataclass
class Seen:
    """What all clients saw."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """By status, or the class of the exception."""
    slowest_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: str, seconds: float) -> None:
        """One request."""
        with self._lock:
            self.outcomes[outcome] += 1
            self.slowest_s = max(self.slowest_s, seconds)


def storm(server: Service, seconds: float, *, clients: int = CLIENTS, every_s: float = EVERY_S) -> dict[str, Any]:
    """Clients ask in a closed loop on connections that stay open, while workers are killed in turn."""
    stop, seen = threading.Event(), Seen()
    asking = [threading.Thread(target=_ask, args=(server.port, number, stop, seen)) for number in range(clients)]
    for one in asking:
        one.start()
    kills, end, slots = 0, time.monotonic() + seconds, sorted(server.workers())
    while not stop.wait(min(every_s, max(0.0, end - time.monotonic()))) and time.monotonic() < end:
        pid = server.workers().get(slots[kills % len(slots)])
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            kills += 1
    stop.set()
    for one in asking:
        one.join()
    outcomes = dict(sorted(seen.outcomes.items()))
    return {"kills": kills, "requests": seen.outcomes.total(), "outcomes": outcomes, "slowest_s": seen.slowest_s}


def _ask(port: int, number: int, stop: threading.Event, seen: Seen) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    asked = 0
    while not stop.is_set():
        asked += 1
        # Different questions: identical ones would be computed once.
        question = {
            "question": f"Who is number {number} of {asked}?",
            "context": "The king lives near the river. " * 40,
        }
        began = time.monotonic()
        try:
            connection.request("POST", "/invocations", json.dumps(question), {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            outcome = str(response.status)
        except (OSError, http.client.HTTPException) as error:
            outcome = type(error).__name__
            connection.close()
        seen.add(outcome, time.monotonic() - began)
        if outcome == "429":
            time.sleep(0.2)
    connection.close()


def main() -> None:
    """Run the storm with both sets of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--model", help="folder of the model; default: the embedded one")
    parser.add_argument("--trial", action="store_true", help="print the results without changing docs/")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name, arguments in SETS.items():
        with served(*([options.model] if options.model else []), *arguments) as server:
            server.wait_for_workers(2)
            found[name] = storm(server, options.seconds)
        print(name, json.dumps(found[name]), flush=True)
    if not options.trial:
        keep({"clients": CLIENTS, "seconds": options.seconds, "every_s": EVERY_S, "sets": found})


def keep(figures: dict[str, Any]) -> None:
    """Store the results with date and machine, and update the page's tables."""
    kept: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    kept["storm"] = {"day": datetime.now(UTC).date().isoformat(), "machine": machine(), "figures": figures}
    FIGURES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page.fill(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")


if __name__ == "__main__":
    main()
