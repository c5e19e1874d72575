"""Output of `moor bench`: a progress bar on a terminal's stderr, and a table with a line per step of a sweep."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mooring.bench.load import Run
    from mooring.bench.session import Amount

_COLUMNS = ("answers/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "client CPU")
_WIDTH = 11
_LIMITS = {
    "cpu": "limited by the client's CPU",
    "connections": "all connections were busy",
    "lateness": "sent late by the client",
}


@contextmanager
def load_bar(title: str, amount: "Amount") -> Iterator["Callable[[Run], None] | None"]:
    """Yields `show(run)`, or None without a terminal. Draws only when called: a thread would cost CPU time."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bars:
        task = bars.add_task(title, total=1.0, said="warming up")
        bars.refresh()
        pulse = Pulse()

        def show(run: "Run") -> None:
            bars.update(task, completed=part_done(run, amount, time.perf_counter()), said=pulse.line(run))
            bars.refresh()

        yield show


def part_done(run: "Run", amount: "Amount", now: float) -> float:
    """Fraction done, by requests or by time, whichever is larger."""
    parts = []
    if amount.requests:
        parts.append(run.tally.done / amount.requests)
    if amount.seconds:
        parts.append((now - run.began) / amount.seconds)
    return min(1.0, max(parts, default=0.0))


class Pulse:
    """Throughput of the last second, and the percentiles so far."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seen: list[tuple[float, int]] = []

    def line(self, run: "Run") -> str:
        """The figures on one line."""
        now, answered = self._clock(), run.tally.latency.count
        self._seen = [*(self._seen or [(run.began, 0)])[-4:], (now, answered)]
        (then, before), percentiles = self._seen[0], run.tally.latency.percentiles(50, 99)
        speed = (answered - before) / (now - then) if now > then else 0.0
        p50, p99 = (1000 * seconds for seconds in percentiles)
        failed = f"   [red]{run.tally.failed:,} failed[/red]" if run.tally.failed else ""
        return f"{answered:,} answered   {speed:,.0f}/s   p50 {p50:,.1f}   p99 {p99:,.1f} ms{failed}"


def head(kind: str) -> str:
    """The table's header."""
    first = "clients" if kind == "clients" else "rate"
    return "".join(f"{name:>{_WIDTH}}" for name in (first, *_COLUMNS)) + "  remarks"


def line(kind: str, step: Mapping[str, Any]) -> str:
    """A row of the table, from a step as in the command's JSON."""
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
