"""Requests a second and latencies through HTTP, next to the same work in process; and who waits behind whom."""

import json
import statistics
import threading
from pathlib import Path
from typing import Any

from bench.processes import load, moor, serving
from mooring.quality.squad import read_squad
from mooring.testing import RunningServer

ROUNDS = 3
LARGE_WINDOWS = 1_000


def http_share(dev: Path) -> dict[str, Any]:
    """The embedded model at 16 clients and in process, by turns; the medians, and what the client took of the cores."""
    requests, inside, outside, client, cold = 2_000, [], [], [], []
    for _ in range(ROUNDS):
        result = moor("eval", str(dev), "--limit", str(requests))
        inside.append(result["per_second"])
        with serving(None) as server:
            load(server, dev, 16, 200)
            seen = load(server, dev, 16, requests)
        outside.append(seen["per_second"])
        client.append(seen["client"]["cpu_share_of_one_core"])
        cold.append(seen["latency_ms"])
    return {
        "requests": requests,
        "clients": 16,
        "in_process": statistics.median(inside),
        "http": statistics.median(outside),
        "share": statistics.median(out / within for out, within in zip(outside, inside, strict=True)),
        "client_cpu_of_one_core": statistics.median(client),
        "latency_ms": cold[0],
    }


def clients(model: str | None, name: str, dev: Path, requests: dict[int, int], *arguments: str) -> list[dict[str, Any]]:
    """One model at several numbers of clients; medians over the rounds."""
    seen: dict[int, list[Any]] = {count: [] for count in requests}
    with serving(model, *arguments) as server:
        name = as_computed(name, server.info()["backend"]["precision"])
        for _ in range(ROUNDS):
            for count, asked in requests.items():
                seen[count].append(load(server, dev, count, asked))
    return [
        {
            "model": name,
            "clients": count,
            "per_second": statistics.median(run["per_second"] for run in runs),
            **{name: statistics.median(run["latency_ms"][name] for run in runs) for name in ("p50", "p90", "p99")},
            "errors": sum(sum(run["errors"].values()) for run in runs),
        }
        for count, runs in seen.items()
    ]


def as_computed(name: str, precision: str) -> str:
    """A model's name with its precision, where this CPU computes it at another than the name says."""
    return name if precision in name else f"{name}, computed in {precision}"


def fairness(dev: Path) -> dict[str, Any]:
    """p99 of one-window requests, one at a time: on an idle server, and while one of 1,000 windows is computed."""
    with serving(None) as server:
        load(server, dev, 1, 100)
        idle = [load(server, dev, 1, 400)["latency_ms"] for _ in range(ROUNDS)]
        busy, windows = [], 0
        for _ in range(ROUNDS):
            stop = threading.Event()
            large = threading.Thread(target=_ask_large, args=(server, dev, stop))
            large.start()
            while not server.info()["engine"]["queued_windows"]:
                stop.wait(0.05)
            windows = server.info()["engine"]["queued_windows"]
            busy.append(load(server, dev, 1, 400)["latency_ms"])
            still = server.info()["engine"]["queued_windows"]
            stop.set()
            large.join()
            assert still, "the large request was over before the small ones were"
    return {
        "windows": windows,
        "idle": {name: statistics.median(run[name] for run in idle) for name in ("p50", "p99")},
        "busy": {name: statistics.median(run[name] for run in busy) for name in ("p50", "p99")},
    }


def _ask_large(server: RunningServer, dev: Path, stop: threading.Event) -> None:
    """The whole file's contexts as one, cut to about so many windows; again and again."""
    contexts = dict.fromkeys(question.context for question in read_squad(dev))
    text, tokens = [], 0
    for context in contexts:
        text.append(context)
        tokens += len(context) // 4
        if tokens > LARGE_WINDOWS * 300:
            break
    while not stop.is_set():
        server.ask("Who built the tower?", "\n".join(text))


def random_lengths(dev: Path, target: Path, count: int) -> Path:
    """A file of `count` questions on contexts of 1 to 600 words, every length as likely as any other."""
    import random

    rng = random.Random(0)
    words = " ".join(dict.fromkeys(question.context for question in read_squad(dev))).split(" ")
    paragraphs = []
    for number in range(count):
        length, at = rng.randint(1, 600), rng.randrange(len(words) - 600)
        qas = [{"id": str(number), "question": "What is this about?", "answers": []}]
        paragraphs.append({"context": " ".join(words[at : at + length]) or "nothing", "qas": qas})
    target.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    return target
