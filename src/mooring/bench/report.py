"""Turn a run into figures, as table rows and as JSON. Pure. Called by `moor bench` and `moor eval`.

The JSON is a stable format, described in docs/bench.md: names are added, never changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.bench.bodies import Span
from mooring.bench.histogram import Histogram
from mooring.bench.load import Run

CLIENT_SHARE_WARNING = 0.10
"""Fraction of one core. Above it the client affects the server's figures if both share a machine."""
CLIENT_FULL = 0.80
"""Fraction of one core. Above it the client limits the figures."""
WAITED_SHARE = 0.01
"""Fraction of requests without a free connection. Above it the number of connections affects the figures."""
LATE_SHARE = 0.05
"""Fraction of the median latency. If 1 in 100 requests is sent later than that, it affects the figures."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies in milliseconds. Percentiles are nearest ranks, within 0.05 %; mean and max are exact."""

    mean: float
    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Figures of an open loop."""

    rate: float
    """Requested arrivals per second."""
    arrived: float
    """Actual arrivals per second, which vary around `rate`."""
    connections: int
    service_ms: Latency | None
    """From the actual send time, not the intended one: what a closed loop would measure."""
    late_ms: Latency | None
    """From the intended to the actual send time, if a connection was free: the client's lateness."""
    waited: int
    """Requests without a free connection."""
    waited_ms: Latency | None
    """Their waiting time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The result of a run."""

    requests: int
    """Completed requests, with any result."""
    asked: int
    seconds: float
    per_second: float
    """Requests answered with 200 per second of wall clock."""
    latency_ms: Latency | None
    """Latency of requests answered with 200; None without any."""
    statuses: dict[str, int]
    """Number of responses by status."""
    errors: dict[str, int]
    """Failed requests by status or by connection error."""
    messages: dict[str, str]
    """First error message for each status."""
    pace: Pace | None
    """None for a closed loop."""
    client_cpu_seconds: float
    client_cpu_share: float
    """Client CPU as a fraction of one core over the run."""
    interrupted: bool
    cut_short: bool


def figures(run: Run) -> Figures:
    """Reduce a run."""
    tally = run.tally
    refused = {str(status): count for status, count in tally.refused.items()}
    answered = {"200": tally.latency.count} if tally.latency.count else {}
    errors = {**refused, **tally.lost}
    return Figures(
        requests=tally.done,
        asked=run.asked,
        seconds=run.seconds,
        per_second=tally.latency.count / run.seconds if run.seconds else 0.0,
        latency_ms=latency(tally.latency),
        statuses=dict(sorted({**answered, **refused}.items())),
        errors=dict(sorted(errors.items(), key=lambda item: -item[1])),
        messages={str(status): said for status, said in tally.messages.items() if said},
        pace=_pace(run),
        client_cpu_seconds=run.cpu_seconds,
        client_cpu_share=run.cpu_seconds / run.seconds if run.seconds else 0.0,
        interrupted=run.interrupted,
        cut_short=run.cut_short,
    )


def latency(histogram: Histogram | None) -> Latency | None:
    """None if nothing was recorded."""
    if histogram is None or not histogram.count:
        return None
    p50, p90, p99, p99_9 = (1000 * seconds for seconds in histogram.percentiles(50, 90, 99, 99.9))
    return Latency(1000 * histogram.mean, p50, p90, p99, p99_9, 1000 * histogram.max)


def _pace(run: Run) -> Pace | None:
    if run.rate is None:
        return None
    tally = run.tally
    waited = tally.waited.count if tally.waited else 0
    return Pace(
        rate=run.rate,
        arrived=run.arrived_per_second,
        connections=run.connections,
        service_ms=latency(tally.service),
        late_ms=latency(tally.late),
        waited=waited,
        waited_ms=latency(tally.waited),
    )


def limits(result: Figures) -> dict[str, str]:
    """Warnings that the client itself limited the figures."""
    found = {}
    if result.client_cpu_share > CLIENT_FULL:
        found["cpu"] = (
            f"this client used {100 * result.client_cpu_share:.0f} % of a core: the server may be faster than "
            "these figures show."
        )
    pace, middle = result.pace, result.latency_ms.p50 if result.latency_ms else 0.0
    if pace is None:
        return found
    if pace.waited_ms is not None and pace.waited > WAITED_SHARE * result.requests:
        found["connections"] = (
            f"{pace.waited:,} of {result.requests:,} requests found all {pace.connections:,} connections busy and "
            f"waited up to {pace.waited_ms.max:,.0f} ms, which is included in their latency. Either the "
            f"server cannot reach {pace.rate:g} per second, or more --connections are needed."
        )
    if pace.late_ms is not None and pace.late_ms.p99 > max(1.0, LATE_SHARE * middle):
        found["lateness"] = (
            f"this client sent 1 request in 100 more than {pace.late_ms.p99:.1f} ms late despite a free connection; "
            "this is included in their latency. The client needs more CPU."
        )
    return found


def as_json(result: Figures) -> dict[str, Any]:
    """The JSON form, rounded to the measurement precision; the names are stable."""
    made: dict[str, Any] = {
        "requests": result.requests,
        "asked": result.asked,
        "seconds": round(result.seconds, 4),
        "per_second": round(result.per_second, 2),
        "latency_ms": latency_json(result.latency_ms),
        "statuses": result.statuses,
        "errors": result.errors,
        "messages": result.messages,
        "client": {
            "cpu_seconds": round(result.client_cpu_seconds, 4),
            "cpu_share_of_one_core": round(result.client_cpu_share, 4),
            "limits": limits(result),
        },
        "interrupted": result.interrupted,
        "cut_short": result.cut_short,
    }
    if result.pace is not None:
        pace = result.pace
        made["open_loop"] = {
            "arrived_per_second": round(pace.arrived, 2),
            "service_ms": latency_json(pace.service_ms),
            "late_ms": latency_json(pace.late_ms),
            "waited": pace.waited,
            "waited_ms": latency_json(pace.waited_ms),
        }
    return made


def latency_json(found: Latency | None) -> dict[str, float] | None:
    """Round to a microsecond."""
    names = ("mean", "p50", "p90", "p99", "p99_9", "max")
    return {name: round(getattr(found, name), 3) for name in names} if found else None


def shape_json(run: Run, spans: Sequence[Span]) -> dict[str, Any]:
    """The latency distribution, and latencies by length. `spans` are the run's groups."""
    groups = zip(spans, run.tally.by_group, strict=True)
    return {
        "histogram": [
            {"from_ms": round(1000 * bar.low, 4), "to_ms": round(1000 * bar.high, 4), "count": bar.count}
            for bar in run.tally.latency.bars(_bars(run.tally.latency.count))
        ],
        "by_length": [
            {
                "words": {"min": span.least, "mean": round(span.mean, 1), "max": span.most},
                "answered": kept.count,
                "latency_ms": latency_json(latency(kept)),
            }
            for span, kept in groups
            if kept.count
        ],
    }


def _bars(answers: int) -> int:
    """Number of bars for that many answers."""
    return max(12, min(60, int(3 * answers**0.5)))


def rows(result: Figures) -> list[tuple[str, str]]:
    """(name, value) rows for people."""
    missing = f" ({result.asked:,} planned)" if result.requests != result.asked else ""
    answered = result.statuses.get("200", 0)
    lines = [("answered", f"{answered:,} of {result.requests:,} sent{missing} in {result.seconds:.2f} s")]
    ordered = f" of {result.pace.arrived:.1f} arrivals; target {result.pace.rate:g}" if result.pace else ""
    lines.append(("requests/s", f"{result.per_second:.1f}{ordered}"))
    if result.latency_ms:
        lines.append(("latency", latency_line(result.latency_ms)))
    if result.pace and result.pace.service_ms:
        lines.append(("once sent", latency_line(result.pace.service_ms)))
    if result.errors:
        lines.append(("errors", ", ".join(f"{count:,} × {what}" for what, count in result.errors.items())))
    lines += [("", f"{status}: {said}") for status, said in result.messages.items()]
    share = 100 * result.client_cpu_share
    lines.append(("client", f"{result.client_cpu_seconds:.2f} s of CPU, {share:.1f} % of one core"))
    return lines


def latency_line(found: Latency) -> str:
    """One line with units."""
    parts = [
        ("p50", found.p50), ("p90", found.p90), ("p99", found.p99), ("p99.9", found.p99_9), ("max", found.max),
        ("mean", found.mean),
    ]  # fmt: skip
    return "   ".join(f"{name} {value:.1f}" for name, value in parts) + " ms"
