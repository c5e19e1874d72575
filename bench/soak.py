"""What a container survives: kills and a stop under load, and 200 clients of every kind. `make soak`; minutes.

    python -m bench.soak --squad FOLDER [kills stop crowd]

Figures go to docs/benchmarks.json, and from there to the page.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.image import ENGINE, PORT, Container, container, engine
from bench.measure import keep
from mooring.bench.load import Fleet, Run
from mooring.bench.target import body_of, parse_target
from mooring.quality.squad import read_squad

IMAGE = "mooring"
REQUESTS = 6_000
KILLS = 12
STOPS = 5
CLIENTS = 16
CROWD = 200
CROWD_S = 60.0
BEYOND = 4_500_000
"""Bytes of a body from which on it asks for more windows than one request may have."""
DOCUMENTED = {200, 413, 429, 504}
MEMORY = "2g"


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="folder with dev-v1.1.json")
    parser.add_argument("parts", nargs="*")
    options = parser.parse_args()
    dev = options.squad / "dev-v1.1.json"
    parts: dict[str, Callable[[], Any]] = {
        "kills": lambda: kills(dev),
        "stop": lambda: stop(dev),
        "crowd": lambda: crowd(dev),
    }
    for name in options.parts or parts:
        print(f"{name} …", flush=True)
        figures = parts[name]()
        print(json.dumps(figures), flush=True)
        keep(f"soak-{name}", figures)


def kills(dev: Path) -> dict[str, Any]:
    """kill -9 of a random worker, again and again; every answer is compared with an undisturbed run's."""
    requests = _requests(dev, REQUESTS)
    with container(IMAGE) as one:
        one.wait_for_workers(2)
        expected = _drive(one, requests)
    killed: list[int] = []
    with container(IMAGE) as one:
        one.wait_for_workers(2)
        ended = threading.Event()
        killer = threading.Thread(target=_kill_workers, args=(one, killed, ended))
        killer.start()
        run = _drive(one, requests)
        ended.set()
        killer.join()
    failed = [sample for sample in run.samples if sample.status != 200]
    different = sum(json.loads(run.bodies[place]) != json.loads(expected.bodies[place]) for place in run.bodies)
    slowest = sorted(sample.seconds for sample in run.samples)[-1]
    return {
        "requests": len(run.samples),
        "kills": len(killed),
        "failed": len(failed),
        "failures": dict(Counter(sample.reason or str(sample.status) for sample in failed)),
        "different": different,
        "slowest_s": slowest,
        "seconds": run.seconds,
        "undisturbed_seconds": expected.seconds,
    }


def _kill_workers(one: Container, killed: list[int], ended: threading.Event) -> None:
    """One after the other, each when the last one has been replaced."""
    rng = random.Random(1)
    while len(killed) < KILLS and not ended.is_set():
        workers = one.workers()
        if len(workers) < 2:
            time.sleep(0.05)
            continue
        pid = workers[rng.choice(sorted(workers))]
        one.run("sh", "-c", f"kill -{int(signal.SIGKILL)} {pid}")
        killed.append(pid)
        while pid in one.workers().values():
            time.sleep(0.02)


def stop(dev: Path) -> dict[str, Any]:
    """`docker stop` under load, several times: what was in flight is answered, later connections are refused."""
    rounds = [_stop(_requests(dev, 2_000)) for _ in range(STOPS)]
    return {
        "stops": STOPS,
        "answered": sum(one["answered"] for one in rounds),
        "in_flight_failed": sum(one["in_flight_failed"] for one in rounds),
        "exit_codes": sorted({one["exit_code"] for one in rounds}),
        "reasons": dict(sum((Counter(one["reasons"]) for one in rounds), Counter())),
    }


def _stop(requests: list[bytes]) -> dict[str, Any]:
    with container(IMAGE) as one:
        one.wait_for_workers(2)

        def end() -> None:
            time.sleep(3)
            subprocess.run([ENGINE, "stop", "-t", "30", one.name], check=True, capture_output=True)

        stopper = threading.Thread(target=end)
        stopper.start()
        run = _drive(one, requests, patient=False)
        stopper.join()
        code = int(engine("inspect", "-f", "{{.State.ExitCode}}", one.name))
    # A client that finds nobody to connect to stops, and its request was never sent: every sample is one that was.
    failed = [sample for sample in run.samples if sample.status != 200]
    return {
        "answered": len(run.samples) - len(failed),
        "in_flight_failed": len(failed),
        "exit_code": code,
        "reasons": Counter(sample.reason or str(sample.status) for sample in failed),
    }


def _requests(dev: Path, count: int) -> list[bytes]:
    target = parse_target("http://127.0.0.1")
    questions = read_squad(dev)
    order = random.Random(0).sample(questions, min(count, len(questions)))
    bodies = [target.request(body_of(question.question, question.context)) for question in order]
    return [bodies[place % len(bodies)] for place in range(count)]


def _drive(one: Container, requests: list[bytes], *, patient: bool = True) -> Run:
    """16 clients in a closed loop that never try a request a second time."""

    async def drive() -> Run:
        async with Fleet(parse_target(one.url), CLIENTS, 120.0 if patient else 40.0) as fleet:
            return await fleet.run(requests, keep=True)

    return asyncio.run(drive())


def crowd(dev: Path) -> dict[str, Any]:
    """200 clients for a minute: bodies from 100 bytes to 5 MB, slow writers, slow readers, and those who leave."""
    contexts = list(dict.fromkeys(question.context for question in read_squad(dev)))
    counts: Counter[str] = Counter()
    memory, temporary = [0], [0]
    with container(IMAGE, "--memory", MEMORY, "--memory-swap", MEMORY, "--tmpfs", "/tmp:size=1g") as one:
        one.wait_for_workers(2)
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(2):
                memory.append(one.memory_bytes())
                temporary.append(one.temporary_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        asyncio.run(_crowd(one.host, contexts, counts))
        ended.set()
        watcher.join()
        ping = one.get("/ping")
        restarts = sum(entry["starts"] for entry in one.get("/info")["topology"]["workers"])
        time.sleep(3)
        left = one.temporary_bytes()
    statuses = {name: count for name, count in counts.items() if name.isdigit()}
    unexpected = {name: count for name, count in counts.items() if name.isdigit() and int(name) not in DOCUMENTED}
    return {
        "clients": CROWD,
        "seconds": CROWD_S,
        "statuses": dict(sorted(statuses.items())),
        "unexpected": unexpected,
        "left_early": counts["left"],
        "broken": {name: count for name, count in counts.items() if not name.isdigit() and name != "left"},
        "memory_limit": MEMORY,
        "memory": max(memory),
        "temporary": max(temporary),
        "temporary_afterwards": left,
        "healthy_afterwards": ping.get("status") == "ready",
        "worker_starts": restarts,
    }


async def _crowd(host: str, contexts: list[str], counts: Counter[str]) -> None:
    end = time.monotonic() + CROWD_S
    rngs = [random.Random(number) for number in range(CROWD)]
    await asyncio.gather(*(_client(host, rng, contexts, counts, end) for rng in rngs))


async def _client(host: str, rng: random.Random, contexts: list[str], counts: Counter[str], end: float) -> None:
    while time.monotonic() < end:
        kind = rng.choices(("plain", "slow writer", "slow reader", "leaver"), (82, 8, 8, 2))[0]
        # Mostly a paragraph or a page; some books; and some that have more windows than one request may.
        low, high = rng.choices(((2, 4.3), (4.3, 6.5), (6.7, 6.7)), (97, 2, 1))[0]
        size = int(10 ** rng.uniform(low, high))
        body = _body(rng, contexts, size)
        try:
            counts[await _one(host, body, kind)] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            counts[type(error).__name__] += 1
            await asyncio.sleep(0.2)
        await asyncio.sleep(rng.uniform(0, 0.2))


def _body(rng: random.Random, contexts: list[str], size: int) -> bytes:
    text = rng.choice(contexts)
    while len(text) < size:
        text += " " + rng.choice(contexts)
    more_windows: dict[str, object] | None = {"max_seq_len": 128, "doc_stride": 32} if size >= BEYOND else None
    return body_of("What is it about?", text[: max(20, size - 80)], more_windows)


async def _one(host: str, body: bytes, kind: str) -> str:
    """One request on a connection of its own; its status, or "left"."""
    reader, writer = await asyncio.open_connection(host, PORT, limit=1 << 16)
    try:
        head = (
            "POST /invocations HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode())
        if kind == "slow writer":
            for at in range(0, len(body), max(1, len(body) // 20)):
                writer.write(body[at : at + max(1, len(body) // 20)])
                await writer.drain()
                await asyncio.sleep(0.1)
        else:
            writer.write(body)
        if kind == "leaver":
            await asyncio.sleep(0.05)
            return "left"
        async with asyncio.timeout(100):
            first = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = int(first.lower().split("content-length:")[1].split("\r\n")[0])
            if kind == "slow reader":
                while length > 0:
                    await asyncio.sleep(0.1)
                    length -= len(await reader.readexactly(min(length, 20)))
            else:
                await reader.readexactly(length)
        return first.split()[1]
    finally:
        writer.close()


if __name__ == "__main__":
    main()
