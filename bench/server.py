"""Benchmark one server on this machine: accuracy, startup, memory, throughput and fairness."""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from bench.processes import BODY, family, get, load, moor, pss_bytes, serving, until_warm
from mooring.backends.cpu import has_bf16
from mooring.quality.squad import read_squad
from mooring.testing import RunningServer, running_server

ROUNDS = 3
STARTS = 7
LARGE_WINDOWS = 1_000
LENGTHS = "uniform:1-600"
"""Words per context."""


def accuracy(model: Path, dev: Path) -> list[dict[str, Any]]:
    """Exact match and F1 at each precision that this CPU supports; int8 is the embedded artifact."""
    rows = []
    for precision in ("fp32", "bf16", "int8") if has_bf16() else ("fp32", "int8"):
        source = [] if precision == "int8" else ["--model", str(model)]
        result = moor("eval", str(dev), *source, "--precision", precision)
        keys = ("exact_match", "f1", "questions", "per_second")
        rows.append({"precision": precision, **{key: result[key] for key in keys}})
    return rows


def start(models: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Seconds to the first 200 of /ping and to the first answer, and memory then. Files are in the page cache.

    For each model: with an empty compilation cache, and with that of an earlier start.
    """
    rows = []
    for name, model in models.items():
        with tempfile.TemporaryDirectory() as cache:
            _started(model, cache)
            rows.append(_start_row(name, [_started(model, cache) for _ in range(STARTS)]))
        seen = []
        for _ in range(STARTS):
            with tempfile.TemporaryDirectory() as cache:
                seen.append(_started(model, cache))
        rows.append(_start_row(f"{name}, its first start", seen))
    return rows


def _start_row(name: str, seen: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    return {
        "model": name,
        "starts": len(seen),
        "seconds": statistics.median(one["ping"] for one in seen),
        "slowest": max(one["ping"] for one in seen),
        "answer": statistics.median(one["answer"] for one in seen),
        "slowest_answer": max(one["answer"] for one in seen),
        "pss": statistics.median(one["pss"] for one in seen),
    }


def _started(model: str | None, cache: str) -> dict[str, float]:
    """Measure one start. Polls every 2 ms, each time on a new connection."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    environ = {**os.environ, "MOORING_LOG_LEVEL": "error", "MOORING_CACHE_DIR": cache}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages have bytecode files
    began = time.monotonic()
    command = [sys.executable, "-P", "-m", "mooring", "serve", *([model] if model else []), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environ)
    try:
        while not _green(f"http://127.0.0.1:{port}/ping"):
            assert process.poll() is None, "the server exited"
            time.sleep(0.002)
        ping = time.monotonic() - began
        get(f"http://127.0.0.1:{port}/invocations", BODY)
        return {"ping": ping, "answer": time.monotonic() - began, "pss": pss_bytes(family(process.pid))}
    finally:
        process.terminate()
        process.wait()


def _green(url: str) -> bool:
    with suppress(OSError):
        get(url)
        return True
    return False


def use(dev: Path, folder: Path, *, starts: int = 5, questions: int = 400) -> list[dict[str, Any]]:
    """Resident memory of the embedded model's server after startup: first start on this machine, and a later one."""
    seen: dict[str, list[dict[str, float]]] = {"first": [], "later": []}
    for _ in range(starts):
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            for rows in seen.values():
                rows.append(_used(dev, cache, questions))
    return [
        {"start": name, "starts": starts, "questions": questions, **{key: _median(rows, key) for key in rows[0]}}
        for name, rows in seen.items()
    ]


def _used(dev: Path, cache: str, questions: int) -> dict[str, float]:
    began = time.monotonic()
    with running_server(None, "--log-level", "error", "--cache-dir", cache) as server:
        row: dict[str, float] = {"seconds": time.monotonic() - began}
        process = psutil.Process(server.process.pid)
        row["ready"] = process.memory_info().rss
        row["per_second"] = load(server.url, dev, clients=8, requests=questions)["per_second"]
        row["used"] = process.memory_info().rss
        until_warm(server)
        time.sleep(1)
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return {**row, "idle": process.memory_info().rss, "peak": 1024 * int(peak.split()[1])}


def growth(dev: Path) -> dict[str, Any]:
    """Memory of the embedded model's server after warm-up and after 5,000 requests of random length."""
    with serving(None) as server:
        found = {"warm": pss_bytes(family(server.process.pid))}
        load(server.url, dev, clients=8, requests=500, lengths=LENGTHS)
        found["after_500"] = pss_bytes(family(server.process.pid))
        seen = load(server.url, dev, clients=8, requests=5_000, lengths=LENGTHS, seed=1)
        found["after_5500"] = pss_bytes(family(server.process.pid))
    return {**found, "per_second": seen["per_second"]}


def http_share(dev: Path, requests: int = 2_000) -> dict[str, Any]:
    """The embedded model with 16 HTTP clients and in process, alternating: medians, and the client's CPU share."""
    inside, outside = [], []
    for _ in range(ROUNDS):
        inside.append(moor("eval", str(dev), "--limit", str(requests))["per_second"])
        with serving(None) as server:
            load(server.url, dev, clients=16, requests=200)
            outside.append(load(server.url, dev, clients=16, requests=requests))
    return {
        "requests": requests,
        "clients": 16,
        "in_process": statistics.median(inside),
        "http": _median(outside, "per_second"),
        "share": statistics.median(out["per_second"] / own for out, own in zip(outside, inside, strict=True)),
        "client_cpu_of_one_core": statistics.median(run["client"]["cpu_share_of_one_core"] for run in outside),
        "latency_ms": outside[0]["latency_ms"],
    }


def throughput(
    model: str | None, name: str, dev: Path, requests: dict[int, int], *arguments: str
) -> list[dict[str, Any]]:
    """Throughput of one model with several numbers of clients; medians over the rounds."""
    seen: dict[int, list[Any]] = {count: [] for count in requests}
    with serving(model, *arguments) as server:
        precision = server.info()["backend"]["precision"]
        for _ in range(ROUNDS):
            for count, asked in requests.items():
                seen[count].append(load(server.url, dev, clients=count, requests=asked))
    return [
        {
            "model": as_computed(name, precision),
            "clients": count,
            "per_second": _median(runs, "per_second"),
            **_latencies(runs, "p50", "p90", "p99"),
            "errors": sum(sum(run["errors"].values()) for run in runs),
        }
        for count, runs in seen.items()
    ]


def as_computed(name: str, precision: str) -> str:
    """The model name, with the actual precision if this CPU uses another than the name says."""
    return name if precision in name else f"{name}, computed in {precision}"


def fairness(dev: Path) -> dict[str, Any]:
    """p99 latency of sequential one-window requests: on an idle server, and during a request of 1,000 windows."""
    with serving(None) as server:
        load(server.url, dev, clients=1, requests=100)
        idle = [load(server.url, dev, clients=1, requests=400) for _ in range(ROUNDS)]
        busy, windows = [], 0
        for _ in range(ROUNDS):
            stop = threading.Event()
            large = threading.Thread(target=_ask_large, args=(server, dev, stop))
            large.start()
            while not (windows := server.info()["engine"]["queued_windows"]):
                stop.wait(0.05)
            busy.append(load(server.url, dev, clients=1, requests=400))
            still = server.info()["engine"]["queued_windows"]
            stop.set()
            large.join()
            assert still, "the large request finished before the small ones"
    return {"windows": windows, "idle": _latencies(idle, "p50", "p99"), "busy": _latencies(busy, "p50", "p99")}


def _ask_large(server: RunningServer, dev: Path, stop: threading.Event) -> None:
    """Send the file's contexts as one request, cut to the target number of windows, repeatedly."""
    text, tokens = [], 0
    for context in dict.fromkeys(question.context for question in read_squad(dev)):
        text.append(context)
        tokens += len(context) // 4
        if tokens > LARGE_WINDOWS * 300:
            break
    while not stop.is_set():
        server.ask("Who built the tower?", "\n".join(text))


def _median(runs: Sequence[Mapping[str, float]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def _latencies(runs: Sequence[Mapping[str, Any]], *names: str) -> dict[str, float]:
    return {name: statistics.median(run["latency_ms"][name] for run in runs) for name in names}
