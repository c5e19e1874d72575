"""Soak test a container: killed workers, and a graceful shutdown under load. `make soak`; takes minutes.

    python -m bench.soak --squad FOLDER [--trial] [kills stop]

Results are stored in docs/benchmarks.json and shown in the page's tables.
"""

import argparse
import asyncio
import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.image import ENGINE, Container, container, engine
from bench.measure import keep
from mooring.bench.exchange import post_bytes
from mooring.bench.load import Fleet, Run
from mooring.client import encode
from mooring.quality.squad import read_squad
from mooring.target import parse_target

IMAGE = "mooring"
REQUESTS, KILLS = 6_000, 12
STOPS = 5
CLIENTS = 16


def main() -> None:
    """Run the named parts, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="folder with dev-v1.1.json")
    parser.add_argument("--trial", action="store_true", help="print the results without changing docs/")
    parser.add_argument("parts", nargs="*")
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], Any]] = {"kills": kills, "stop": stop}
    for name in options.parts or parts:
        print(f"{name} …", flush=True)
        figures = parts[name](options.squad / "dev-v1.1.json")
        print(json.dumps(figures), flush=True)
        if not options.trial:
            keep(f"soak-{name}", figures)


def kills(dev: Path) -> dict[str, Any]:
    """Repeatedly kill -9 a random worker, and compare every answer with those of an undisturbed run."""
    requests = _requests(dev, REQUESTS)
    with _ready() as one:
        expected = _drive(one, requests)
    killed: list[int] = []
    with _ready() as one, _meanwhile(lambda ended: _kill_workers(one, killed, ended)):
        run = _drive(one, requests)
    failed = [sample for sample in run.samples if sample.status != 200]
    return {
        "requests": len(run.samples),
        "kills": len(killed),
        "failed": len(failed),
        "failures": dict(Counter(sample.reason or str(sample.status) for sample in failed)),
        "different": sum(json.loads(run.bodies[at]) != json.loads(expected.bodies[at]) for at in run.bodies),
        "slowest_s": max(sample.seconds for sample in run.samples),
        "seconds": run.seconds,
        "undisturbed_seconds": expected.seconds,
    }


def _kill_workers(one: Container, killed: list[int], ended: threading.Event) -> None:
    """Kill workers one at a time, each after the previous one has been replaced."""
    rng = random.Random(1)
    while len(killed) < KILLS and not ended.is_set():
        workers = one.workers()
        if len(workers) < 2:
            time.sleep(0.05)
            continue
        pid = workers[rng.choice(sorted(workers))]
        one.run("sh", "-c", f"kill -9 {pid}")
        killed.append(pid)
        while pid in one.workers().values():
            time.sleep(0.02)


def stop(dev: Path) -> dict[str, Any]:
    """`docker stop` under load, several times: in-flight requests are answered, later connections are refused."""
    requests, answered, codes = _requests(dev, 2_000), 0, set()
    failed: Counter[str] = Counter()
    for _ in range(STOPS):
        with _ready() as one:

            def end(ended: threading.Event, name: str = one.name) -> None:
                ended.wait(3)
                subprocess.run([ENGINE, "stop", "-t", "30", name], check=True, capture_output=True)

            with _meanwhile(end):
                run = _drive(one, requests, timeout_s=40.0)
            codes.add(int(engine("inspect", "-f", "{{.State.ExitCode}}", one.name)))
        # A client stops when its connection is refused, so that every sample is a request that was sent.
        answered += sum(sample.status == 200 for sample in run.samples)
        failed.update(sample.reason or str(sample.status) for sample in run.samples if sample.status != 200)
    return {
        "stops": STOPS,
        "answered": answered,
        "in_flight_failed": failed.total(),
        "exit_codes": sorted(codes),
        "reasons": dict(failed),
    }


@contextmanager
def _ready() -> Iterator[Container]:
    """A container with both workers ready."""
    with container(IMAGE) as one:
        one.wait_for_workers(2)
        yield one


@contextmanager
def _meanwhile(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `act` in a thread during the block, then signal it to end and join it."""
    ended = threading.Event()
    thread = threading.Thread(target=act, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _requests(dev: Path, count: int) -> list[bytes]:
    target = parse_target("http://127.0.0.1")
    questions = read_squad(dev)
    order = random.Random(0).sample(questions, min(count, len(questions)))
    return [post_bytes(target, encode({"question": one.question, "context": one.context})) for one in order]


def _drive(one: Container, requests: list[bytes], timeout_s: float = 120.0) -> Run:
    """16 clients in a closed loop, without retries."""

    async def drive() -> Run:
        async with Fleet(parse_target(one.url), CLIENTS, timeout_s) as fleet:
            return await fleet.run(requests, keep=True)

    return asyncio.run(drive())


if __name__ == "__main__":
    main()
