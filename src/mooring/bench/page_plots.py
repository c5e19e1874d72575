"""Draw the plots of the report from the command's JSON, each with a sentence and its numbers. Called by `page.py`."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mooring.bench.sweep import best_step
from mooring.charts import Axis, Bin, Line, Series, histogram, line_chart, number

PERCENTILES = (("p50", "p50", 1), ("p90", "p90", 10), ("p99", "p99", 100), ("p99_9", "p99.9", 1000))
"""Name in the JSON, display name, and fewest answers needed: with fewer it would equal the maximum."""

Row = Sequence[object]


def plots(document: Mapping[str, Any]) -> list[str]:
    """All plots possible with the figures, as HTML sections."""
    sweeps = document.get("sweeps")
    if sweeps is None:
        return [made for made in (_histogram(document, ""), _by_length(document, "")) if made]
    found: list[str] = []
    best = None
    for sweep in sweeps:
        steps = [step for step in sweep["steps"] if step["latency_ms"]]
        if not steps:
            continue
        if sweep["kind"] == "clients":
            best = best_step(steps)
            found += [_throughput(steps, best), _latency_over_clients(steps)]
        else:
            found += [_latency_over_load(steps, best), _kept_up(steps)]
    lightest, shown = _lightest(sweeps), best or _lightest(sweeps)
    if shown:
        found.append(_histogram(shown, f" at {load_of(shown)}"))
    if lightest:
        found.append(_by_length(lightest, f" at {load_of(lightest)}"))
    return [made for made in found if made]


def load_of(step: Mapping[str, Any]) -> str:
    """A step's load as text."""
    if step["rate"] is not None:
        return f"{number(step['rate'])} requests per second"
    return "1 client" if step["clients"] == 1 else f"{number(step['clients'])} clients"


def _lightest(sweeps: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The answered step with the lowest load."""
    return next((step for sweep in sweeps for step in sweep["steps"] if step["latency_ms"]), None)


def _throughput(steps: Sequence[Mapping[str, Any]], best: Mapping[str, Any] | None) -> str:
    points = [(step["clients"], step["per_second"]) for step in steps]
    x = Axis("clients", log=True, ticks=tuple(float(count) for count, _ in points))
    chart = line_chart("Throughput over clients", x, Axis("answers per second"), [Series("throughput", points)])
    words = "Each client sends its next request as soon as it has an answer."
    if best is steps[-1]:
        words += " The maximum is at the last step: more clients may reach more."
    elif best:
        words += f" More than {load_of(best)} bring little more throughput, only more waiting."
    rows = [(step["clients"], step["per_second"], step["requests"], _failed(step), _cpu(step)) for step in steps]
    return _section(
        "Throughput over clients", words, chart, table(("clients", "answers/s", "sent", "failed", "client CPU"), rows)
    )


def _latency_over_clients(steps: Sequence[Mapping[str, Any]]) -> str:
    lines = _percentile_lines(steps, "clients")
    x = Axis("clients", log=True, ticks=tuple(float(step["clients"]) for step in steps))
    chart = line_chart("Latency over clients", x, Axis("latency, ms", log=True), lines)
    words = "Both axes are logarithmic: once the server is saturated, twice the clients wait twice as long."
    return _section("Latency over clients", words, chart, _latencies(steps))


def _latency_over_load(steps: Sequence[Mapping[str, Any]], best: Mapping[str, Any] | None) -> str:
    lines = _percentile_lines(steps, "rate")
    rule = Line(best["per_second"], "best throughput") if best else None
    chart = line_chart("Latency over load", Axis("requests per second"), Axis("latency, ms", log=True), lines, rule)
    words = (
        "Requests are sent at random times, independent of answers. Latency counts from the intended send time, so it "
        "includes waiting for a slow server."
    )
    return _section("Latency over load", words, chart, _latencies(steps))


def _kept_up(steps: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        Series("answered", [(step["rate"], step["per_second"]) for step in steps]),
        Series("came", [(step["rate"], step["open_loop"]["arrived_per_second"]) for step in steps]),
    ]
    chart = line_chart("Answers over load", Axis("requests per second"), Axis("answers per second"), lines)
    words = "Where the lines diverge, the server is over its limit, and further requests wait or fail."
    return _section("Answers over load", words, chart, _latencies(steps))


def _histogram(step: Mapping[str, Any], where: str) -> str:
    bars = step["histogram"]
    if len(bars) < 2:
        return ""
    found = step["latency_ms"]
    bins = [Bin(bar["from_ms"], bar["to_ms"], bar["count"]) for bar in bars]
    lines = [Line(found[name], said) for name, said, least in PERCENTILES if _answered(step) >= least]
    chart = histogram("Latency distribution", Axis("latency, ms", log=True), Axis("answers"), bins, lines)
    rows = [(f"{number(bar['from_ms'])} – {number(bar['to_ms'])}", bar["count"]) for bar in bars]
    words = f"All answers{where} by latency. Bars are equally wide on a logarithmic axis."
    return _section("Latency distribution", words, chart, table(("ms", "answers"), rows))


def _by_length(step: Mapping[str, Any], where: str) -> str:
    groups = [group for group in step["by_length"] if group["latency_ms"]]
    if len(groups) < 2:
        return ""
    lines = _lines_of([(group["words"]["mean"], group["answered"], group["latency_ms"]) for group in groups])
    chart = line_chart("Latency over length", Axis("words of question and context"), Axis("latency, ms"), lines)
    rows = [
        (
            f"{number(group['words']['min'])} – {number(group['words']['max'])}",
            group["answered"],
            *_cells(group["latency_ms"], group["answered"]),
        )
        for group in groups
    ]
    words = f"Latency{where} against request length, in groups of similar size."
    heads = ("words", "answers", *(f"{said} ms" for _, said, _ in PERCENTILES))
    return _section("Latency over length", words, chart, table(heads, rows))


def _percentile_lines(steps: Sequence[Mapping[str, Any]], key: str) -> list[Series]:
    return _lines_of([(step[key], _answered(step), step["latency_ms"]) for step in steps])


def _lines_of(points: Sequence[tuple[float, int, Mapping[str, float]]]) -> list[Series]:
    """A line for each percentile for which most points have enough answers, from (x, count, latencies)."""
    lines = [
        Series(said, [(at, found[name]) for at, answered, found in points if answered >= least])
        for name, said, least in PERCENTILES
    ]
    return [one for one in lines if 2 * len(one.points) > len(points)]


def _latencies(steps: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            load_of(step),
            step["per_second"],
            *_cells(step["latency_ms"], _answered(step)),
            step["latency_ms"]["max"],
            _failed(step),
        )
        for step in steps
    ]
    return table(("load", "answers/s", *(f"{said} ms" for _, said, _ in PERCENTILES), "max ms", "failed"), rows)


def _cells(found: Mapping[str, float], answered: int) -> list[object]:
    return [found[name] if answered >= least else "–" for name, _, least in PERCENTILES]


def _answered(step: Mapping[str, Any]) -> int:
    return int(step["statuses"].get("200", 0))


def _failed(step: Mapping[str, Any]) -> int:
    return sum(step["errors"].values())


def _cpu(step: Mapping[str, Any]) -> str:
    return f"{100 * step['client']['cpu_share_of_one_core']:.1f} %"


def table(heads: Sequence[str], rows: Sequence[Row]) -> str:
    """The numbers as a table."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: object) -> str:
    return number(value) if isinstance(value, (int, float)) else escape(str(value))


def _section(title: str, words: str, chart: str, numbers: str) -> str:
    """Without a chart the numbers are shown unfolded."""
    details = "<details>" if chart else "<details open>"
    return (
        f"<section><h2>{escape(title)}</h2><p>{escape(words)}</p>{chart}"
        f"{details}<summary>The numbers</summary>{numbers}</details></section>"
    )
