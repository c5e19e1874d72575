"""What a server takes of memory: when it is loaded, when it is warm, and whether it grows with use."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.parts.serving import as_computed, random_lengths
from bench.processes import load, pss_bytes, resident, serving
from mooring.testing import running_server


def loading(models: dict[str, tuple[str | None, str | None]]) -> list[dict[str, Any]]:
    """Name → (source, precision): bytes on disk, and resident memory at and after loading."""
    rows = []
    for said, (source, precision) in models.items():
        with serving(source, *(["--precision", precision] if precision else [])) as server:
            facts = server.info()["load"]
            name = as_computed(said, server.info()["backend"]["precision"])
            rows.append({"model": name, **facts, "warm": pss_bytes(server.process.pid)})
    return rows


def use(dev: Path, folder: Path, *, starts: int = 5, questions: int = 400) -> list[dict[str, Any]]:
    """Resident memory of the embedded model's server from its start on: the first on this machine, and a later one."""
    seen: dict[str, list[dict[str, float]]] = {"first": [], "later": []}
    for _ in range(starts):
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            for start in seen:
                seen[start].append(_used(dev, cache, questions))
    return [
        {"start": start, "starts": starts, "questions": questions, **_medians(rows)} for start, rows in seen.items()
    ]


def _used(dev: Path, cache: str, questions: int) -> dict[str, float]:
    began = time.monotonic()
    with running_server(None, "--log-level", "error", "--cache-dir", cache) as server:
        seconds = time.monotonic() - began
        pid = server.process.pid
        ready = resident(pid)
        per_second = load(server, dev, 8, questions)["per_second"]
        used = resident(pid)
        while server.info()["engine"]["cold_shapes"]:
            time.sleep(0.1)
        time.sleep(1)
        row = {"seconds": seconds, "ready": ready, "used": used, "idle": resident(pid), "peak": resident(pid, "VmHWM")}
    return {**row, "per_second": per_second}


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def growth(dev: Path, folder: Path) -> dict[str, Any]:
    """Memory of the embedded model's server after the warm-up, and after 5,000 requests of random length."""
    file = random_lengths(dev, folder / "random-lengths.json", 5_000)
    with serving(None) as server:
        warm = pss_bytes(server.process.pid)
        load(server, file, 8, 500)
        first = pss_bytes(server.process.pid)
        seen = load(server, file, 8, 5_000)
        last = pss_bytes(server.process.pid)
    return {"warm": warm, "after_500": first, "after_5500": last, "per_second": seen["per_second"]}
