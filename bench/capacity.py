"""Compare the formula of docs/capacity.md with two workers behind nginx. Takes a minute and a half.

    python -m bench.capacity [--model FOLDER] [--seconds 15] [--lengths lognormal:120,0.6]

Each worker has one thread, and the answer cache is off. The service time is the latency of one client, the
capacity the throughput of 32 clients. Then requests come at fixed mean rates (an open loop), from the same cores.
"""

import argparse
import json
import math
from typing import Any

from bench.machine import machine
from bench.processes import moor, serving

WORKERS = 2
CLIENTS = 32
LOADS = (0.3, 0.5, 0.7, 0.85)
"""Utilisation of each measured rate."""


def waits(workers: int, load: float) -> float:
    """The probability that a request finds all workers busy: Erlang's C formula. `load` is their utilisation, < 1."""
    offered = workers * load
    terms = [offered**number / math.factorial(number) for number in range(workers)]
    busy = offered**workers / math.factorial(workers) / (1 - load)
    return busy / (sum(terms) + busy)


def wait_p99_s(busy_s: float, workers: int, load: float) -> float:
    """The estimate of docs/capacity.md: the 99th percentile of the wait for a worker, for random arrivals.

    `busy_s` is a worker's time for a request under load, in which batches are computed.
    """
    return max(0.0, math.log(100 * waits(workers, load))) * busy_s / (workers * (1 - load))


def main() -> None:
    """Measure and print a row for each load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder  [default: the embedded model]")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of each load")
    parser.add_argument("--lengths", default="lognormal:120,0.6", help="words of a text, as for moor bench")
    options = parser.parse_args()
    print(machine())
    flags = (
        "--front",
        "nginx",
        "--workers",
        str(WORKERS),
        "--threads",
        "1",
        "--no-standby",
        "--answer-cache-bytes",
        "0",
    )
    with serving(options.model, *flags) as server:

        def measured(**load: float) -> Any:
            given = {"duration": options.seconds, "lengths": options.lengths, **load}
            return moor(
                "bench", server.url, "--requests=1000000", *(f"--{name}={each}" for name, each in given.items())
            )

        alone, full = measured(clients=1), measured(clients=CLIENTS)
        times, capacity = alone["latency_ms"], full["per_second"]
        print(f"one client: mean {times['mean']:.1f} ms, p99 {times['p99']:.1f} ms")
        print(f"capacity {capacity:.1f} requests/s with {CLIENTS} clients")
        for load in LOADS:
            found = measured(rate=round(load * capacity, 2))
            row = {
                "utilisation": load,
                "rate": round(load * capacity, 1),
                "p50_ms": found["latency_ms"]["p50"],
                "p99_ms": found["latency_ms"]["p99"],
                "estimate_ms": round(times["p99"] + 1000 * wait_p99_s(WORKERS / capacity, WORKERS, load), 1),
                "failed": sum(found["errors"].values()),
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
