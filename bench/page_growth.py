"""The page's sections on how cost grows, each with a table, a plot and a sentence. Called by `page.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.fit import exponent, said
from bench.page_container import table

MEGABYTE = 1_000_000


def _length(found: dict[str, Any]) -> str:
    lengths, windows = found["lengths"], found["windows"]
    by_tokens = exponent(*_columns(lengths, "tokens", "p50"))
    by_windows = exponent(*_columns(windows, "windows", "seconds"))
    rows = [(row["tokens"], f"{row['p50']:.1f}", f"{row['most']:.1f}") for row in lengths]
    many = [
        (f"{row['windows']:,}", f"{row['seconds']:.2f}", f"{1e3 * row['seconds'] / row['windows']:.1f}")
        for row in windows
    ]
    return "\n\n".join(
        [
            f"""## Latency and length
Embedded model, one client, nothing else. One window of 8 to 512 tokens, medians of {found["turns"]} turns: over the upper half the latency grows
**{said(by_tokens)}**; where it is more than linear, attention is, whose work grows with the square.""",
            table(("tokens", "p50 ms", "slowest ms"), rows),
            "![Latency over length](growth-length.svg)",
            f"""Requests of up to {max(row["windows"] for row in windows):,} windows of {found["window"]} tokens: the time grows **{said(by_windows)}** in the number of windows.""",
            table(("windows", "s", "ms a window"), many),
        ]
    )


def _clients(rows: list[dict[str, Any]]) -> str:
    best = max(rows, key=lambda row: row["per_second"])
    waiting = [row for row in rows if row["p50"]]
    power = exponent(*_columns(waiting, "clients", "p50"))
    cells = [
        (row["clients"], f"{row['per_second']:.1f}", _ms(row["p50"]), _ms(row["p99"]), row["requests"], row["errors"])
        for row in rows
    ]
    return "\n\n".join(
        [
            f"""## Throughput and clients
Embedded model through HTTP, SQuAD's questions, `moor bench --sweep clients`. Most answers a second at {best["clients"]} clients: **{best["per_second"]:.1f}**, {best["per_second"] / rows[0]["per_second"]:.2f}
times one client's; at {rows[-1]["clients"]} clients {rows[-1]["per_second"]:.1f}. Over the upper half p50 grows **{said(power)}** in the clients: who comes beyond what the cores
can do waits his turn. p99 of fewer than 100 answers is nearly the slowest one.""",
            table(("clients", "answers/s", "p50 ms", "p99 ms", "answers", "errors"), cells),
            "![Throughput and latency over clients](growth-clients.svg)",
        ]
    )


def _memory(rows: list[dict[str, int]]) -> str:
    # The first request that waits brings threads and buffers with it: growth is what comes on top of that.
    base, first, more = rows[0]["bytes"], rows[1], rows[2:]
    windows = [row["windows"] - first["windows"] for row in more]
    grown = [row["bytes"] - first["bytes"] for row in more]
    if len(more) > 1 and min(*windows, *grown) > 0:
        power = said(exponent(windows, grown))
        sentence = f"From {first['windows']:,} windows on it grows **{power}**: {grown[-1] / windows[-1] / 1e3:.1f} kB a window."
    else:
        sentence = "What waits is lost in the noise of the process's own memory."
    cells = [
        (f"{row['windows']:,}", f"{row['bytes'] / MEGABYTE:,.0f}", f"{(row['bytes'] - base) / MEGABYTE:,.0f}")
        for row in rows
    ]
    return "\n\n".join(
        [
            f"""## Memory and what waits
Embedded model, all shapes warm; requests of about 100 windows of 384 tokens each, their texts included. {sentence}""",
            table(("windows in the queue", "MB", "MB more"), cells),
            "![Memory over the queue](growth-memory.svg)",
        ]
    )


def _layouts(found: dict[str, Any]) -> str:
    parts = [
        f"""## Memory, streams and workers
Embedded model, after 100 questions by 16 clients and with every shape warmed; proportional set size of all processes. {_grows(found["streams"], "streams")}
The streams share the model's weights, but each keeps buffers for its shapes, of which there are fewer the more streams
share a batch's tokens.""",
        table(("streams", "MB"), [(row["streams"], f"{row['bytes'] / MEGABYTE:,.0f}") for row in found["streams"]]),
    ]
    if found["workers"]:
        rows = [(row["workers"], f"{row['bytes'] / MEGABYTE:,.0f}") for row in found["workers"]]
        words = f"Processes behind nginx, which is counted with process 1: {_grows(found['workers'], 'workers')}"
        parts += [words, table(("workers", "MB"), rows)]
    return "\n\n".join([*parts, "![Memory over streams and workers](growth-layouts.svg)"])


def _grows(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    power = exponent(*_columns(rows, name, "bytes"))
    each = (rows[-1]["bytes"] - rows[0]["bytes"]) / (rows[-1][name] - rows[0][name])
    return f"Over {name} it grows **{said(power)}**, by {each / MEGABYTE:,.0f} MB for each."


def _columns(rows: Sequence[Mapping[str, Any]], x: str, y: str) -> tuple[list[float], list[float]]:
    return [row[x] for row in rows], [row[y] for row in rows]


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


SECTIONS: Mapping[str, Callable[[Any], str]] = {
    "growth-length": _length,
    "growth-clients": _clients,
    "growth-memory": _memory,
    "growth-layouts": _layouts,
}
