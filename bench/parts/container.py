"""The image: what is in it beside the stock stack's, how soon it answers, its memory, how workers share the cores."""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.image import Container, container, engine
from bench.processes import moor

ROUNDS = 3
STARTS = 7
OURS, STOCK = "mooring", "mooring-bench-stock"
BUILDER = shutil.which("docker", path="/usr/bin") or "docker"
"""Debian's own client first: it knows BuildKit without a plugin."""

PACKAGES = "/opt/mooring/lib/python3.11/site-packages"
PARTS = {
    OURS: {
        "OpenVINO, what a CPU needs of it": f"{PACKAGES}/openvino*",
        "NumPy": f"{PACKAGES}/numpy*",
        "the embedded model": f"{PACKAGES}/mooring/_embedded",
        "tokenizers, huggingface_hub": f"{PACKAGES}/tokenizers* {PACKAGES}/huggingface_hub* {PACKAGES}/hf_*",
        "all other Python packages, and Mooring": f"{PACKAGES}",
    },
    STOCK: {
        "PyTorch": "/usr/local/lib/python3.11/site-packages/torch*",
        "transformers": "/usr/local/lib/python3.11/site-packages/transformers*",
        "NumPy": "/usr/local/lib/python3.11/site-packages/numpy*",
        "SciPy, scikit-learn": "/usr/local/lib/python3.11/site-packages/s[ck][il]*",
        "all other Python packages": "/usr/local/lib/python3.11/site-packages",
        "Java 17": "/usr/lib/jvm",
    },
}


def image(root: Path, work: Path) -> dict[str, Any]:
    """Both images, part by part, in bytes; each part without those before it."""
    _build_stock(root / "bench" / "stock" / "Dockerfile", work / "stock")
    found = {}
    for name in (OURS, STOCK):
        total = int(engine("inspect", "-f", "{{.Size}}", name))
        base = int(engine("inspect", "-f", "{{.Size}}", "python:3.11-slim"))
        sizes = {"python:3.11-slim, the base": base, **_sizes(name)}
        rest = "nginx and what it needs" if name == OURS else "pip's and Debian's rest"
        found[name] = {"total": total, "parts": {**sizes, rest: total - sum(sizes.values())}}
    return found


def _build_stock(dockerfile: Path, context: Path) -> None:
    wheels = context / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    if not any(wheels.iterdir()):
        download = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), "torch==2.13.0")
        subprocess.run(download, check=True)
    shutil.copy(dockerfile, context / "Dockerfile")
    build = (BUILDER, "build", "-q", "--network", "host", "-t", STOCK, str(context))
    subprocess.run(build, check=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DOCKER_BUILDKIT": "1"})


def _sizes(name: str) -> dict[str, int]:
    """Of the parts' files, as `du` counts them, each without what an earlier part has counted."""
    parts = PARTS[name]
    script = "; ".join(
        f"echo {place} $(du -scb {what} 2>/dev/null | tail -1)" for place, what in enumerate(parts.values())
    )
    lines = [line.split() for line in engine("run", "--rm", "--entrypoint", "sh", name, "-c", script).splitlines()]
    whole = {label: int(line[1]) for label, line in zip(parts, lines, strict=True)}
    rest = next(label for label in whole if label.startswith("all other"))
    inside = [label for label in whole if label != rest and "jvm" not in parts[label]]
    return {**whole, rest: whole[rest] - sum(whole[label] for label in inside)}


def starts() -> dict[str, Any]:
    """`docker run` to the first 200 of /ping, embedded model."""
    seconds = []
    for _ in range(STARTS):
        with container(OURS) as one:
            seconds.append(one.ready_s)
    return {"starts": STARTS, "seconds": statistics.median(seconds), "slowest": max(seconds)}


LAYOUTS = {
    "1 worker": ("--no-standby", "--workers", "1"),
    "1 worker and a standby (default)": (),
    "2 workers": ("--workers", "2"),
    "4 workers": ("--workers", "4"),
}


def workers_memory(dev: Path) -> list[dict[str, Any]]:
    """Anonymous memory of the container when the workers are ready, and after 600 requests by 16 clients."""
    rows = []
    for name, arguments in LAYOUTS.items():
        with container(OURS, command=("serve", "--log-level", "error", *arguments)) as one:
            count = len(one.get("/info")["topology"]["workers"])
            one.wait_for_workers(count)
            time.sleep(1)
            ready = one.memory_bytes()
            run = _load(one, dev, 16, 600)
            rows.append({"layout": name, "ready": ready, "used": one.memory_bytes(), "per_second": run["per_second"]})
    return rows


def layouts(dev: Path) -> list[dict[str, Any]]:
    """One engine with both cores and a standby, and two with one each, by turns."""
    seen: dict[str, dict[int, list[Any]]] = {}
    for _ in range(ROUNDS):
        for name in ("1 worker and a standby (default)", "2 workers"):
            with container(OURS, command=("serve", "--log-level", "error", *LAYOUTS[name])) as one:
                one.wait_for_workers(2)
                _load(one, dev, 16, 300)
                for clients, requests in ((1, 200), (2, 300), (8, 600), (16, 600)):
                    seen.setdefault(name, {}).setdefault(clients, []).append(_load(one, dev, clients, requests))
    return [
        {
            "layout": name,
            "clients": clients,
            "per_second": statistics.median(run["per_second"] for run in runs),
            **{part: statistics.median(run["latency_ms"][part] for run in runs) for part in ("p50", "p99")},
        }
        for name, by_clients in seen.items()
        for clients, runs in by_clients.items()
    ]


def _load(one: Container, dev: Path, clients: int, requests: int) -> Any:
    return moor("bench", one.url, "--clients", str(clients), "--requests", str(requests), "--file", str(dev))
