"""A run in, figures out, as a table's rows and as JSON. Pure. Called by `moor bench`."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.bench.load import Run

CLIENT_SHARE_WARNING = 0.10
"""Of one core. Above it the client's own work shows in the server's figures when both share a machine."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Of the requests answered with 200, in milliseconds. Percentiles are nearest ranks: times that were measured."""

    mean: float
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run comes to."""

    requests: int
    """Sent and over, whatever became of them."""
    asked: int
    seconds: float
    per_second: float
    """Requests answered with 200 per second of wall clock."""
    latency_ms: Latency | None
    """None if no request was answered with 200."""
    statuses: dict[str, int]
    """Number of responses by status."""
    errors: dict[str, int]
    """What was not answered with 200: by status, or by what happened to the connection."""
    client_cpu_seconds: float
    client_cpu_share: float
    """Of one core, over the run."""
    interrupted: bool


def figures(run: Run) -> Figures:
    """Reduce a run."""
    good = sorted(sample.seconds for sample in run.samples if sample.status == 200)
    statuses = Counter(str(sample.status) for sample in run.samples if sample.status)
    errors = Counter(str(s.status) if s.status else s.reason for s in run.samples if s.status != 200)
    return Figures(
        requests=len(run.samples),
        asked=run.asked,
        seconds=run.seconds,
        per_second=len(good) / run.seconds if run.seconds else 0.0,
        latency_ms=_latency(good) if good else None,
        statuses=dict(sorted(statuses.items())),
        errors=dict(errors.most_common()),
        client_cpu_seconds=run.cpu_seconds,
        client_cpu_share=run.cpu_seconds / run.seconds if run.seconds else 0.0,
        interrupted=run.interrupted,
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank). Not for an empty list."""
    return ascending[max(0, math.ceil(percent / 100 * len(ascending)) - 1)]


def _latency(ascending: Sequence[float]) -> Latency:
    p50, p90, p99 = (1000 * percentile(ascending, percent) for percent in (50, 90, 99))
    return Latency(1000 * sum(ascending) / len(ascending), p50, p90, p99, 1000 * ascending[-1])


def as_json(result: Figures) -> dict[str, Any]:
    """Rounded to what can be measured; the names are part of the command's contract."""
    latency = result.latency_ms
    names = ("mean", "p50", "p90", "p99", "max")
    return {
        "requests": result.requests,
        "asked": result.asked,
        "seconds": round(result.seconds, 4),
        "per_second": round(result.per_second, 2),
        "latency_ms": {name: round(getattr(latency, name), 3) for name in names} if latency else None,
        "statuses": result.statuses,
        "errors": result.errors,
        "client": {
            "cpu_seconds": round(result.client_cpu_seconds, 4),
            "cpu_share_of_one_core": round(result.client_cpu_share, 4),
        },
        "interrupted": result.interrupted,
    }


def rows(result: Figures) -> list[tuple[str, str]]:
    """(name, value) for people."""
    missing = f" ({result.asked:,} were ordered)" if result.requests != result.asked else ""
    lines = [
        (
            "answered",
            f"{result.statuses.get('200', 0):,} of {result.requests:,} sent{missing} in {result.seconds:.2f} s",
        ),
        ("requests/s", f"{result.per_second:.1f}"),
    ]
    if result.latency_ms:
        latency = result.latency_ms
        lines.append(
            (
                "latency",
                f"p50 {latency.p50:.1f}   p90 {latency.p90:.1f}   p99 {latency.p99:.1f}   max {latency.max:.1f}   "
                f"mean {latency.mean:.1f} ms",
            )
        )
    if result.errors:
        lines.append(("errors", ", ".join(f"{count:,} × {what}" for what, count in result.errors.items())))
    share = 100 * result.client_cpu_share
    lines.append(("client", f"{result.client_cpu_seconds:.2f} s of CPU, {share:.1f} % of one core"))
    return lines
