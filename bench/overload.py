"""Measure servers under 2, 5 and 10 times the load that they can answer. `make overload`; takes half an hour.

    python -m bench.overload --distilbert FOLDER [--seconds 30] [--idle 300] [--trial] [distilbert-direct …]

Requests come at a fixed mean rate whatever the server does (an open loop), from this process and on the same cores. The
answer cache is off, as if no two requests were equal. The capacity is the throughput with 32 clients in a closed loop,
and the own cost of a request its latency without any other. Results are stored in docs/resilience.json and shown in the
tables of docs/resilience.md.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import distilbert, page
from bench.machine import machine
from bench.processes import family, pss_bytes, until_warm
from mooring.bench.bodies import Wish, make_bodies
from mooring.bench.lengths import parse_lengths
from mooring.bench.load import Fleet, Order, Run, new_event_loop
from mooring.bench.report import figures
from mooring.target import Target, parse_target
from mooring.testing import RunningServer, running_server

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "resilience.json"
PAGE = ROOT / "docs" / "resilience.md"
WORK = ROOT / ".work" / "bench"
LENGTHS = "lognormal:120,0.6"
FACTORS = (2, 5, 10)
CLIENTS = 32
CONNECTIONS = 1024
RECOVERED_WITHIN_S = 30.0
CASES = ("distilbert-direct", "distilbert-nginx", "embedded-direct", "embedded-nginx")


def main() -> None:
    """Measure the named cases, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distilbert", type=Path, required=True, help="folder with DistilBERT's config and tokenizer")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each load")
    parser.add_argument("--idle", type=float, default=300.0, help="seconds without load before memory is read again")
    parser.add_argument("--trial", action="store_true", help="print the results without changing docs/")
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}  [default: all]")
    options = parser.parse_args()
    for name in options.cases or CASES:
        print(f"{name} …", flush=True)
        model, _, front = name.partition("-")
        found = case(str(distilbert.exact(options.distilbert, WORK)) if model == "distilbert" else None, front, options)
        for row in found["loads"]:
            print(json.dumps(row), flush=True)
        print(json.dumps({key: value for key, value in found.items() if key != "loads"}), flush=True)
        if not options.trial:
            keep(f"overload-{name}", found)


def keep(name: str, found: dict[str, Any]) -> None:
    """Store a case's results with date and machine, and update the page."""
    kept: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    kept[name] = {"day": datetime.now(UTC).date().isoformat(), "machine": machine(), "figures": found}
    FIGURES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page.fill(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")


def case(model: str | None, front: str, options: argparse.Namespace) -> dict[str, Any]:
    """A server under each load in turn."""
    flags = ["--log-level", "error", "--answer-cache-bytes", "0"]
    with running_server(model, *flags, *(["--front", "nginx"] if front == "nginx" else [])) as server:
        until_warm(server)
        load = Load(server)
        own, capacity = load.closed(1, options.seconds / 3), load.closed(CLIENTS, options.seconds / 3)
        loads = [load.open(factor, capacity["per_second"], options.seconds) for factor in (1, *FACTORS)]
        # Only now: the second stream and buffers for many connections are allocated under load.
        warm = load.memory()
        loads += [load.open(factor, capacity["per_second"], options.seconds) for factor in FACTORS]
        time.sleep(options.idle)
        idle = load.memory()
    best = max(row["goodput"] for row in (*loads, {"goodput": capacity["per_second"]}))
    for row in loads:
        row |= {"goodput_share": row["goodput"] / best, "beyond_own_ms": row["p99"] - own["latency_ms"]["p99"]}
    return {
        "own_ms": own["latency_ms"]["p50"],
        "own_p99_ms": own["latency_ms"]["p99"],
        "capacity": capacity["per_second"],
        "best": best,
        "loads": loads[-len(FACTORS) :],
        "warm": warm,
        "idle": idle,
        "idle_s": options.idle,
    }


class Load:
    """Loads on one server."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._target: Target = parse_target(server.url)
        self._requests = make_bodies(self._target, Wish(lengths=parse_lengths(LENGTHS)), 20_000).requests
        self._next = 0

    def memory(self) -> int:
        """Bytes of the server's processes."""
        return pss_bytes(family(self._server.process.pid))

    def closed(self, clients: int, seconds: float) -> dict[str, Any]:
        """Each client sends its next request as soon as it has an answer."""
        return figures(self._drive(clients, seconds, None))

    def open(self, factor: float, capacity: float, seconds: float) -> dict[str, Any]:
        """At a multiple of the capacity, and until it answers as fast as before."""
        run = self._drive(CONNECTIONS, seconds, factor * capacity)
        ended = time.perf_counter()
        found = figures(run)
        refused = found["refused_ms"] or {"p50": 0.0, "p99": 0.0}
        return {
            "factor": factor,
            "rate": factor * capacity,
            "goodput": run.tally.latency.count / seconds,
            **{name: (found["latency_ms"] or {}).get(name, 0.0) for name in ("p50", "p99", "max")},
            "refused": found["statuses"].get("429", 0),
            "refused_p50": refused["p50"],
            "refused_p99": refused["p99"],
            "others": sum(count for what, count in found["errors"].items() if what != "429"),
            "errors": found["errors"],
            "client_cpu": found["client"]["cpu_share_of_one_core"],
            "recovered_s": self._recovered(ended),
        }

    def _recovered(self, since: float) -> float:
        """Seconds until a request is answered with 200; the load's own last answers have come by then."""
        while time.perf_counter() < since + RECOVERED_WITHIN_S:
            run = self._drive(1, None, None)
            if run.tally.latency.count:
                return time.perf_counter() - since
        return RECOVERED_WITHIN_S

    def _drive(self, clients: int, seconds: float | None, rate: float | None) -> Run:
        count = None if seconds else 1
        order = Order(self._requests, count=count, seconds=seconds, first=self._next, rate=rate)

        async def run() -> Run:
            async with Fleet(self._target, clients) as fleet:
                return await fleet.drive(order)

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            found = runner.run(run())
        self._next += found.tally.done
        return found


if __name__ == "__main__":
    main()
