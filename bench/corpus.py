"""Measure `moor batch`: the local engine against 1 and 2 actors of Ray, on the same corpus of different requests.

    python -m bench.corpus [--short] [--records N] [--model FOLDER] [local] [ray-1] [ray-2]

Prints a table. Answers are not cached, and no request occurs twice. Memory is that of the command and its children.
Ray needs the extra `[ray]`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from bench.machine import machine

RECORDS, SHORT = 100_000, 1_000
PARTS = 50
EVERY_S = 0.5
RUNS: Mapping[str, tuple[str, ...]] = {
    "local": (),
    "ray-1": ("--engine", "ray", "--actors", "1"),
    "ray-2": ("--engine", "ray", "--actors", "2"),
}
"""Name → arguments."""
TEXT = "The {0}th engine was built in {1} by the company of {2} and ran from the mine to the river until {3}. "


@dataclass
class Measured:
    """What one run took."""

    seconds: float
    """The command from start to end."""
    summary: Mapping[str, Any]
    steady: float
    """Records per second between the first part and the last one: without start and end."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    """(seconds, resident bytes)"""

    def memory_mb(self, low: float, high: float) -> float:
        """Largest resident memory in that part of the time, from 0 to 1."""
        inside = [size for at, size in self.memory if low * self.seconds <= at <= high * self.seconds]
        return max(inside, default=0) / 1e6


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"some of {', '.join(RUNS)}  [default: all]")
    parser.add_argument("--records", type=int)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--model", help="default: the embedded model")
    arguments = parser.parse_args()
    if unknown := set(arguments.runs) - set(RUNS):
        parser.error(f"unknown run: {', '.join(sorted(unknown))}")
    records = arguments.records or (SHORT if arguments.short else RECORDS)
    print(f"{records:,} records; {machine()}")
    print(f"{'run':<8}{'records/s':>11}{'steady':>9}{'errors':>8}{'MB at 10-50 %':>15}{'MB at 50-100 %':>16}")
    with tempfile.TemporaryDirectory(prefix="mooring-corpus-") as folder:
        write(Path(folder) / "in.jsonl", records)
        for name in arguments.runs or RUNS:
            one = measure(Path(folder), name, records, arguments.model)
            figures = f"{records / one.seconds:>11.1f}{one.steady:>9.1f}{one.summary['errors']:>8}"
            print(f"{name:<8}{figures}{one.memory_mb(0.1, 0.5):>15.0f}{one.memory_mb(0.5, 1.0):>16.0f}", flush=True)


def write(path: Path, records: int) -> None:
    """Questions on texts of 44 to 198 words, each of which occurs once."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(records):
            sentences = (TEXT.format(number + 7 * place, 1800 + place, number % 97, 1900 + place) for place in range(9))
            context = "".join(list(sentences)[: 2 + number % 8])
            file.write(json.dumps({"id": number, "question": f"When was engine {number} built?", "context": context}))
            file.write("\n")


def measure(folder: Path, name: str, records: int, model: str | None) -> Measured:
    """One run."""
    output = folder / name
    command = [sys.executable, "-m", "mooring", "batch", str(folder / "in.jsonl"), str(output), "--json", *RUNS[name]]
    command += ["--shard-rows", str(max(1, records // PARTS)), *(["-m", model] if model else [])]
    memory: list[tuple[float, int]] = []
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        threading.Thread(target=watch, args=(process.pid, began, memory), daemon=True).start()
        out, _ = process.communicate()
    seconds = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    times = sorted(part.stat().st_mtime for part in output.glob("part-*"))
    steady = records * (len(times) - 1) / len(times) / (times[-1] - times[0]) if times[-1] > times[0] else 0.0
    return Measured(seconds, json.loads(out), steady, memory)


def watch(pid: int, began: float, memory: list[tuple[float, int]]) -> None:
    """Note the resident memory of a process and all below it until it ends. Shared pages count once per process."""
    try:
        top = psutil.Process(pid)
        while top.is_running() and top.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for one in (top, *top.children(recursive=True)):
                try:
                    total += one.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            memory.append((time.monotonic() - began, total))
            time.sleep(EVERY_S)
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main()
