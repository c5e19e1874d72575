"""From the start of the process to its first answer, and which stage took how long."""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.processes import green, pss_bytes
from bench.started import POINTS
from mooring.bench.oneshot import post
from mooring.bench.target import Target, body_of

STARTS = 7
QUESTION = "What keeps the ship from drifting away?"
CONTEXT = "A ship on a mooring lies to a heavy block on the sea bed, and a chain keeps the ship from drifting away."
STAGES: Mapping[str, str] = {
    "python runs": "the interpreter",
    "imported": "imports",
    "model read": "manifest, tokenizer, graph",
    "compiled": "compiling",
    "warmed": "warming the shapes that come first",
    "first probe answered": "the server's own first question",
}
"""What ends at each point."""


def start(models: Mapping[str, str | None], *, starts: int = STARTS) -> list[dict[str, Any]]:
    """Each model's seconds to the first 200 of /ping and to the first answer, and its stages; files in the page cache.

    Once compiled by an earlier start, and once as the first start of all. The seconds are of `moor serve` as it is; the
    stages of another start each, with a stopwatch in it.
    """
    rows = []
    for name, model in models.items():
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder)
            run_once(model, cache)
            seen = [run_once(model, cache) for _ in range(starts)]
            rows.append(_row(name, seen, [stopped(model, cache) for _ in range(starts)]))
        seen = [_first(run_once, model) for _ in range(starts)]
        rows.append(_row(f"{name}, its first start", seen, [_first(stopped, model) for _ in range(starts)]))
    return rows


def _first(run: Callable[[str | None, Path], dict[str, float]], model: str | None) -> dict[str, float]:
    """With nothing compiled before. Deleted at once: writing it to the disk is no part of the next start."""
    with tempfile.TemporaryDirectory() as folder:
        return run(model, Path(folder))


def _row(name: str, seen: Sequence[Mapping[str, float]], points: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    return {
        "model": name,
        "starts": len(seen),
        "seconds": statistics.median(one["ping"] for one in seen),
        "slowest": max(one["ping"] for one in seen),
        "answer": statistics.median(one["answer"] for one in seen),
        "slowest_answer": max(one["answer"] for one in seen),
        "pss": statistics.median(one["pss"] for one in seen),
        "stages": stages(points),
    }


def stages(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Points in seconds since the start, of several runs → median seconds of what ends at each."""
    lasted: dict[str, list[float]] = {point: [] for point in POINTS}
    for run in runs:
        before = 0.0
        for point in POINTS:
            lasted[point].append(max(0.0, run.get(point, before) - before))
            before = max(before, run.get(point, before))
    return {point: statistics.median(each) for point, each in lasted.items()}


def run_once(model: str | None, cache: Path) -> dict[str, float]:
    """Seconds to the first 200 of /ping and to the first answer; memory when it had answered."""
    command = [sys.executable, "-m", "mooring", "serve", *([model] if model else [])]

    def measure(target: Target, began: float, process: int) -> dict[str, float]:
        _until_green(target)
        ping = time.monotonic() - began
        post(target, body_of(QUESTION, CONTEXT))
        return {"ping": ping, "answer": time.monotonic() - began, "pss": float(pss_bytes(process))}

    return _with_server(command, cache, measure)


def stopped(model: str | None, cache: Path) -> dict[str, float]:
    """Point → seconds since the start."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "points.json"
        command = [sys.executable, "-m", "bench.started", repr(time.monotonic()), str(file)]

        def measure(target: Target, *_: float) -> dict[str, float]:
            _until_green(target)
            points: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
            return points

        return _with_server([*command, *([model] if model else [])], cache, measure)


def _with_server(
    command: list[str], cache: Path, measure: Callable[[Target, float, int], dict[str, float]]
) -> dict[str, float]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    environ = {
        **os.environ,
        "MOORING_LOG_LEVEL": "error",
        "MOORING_ANSWER_CACHE_BYTES": "0",
        "MOORING_CACHE_DIR": str(cache),
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages have their byte code
    root = Path(__file__).resolve().parents[2]
    began = time.monotonic()
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, env=environ, cwd=root)
    try:
        return measure(Target("127.0.0.1", port, "/invocations", secure=False), began, process.pid)
    finally:
        process.terminate()
        process.wait()


def _until_green(target: Target) -> None:
    """Asked every 2 ms, each time with a connection of its own."""
    while not green(target.port):
        time.sleep(0.002)
