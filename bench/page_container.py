"""The page's sections on the image and on what it survives. Called by `page.py`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

MEGABYTE = 1_000_000


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def _image(found: dict[str, Any]) -> str:
    ours, stock = found.values()
    text = f"""## The image
**{ours["total"] / MEGABYTE:.0f} MB** uncompressed, base included; the stock stack for the same job on the same base ({stock["total"] / MEGABYTE:,.0f} MB) is
{stock["total"] / ours["total"]:.1f} times that: Java 17, multi-model-server 1.1.11, sagemaker-huggingface-inference-toolkit 2.6.0, transformers 4 and the CPU
build of PyTorch 2.13, nothing else (`bench/stock/Dockerfile`). The published stock images hold more.
"""
    tables = [
        table(
            (head, "MB"), ((part, f"{size / MEGABYTE:,.1f}") for part, size in one["parts"].items() if size > MEGABYTE)
        )
        for head, one in (("Mooring's image", ours), ("the stock stack's", stock))
    ]
    return "\n\n".join([text.rstrip(), *tables])


def _starts(found: dict[str, Any]) -> str:
    return f"""## Start of the container
`docker run` to the first 200 on `/ping`, embedded model, {found["starts"]} starts: **{found["seconds"]:.2f} s** (slowest {found["slowest"]:.2f} s)."""


def _memory(rows: list[dict[str, Any]]) -> str:
    cells = [
        (
            row["layout"],
            f"{row['ready'] / MEGABYTE:.0f}",
            f"{row['used'] / MEGABYTE:.0f}",
            f"{row['per_second']:.0f}",
        )
        for row in rows
    ]
    text = """## Memory and workers
The container's memory without the page cache (nginx and process 1 included), embedded model: when all workers are ready, and after
600 questions by 16 clients.
"""
    return text + "\n" + table(("workers", "MB when ready", "MB after use", "requests/s"), cells)


def _layouts(rows: list[dict[str, Any]]) -> str:
    cells = [
        (row["layout"], row["clients"], f"{row['per_second']:.1f}", f"{row['p50']:.1f}", f"{row['p99']:.1f}")
        for row in rows
    ]
    text = """## One engine or two
Measured when one engine still computed one batch at a time. On these two cores, through nginx: one engine with both cores (and a standby that computes nothing), or two with one core each; by
turns, medians of three. For one client one engine is the faster; from two clients on two workers answer more, since a batch
keeps both cores less busy than two batches do one each. Below 8 cores the default is the one with the shorter answers and a
spare worker; where requests come many at a time, `--workers 2` is the better choice.
"""
    return text + "\n" + table(("workers", "clients", "requests/s", "p50 ms", "p99 ms"), cells)


def _kills(found: dict[str, Any]) -> str:
    return f"""## What the container survives
`make soak` remakes this. 16 clients that never try again.

**kill -9 of a worker**, {found["kills"]} times at random during {found["requests"]:,} requests: **{found["failed"]} failed**, {found["different"]} answers differ from an
undisturbed run's. It took {found["seconds"]:.0f} s instead of {found["undisturbed_seconds"]:.0f}; the slowest request {found["slowest_s"]:.1f} s."""


def _stop(found: dict[str, Any]) -> str:
    return f"""**`docker stop`** under the same load, {found["stops"]} times: {found["answered"]:,} requests were answered, **{found["in_flight_failed"]} in flight failed**, exit code
{", ".join(map(str, found["exit_codes"]))}. Connections that came later were refused."""


def _crowd(found: dict[str, Any]) -> str:
    statuses = ", ".join(f"{count:,} × {status}" for status, count in found["statuses"].items())
    unexpected = found["unexpected"] or found["broken"] or "nothing"
    return f"""**{found["clients"]} clients for {found["seconds"]:.0f} s**, bodies of 100 bytes to 5 MB, among them slow writers, slow readers and {found["left_early"]} that left early; the
container has {found["memory_limit"].replace("g", " GB")}: {statuses}; unexpected: {unexpected}. Memory stayed below {found["memory"] / MEGABYTE:.0f} MB, temporary files below {found["temporary"] / MEGABYTE:.0f} MB
({found["temporary_afterwards"] / MEGABYTE:.1f} MB three seconds later); no worker was lost ({found["worker_starts"]} starts of 2), and `/ping` was {"200" if found["healthy_afterwards"] else "not 200"} afterwards."""


SECTIONS: Mapping[str, Callable[[Any], str]] = {
    "image": _image,
    "image-starts": _starts,
    "image-memory": _memory,
    "image-layouts": _layouts,
    "soak-kills": _kills,
    "soak-stop": _stop,
    "soak-crowd": _crowd,
}
