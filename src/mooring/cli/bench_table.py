"""Steps of a sweep in, lines of a table out, each as soon as its step is done. Called by `cli/bench.py`."""

from collections.abc import Mapping
from typing import Any

_COLUMNS = ("answers/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "client CPU")
_WIDTH = 11


def head(kind: str) -> str:
    """The names."""
    first = "clients" if kind == "clients" else "rate"
    return "".join(f"{name:>{_WIDTH}}" for name in (first, *_COLUMNS)) + "  remarks"


def line(kind: str, step: Mapping[str, Any]) -> str:
    """A step, in the shape of the command's JSON."""
    first = f"{step['clients']:,}" if kind == "clients" else f"{step['rate']:,g}"
    found = step["latency_ms"]
    names = ("p50", "p90", "p99", "p99_9", "max")
    latencies = [f"{found[name]:,.1f}" for name in names] if found else ["-"] * len(names)
    share = f"{100 * step['client']['cpu_share_of_one_core']:.1f} %"
    cells = [first, f"{step['per_second']:,.1f}", *latencies, share]
    return "".join(f"{cell:>{_WIDTH}}" for cell in cells) + _remarks(step)


def _remarks(step: Mapping[str, Any]) -> str:
    said = [f"{count:,} × {what}" for what, count in step["errors"].items()]
    said += [_LIMITS[name] for name in step["client"]["limits"]]
    if step["cut_short"]:
        said.append("ended early")
    return "  " + ", ".join(said) if said else ""


_LIMITS = {
    "cpu": "the client was the limit",
    "connections": "all connections were busy",
    "lateness": "sent late by the client",
}
