"""Benchmark the container image: size compared with the stock stack, startup time, memory by workers."""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.image import container, engine
from bench.processes import load

STARTS = 7
OURS, STOCK = "mooring", "mooring-bench-stock"
LAYOUTS = {
    "1 worker": ("--no-standby", "--workers", "1"),
    "1 worker and a standby (default)": (),
    "2 workers": ("--workers", "2"),
    "4 workers": ("--workers", "4"),
}


def sizes(root: Path, work: Path) -> list[dict[str, Any]]:
    """Bytes of both images, including base images."""
    _build_stock(root / "bench" / "stock" / "Dockerfile", work / "stock")
    named = {"Mooring's": OURS, "the stock stack's": STOCK}
    return [{"image": words, "bytes": int(engine("inspect", "-f", "{{.Size}}", one))} for words, one in named.items()]


def _build_stock(dockerfile: Path, context: Path) -> None:
    wheels = context / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    if not any(wheels.iterdir()):
        download = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), "torch==2.13.0")
        subprocess.run(download, check=True)
    shutil.copy(dockerfile, context / "Dockerfile")
    # Prefer Debian's client: it supports BuildKit without a plugin.
    builder = shutil.which("docker", path="/usr/bin") or "docker"
    build = (builder, "build", "-q", "--network", "host", "-t", STOCK, str(context))
    subprocess.run(build, check=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DOCKER_BUILDKIT": "1"})


def starts() -> dict[str, Any]:
    """Time from `docker run` to the first 200 of /ping, embedded model."""
    seconds: list[float] = []
    while len(seconds) < STARTS:
        with container(OURS) as one:
            seconds.append(one.ready_s)
    return {"starts": STARTS, "seconds": statistics.median(seconds), "slowest": max(seconds)}


def workers_memory(dev: Path) -> list[dict[str, Any]]:
    """Anonymous memory of the container once the workers are ready, and after 600 requests from 16 clients."""
    rows = []
    for name, arguments in LAYOUTS.items():
        with container(OURS, command=("serve", "--log-level", "error", *arguments)) as one:
            one.wait_for_workers(len(one.get("/info")["topology"]["workers"]))
            time.sleep(1)
            ready = one.memory_bytes()
            run = load(one.url, dev, clients=16, requests=600)
            rows.append({"layout": name, "ready": ready, "used": one.memory_bytes(), "per_second": run["per_second"]})
    return rows
