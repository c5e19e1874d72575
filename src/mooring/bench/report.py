"""Turn a run into figures: the dict that `--json` prints, and table rows. Pure.

The JSON is a stable format, described in docs/bench.md: names are added, never changed.
"""

from collections.abc import Mapping, Sequence
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


def figures(run: Run) -> dict[str, Any]:
    """A run's figures, rounded to the measurement precision.

    Only requests answered with 200 count for `per_second` and `latency_ms`, which is None without any. `refused_ms` is
    the latency of 429 responses from the send time. In an open loop, `service_ms` counts from the actual send time, not
    the intended one; `late_ms` is the time between the two if a connection was free, and `waited_ms` if none was.
    """
    tally = run.tally
    refused = {str(status): count for status, count in tally.refused.items()}
    answered = {"200": tally.latency.count} if tally.latency.count else {}
    made: dict[str, Any] = {
        "requests": tally.done,
        "asked": run.asked,
        "seconds": round(run.seconds, 4),
        "per_second": round(tally.latency.count / run.seconds, 2) if run.seconds else 0.0,
        "latency_ms": latency(tally.latency),
        "refused_ms": latency(tally.refusal),
        "statuses": dict(sorted({**answered, **refused}.items())),
        "errors": dict(sorted({**refused, **tally.lost}.items(), key=lambda item: -item[1])),
        "messages": {str(status): said for status, said in tally.messages.items() if said},
        "client": {
            "cpu_seconds": round(run.cpu_seconds, 4),
            "cpu_share_of_one_core": round(run.cpu_seconds / run.seconds, 4) if run.seconds else 0.0,
        },
        "interrupted": run.interrupted,
        "cut_short": run.cut_short,
    }
    if run.rate is not None:
        made["open_loop"] = {
            "arrived_per_second": round(run.arrived_per_second, 2),
            "service_ms": latency(tally.service),
            "late_ms": latency(tally.late),
            "waited": tally.waited.count if tally.waited else 0,
            "waited_ms": latency(tally.waited),
        }
    made["client"]["limits"] = _limits(made, run)
    return made


def latency(histogram: Histogram | None) -> dict[str, float] | None:
    """In milliseconds. Percentiles are nearest ranks, within 0.05 %; mean and max are exact. None without any."""
    if histogram is None or not histogram.count:
        return None
    names, ranks = ("p50", "p90", "p99", "p99_9"), histogram.percentiles(50, 90, 99, 99.9)
    found = {"mean": histogram.mean, **dict(zip(names, ranks, strict=True)), "max": histogram.max}
    return {name: round(1000 * seconds, 3) for name, seconds in found.items()}


def _limits(made: dict[str, Any], run: Run) -> dict[str, str]:
    """Warnings that the client itself limited the figures."""
    found = {}
    share, pace = made["client"]["cpu_share_of_one_core"], made.get("open_loop")
    if share > CLIENT_FULL:
        found["cpu"] = (
            f"this client used {100 * share:.0f} % of a core: the server may be faster than these figures show."
        )
    if pace is None:
        return found
    late, waited, middle = pace["late_ms"], pace["waited_ms"], made["latency_ms"]["p50"] if made["latency_ms"] else 0.0
    if waited is not None and pace["waited"] > WAITED_SHARE * made["requests"]:
        found["connections"] = (
            f"{pace['waited']:,} of {made['requests']:,} requests found all {run.connections:,} connections busy and "
            f"waited up to {waited['max']:,.0f} ms, which is included in their latency. Either the "
            f"server cannot reach {run.rate:g} per second, or more --connections are needed."
        )
    if late is not None and late["p99"] > max(1.0, LATE_SHARE * middle):
        found["lateness"] = (
            f"this client sent 1 request in 100 more than {late['p99']:.1f} ms late despite a free connection; "
            "this is included in their latency. The client needs more CPU."
        )
    return found


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
                "latency_ms": latency(kept),
            }
            for span, kept in groups
            if kept.count
        ],
    }


def _bars(answers: int) -> int:
    """Number of bars for that many answers."""
    return max(12, min(60, int(3 * answers**0.5)))


def rows(step: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value) rows for people. `step` has its `rate` beside its figures if it is an open loop."""
    pace, missing = step.get("open_loop"), f" ({step['asked']:,} planned)" if step["requests"] != step["asked"] else ""
    answered = step["statuses"].get("200", 0)
    lines = [("answered", f"{answered:,} of {step['requests']:,} sent{missing} in {step['seconds']:.2f} s")]
    ordered = f" of {pace['arrived_per_second']:.1f} arrivals; target {step['rate']:g}" if pace else ""
    lines.append(("requests/s", f"{step['per_second']:.1f}{ordered}"))
    if step["latency_ms"]:
        lines.append(("latency", _latency_line(step["latency_ms"])))
    if pace and pace["service_ms"]:
        lines.append(("once sent", _latency_line(pace["service_ms"])))
    if step["errors"]:
        lines.append(("errors", ", ".join(f"{count:,} × {what}" for what, count in step["errors"].items())))
    lines += [("", f"{status}: {said}") for status, said in step["messages"].items()]
    share = 100 * step["client"]["cpu_share_of_one_core"]
    lines.append(("client", f"{step['client']['cpu_seconds']:.2f} s of CPU, {share:.1f} % of one core"))
    return lines


def _latency_line(found: Mapping[str, float]) -> str:
    names = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9", "max": "max", "mean": "mean"}
    return "   ".join(f"{said} {found[name]:.1f}" for name, said in names.items()) + " ms"
