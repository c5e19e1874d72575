"""A run in, figures out, as a table's rows and as JSON. Pure. Called by `moor bench` and `moor eval`.

The JSON is a contract, described in docs/bench.md: names are added, never changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.bench.bodies import Span
from mooring.bench.histogram import Histogram
from mooring.bench.load import Run

CLIENT_SHARE_WARNING = 0.10
"""Of one core. Above it the client's own work shows in the server's figures when both share a machine."""
CLIENT_FULL = 0.80
"""Of one core. Above it the client is what limits the figures."""
WAITED_SHARE = 0.01
"""Of requests that found no free connection. Above it the number of connections shows."""
LATE_SHARE = 0.05
"""Of the median latency. If 1 in 100 is sent later than that, the client's lateness shows."""


@dataclass(frozen=True, slots=True)
class Latency:
    """In milliseconds. Percentiles are nearest ranks, within 0.05 %; mean and max are exact."""

    mean: float
    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Of an open loop."""

    rate: float
    """Ordered, a second."""
    arrived: float
    """That came, a second: chance makes it a little more or less."""
    connections: int
    service_ms: Latency | None
    """From when requests were sent, not from when they were to be sent: what a closed loop would have measured."""
    late_ms: Latency | None
    """From when requests were to be sent until they were, if a connection was free: the client's own lateness."""
    waited: int
    """Requests for which no connection was free."""
    waited_ms: Latency | None
    """How long they waited for one."""


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
    """Of the requests answered with 200; None if there are none."""
    statuses: dict[str, int]
    """Number of responses by status."""
    errors: dict[str, int]
    """What was not answered with 200: by status, or by what happened to the connection."""
    messages: dict[str, str]
    """By status, what the server said first with it."""
    pace: Pace | None
    """None for a closed loop."""
    client_cpu_seconds: float
    client_cpu_share: float
    """Of one core, over the run."""
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
    """Where the client itself was the limit: what of it, and what that means for the figures. Empty if nowhere."""
    found = {}
    if result.client_cpu_share > CLIENT_FULL:
        found["cpu"] = (
            f"this client needed {100 * result.client_cpu_share:.0f} % of a core: the server may well do more than "
            "these figures say."
        )
    pace, middle = result.pace, result.latency_ms.p50 if result.latency_ms else 0.0
    if pace is None:
        return found
    if pace.waited_ms is not None and pace.waited > WAITED_SHARE * result.requests:
        found["connections"] = (
            f"{pace.waited:,} of {result.requests:,} requests found all {pace.connections:,} connections busy and "
            f"waited for one, up to {pace.waited_ms.max:,.0f} ms; that is part of their latency. Either the "
            f"server does less than {pace.rate:g} a second, or it takes more --connections."
        )
    if pace.late_ms is not None and pace.late_ms.p99 > max(1.0, LATE_SHARE * middle):
        found["lateness"] = (
            f"this client sent 1 request in 100 more than {pace.late_ms.p99:.1f} ms late, with a connection free; that "
            "is part of their latency. It had too little of a core."
        )
    return found


def as_json(result: Figures) -> dict[str, Any]:
    """Rounded to what can be measured; the names are part of the command's contract."""
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
    """To a microsecond."""
    names = ("mean", "p50", "p90", "p99", "p99_9", "max")
    return {name: round(getattr(found, name), 3) for name in names} if found else None


def shape_json(run: Run, spans: Sequence[Span]) -> dict[str, Any]:
    """Where the answers' latencies lie, and what they are by length. `spans`: of the run's groups."""
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
    """How many bars so many answers fill."""
    return max(12, min(60, int(3 * answers**0.5)))


def rows(result: Figures) -> list[tuple[str, str]]:
    """(name, value) for people."""
    missing = f" ({result.asked:,} were ordered)" if result.requests != result.asked else ""
    answered = result.statuses.get("200", 0)
    lines = [("answered", f"{answered:,} of {result.requests:,} sent{missing} in {result.seconds:.2f} s")]
    ordered = f" of {result.pace.arrived:.1f} that came; {result.pace.rate:g} ordered" if result.pace else ""
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
    """On one line, with its unit."""
    parts = [
        ("p50", found.p50), ("p90", found.p90), ("p99", found.p99), ("p99.9", found.p99_9), ("max", found.max),
        ("mean", found.mean),
    ]  # fmt: skip
    return "   ".join(f"{name} {value:.1f}" for name, value in parts) + " ms"
