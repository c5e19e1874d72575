"""Measure an honest client's latency while slow and hostile clients hold connections. `make slow-clients`.

    python -m bench.slow_clients [--seconds 20] [--sockets 1030] [--pause 4] [--trial] [KIND …]

All clients come from one address. Results go to docs/resilience.json and into the table of docs/resilience.md.
"""

import argparse
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.attack import ATTACKS, MIXTURE
from bench.machine import machine
from mooring.testing import running_server

ROOT = Path(__file__).resolve().parents[1]
PAGE, KEPT = ROOT / "docs" / "resilience.md", ROOT / "docs" / "resilience.json"
BLOCK = re.compile(r"(<!-- slow clients -->\n).*?(<!-- end -->)", re.DOTALL)
PART = "slow-clients"
BODY = json.dumps({"inputs": {"question": "Who wrote it?", "context": "Ada Lovelace wrote it in 1843."}}).encode()
DOORS = {"direct": (), "nginx": ("--front", "nginx")}


@contextmanager
def attacked(kind: str, port: int, sockets: int, pause_s: float) -> Iterator[None]:
    """Slow clients in a process of their own."""
    command = [sys.executable, "-m", "bench.attack", kind, str(port), str(sockets), str(pause_s)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.kill()


def honest(port: int, seconds: float, timeout_s: float = 10.0) -> dict[str, Any]:
    """Ask again and again, on a new connection each time and on a kept one in turn.

    Returns counts of requests and failures, and percentiles of milliseconds.
    """
    taken: list[float] = []
    failures: list[str] = []
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for fresh in (True, False):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s) if fresh else kept
            began = time.monotonic()
            try:
                headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
                connection.request("POST", "/invocations", BODY, headers)
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    failures.append(str(response.status))
            except (OSError, http.client.HTTPException) as error:
                failures.append(type(error).__name__)
                connection.close()
            taken.append(1000 * (time.monotonic() - began))
            if fresh:
                connection.close()
        time.sleep(0.01)
    kept.close()
    cuts = quantiles(taken, n=100)
    return {
        "requests": len(taken),
        "failed": len(failures),
        "failures": sorted(set(failures)),
        "p50": cuts[49],
        "p99": cuts[98],
    }


def measure(kinds: list[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each kind and door."""
    rows = []
    for door, flags in DOORS.items():
        with running_server(None, "--log-level", "error", *flags) as server:
            port = int(server.url.rpartition(":")[2])
            honest(port, 2)
            for kind in kinds:
                before = honest(port, options.seconds / 2)
                with attacked(kind, port, options.sockets, options.pause):
                    during = honest(port, options.seconds)
                rows.append({"kind": kind, "door": door, "before": before, "during": during})
                print(json.dumps(rows[-1]), flush=True)
    return rows


def table(kept: dict[str, Any]) -> str:
    """The Markdown table, with its machine, date and command."""
    lines = [
        "| attack | door | p50 before (ms) | p50 during (ms) | p99 before (ms) | p99 during (ms) | failed |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in kept["figures"]:
        before, during = row["before"], row["during"]
        failed = f"{during['failed']} of {during['requests']}"
        times = (before["p50"], during["p50"], before["p99"], during["p99"])
        cells = (row["kind"], row["door"], *(f"{ms:.1f}" for ms in times), failed)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + f"\n\n*{kept['machine']}, {kept['day']}, `{kept['command']}`*"


def main() -> None:
    """Measure, keep, and fill the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each attack")
    parser.add_argument("--sockets", type=int, default=1030)
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between two bytes")
    parser.add_argument("--trial", action="store_true", help="print the table without changing docs/")
    parser.add_argument("kinds", nargs="*", help=", ".join((*ATTACKS, MIXTURE)))
    options = parser.parse_args()
    rows = measure(options.kinds or [*ATTACKS, MIXTURE], options)
    command = f"make slow-clients # {options.sockets} sockets, a byte per {options.pause:g} s"
    part = {"figures": rows, "machine": machine(), "day": datetime.now(UTC).date().isoformat(), "command": command}
    text = table(part)
    print(text)
    if not options.trial:
        kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
        KEPT.write_text(json.dumps({**kept, PART: part}, indent=1) + "\n", encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(BLOCK.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
