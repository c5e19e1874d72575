"""Render the command's JSON as one HTML page without scripts or external files, for light, dark and print. Pure.

Called by `moor bench --report`. All text from a server or file is escaped.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from mooring.bench.page_plots import load_of, plots, table
from mooring.bench.sweep import best_step
from mooring.charts import missing, number


def render(document: Mapping[str, Any]) -> str:
    """The whole page."""
    style = files("mooring.bench").joinpath("page.css").read_text(encoding="utf-8")
    said = "".join(f"<p>{escape(line)}</p>" for line in _verdict(document))
    warnings = "".join(f'<p class="warn">{escape(line)}</p>' for line in _warnings(document))
    below = "".join([_errors(document), _settings(document), _made_with(document)])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_title(document))}</title><style>\n{style}</style></head><body><main>"
        f"<header><h1>{escape(_title(document))}</h1><p>{escape(_subtitle(document))}</p></header>"
        f'<div class="said">{said}{warnings}</div>{_tiles(document)}'
        f'<div class="grid-2">{"".join(plots(document))}</div><div class="stack">{below}</div>'
        f"<footer>Made by moor bench {escape(str(document['client_machine'].get('mooring', '')))}. "
        "Latencies are of requests answered with 200, within 0.05 %.</footer></main></body></html>\n"
    )


def steps_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All measured steps; a single run is one step."""
    if "sweeps" not in document:
        return [document]
    return [step for sweep in document["sweeps"] for step in sweep["steps"]]


def _title(document: Mapping[str, Any]) -> str:
    model = document["server"].get("model")
    name = model.get("name") if isinstance(model, Mapping) else None
    return f"{name or document['url']} under load"


def _subtitle(document: Mapping[str, Any]) -> str:
    model = document["server"].get("model")
    precision = [str(model["precision"])] if isinstance(model, Mapping) and model.get("precision") else []
    return " · ".join(
        [document["url"], *precision, f"asked: {document['bodies']['source']}", _day(document["measured"])]
    )


def _day(measured: str) -> str:
    """An ISO 8601 UTC time for people."""
    return f"{measured[:16].replace('T', ' ')} UTC"


def _verdict(document: Mapping[str, Any]) -> Iterator[str]:
    """The main results in sentences."""
    if "sweeps" not in document:
        if found := document["latency_ms"]:
            yield (
                f"At {load_of(document)} it answered {number(document['per_second'])} requests per second: half "
                f"within {number(found['p50'])} ms, 99 of 100 within {number(found['p99'])} ms."
            )
        return
    for sweep in document["sweeps"]:
        steps = [step for step in sweep["steps"] if step["latency_ms"]]
        if not steps:
            continue
        if sweep["kind"] == "clients":
            one, best = steps[0], best_step(steps) or steps[-1]
            yield (
                f"{load_of(one)[:1].upper()}{load_of(one)[1:]}: half of the answers took at most "
                f"{number(one['latency_ms']['p50'])} ms. At {load_of(best)} it reaches nearly its maximum: "
                f"{number(best['per_second'])} answers per second, 99 of 100 within "
                f"{number(best['latency_ms']['p99'])} ms."
            )
        else:
            kept = [step for step in steps if _kept_up(step)]
            if kept:
                yield (
                    f"Highest tested rate that it kept up with: {load_of(kept[-1])}, with 99 of 100 "
                    f"answers within {number(kept[-1]['latency_ms']['p99'])} ms."
                )


def _kept_up(step: Mapping[str, Any]) -> bool:
    return bool(step["per_second"] >= 0.95 * step["open_loop"]["arrived_per_second"]) and not step["errors"]


def _warnings(document: Mapping[str, Any]) -> Iterator[str]:
    if missing():
        yield "No charts: matplotlib was not installed on the client."
    if document["interrupted"]:
        yield "Interrupted: figures up to that point."
    found: dict[str, list[tuple[str, str]]] = {}
    for step in steps_of(document):
        if step["cut_short"]:
            yield f"At {load_of(step)} the run ended early: every connection was lost."
        for limit, what in step["client"]["limits"].items():
            found.setdefault(limit, []).append((load_of(step), what))
    for steps in found.values():
        load, what = steps[-1]
        others = f" Also at {', '.join(other for other, _ in steps[:-1])}." if steps[:-1] else ""
        yield f"At {load}, {what}{others}"
    asked = sum(step["requests"] + step["warmup"] for step in steps_of(document))
    distinct = document["bodies"]["distinct"]
    if asked > distinct:
        each = "1 distinct request was" if distinct == 1 else f"{number(distinct)} distinct requests were"
        yield f"{each} sent {number(asked / distinct)} times each; caching servers benefit."


def _tiles(document: Mapping[str, Any]) -> str:
    steps = [step for step in steps_of(document) if step["latency_ms"]]
    if not steps:
        return '<p class="warn bad">No request was answered.</p>'
    closed = [step for step in steps if step["rate"] is None]
    best = best_step(closed) or steps[-1]
    found, light = best["latency_ms"], steps[0]
    failed = sum(sum(step["errors"].values()) for step in steps_of(document))
    sent = sum(step["requests"] for step in steps_of(document))
    shares = [step["client"]["cpu_share_of_one_core"] for step in steps_of(document)]
    tiles = [
        ("Answers per second", number(best["per_second"]), load_of(best)),
        *([("p50 at the lowest load", _ms(light["latency_ms"]["p50"]), load_of(light))] if light is not best else []),
        ("p50", _ms(found["p50"]), load_of(best)),
        ("p99", _ms(found["p99"]), load_of(best)),
        *([("p99.9", _ms(found["p99_9"]), load_of(best))] if best["requests"] >= 1000 else []),
        ("Failed", number(failed), f"of {number(sent)} sent"),
        ("Client CPU", f"{100 * max(shares):.1f} %", "of one core, maximum"),
    ]
    inside = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(note)}</small></dd></div>"
        for name, value, note in tiles
    )
    return f'<dl class="tiles">{inside}</dl>'


def _ms(value: float) -> str:
    return f"{number(value)} ms"


def _errors(document: Mapping[str, Any]) -> str:
    rows: list[Sequence[object]] = [
        (load_of(step), what, step["messages"].get(what, ""), count, f"{100 * count / step['requests']:.2f} %")
        for step in steps_of(document)
        for what, count in step["errors"].items()
    ]
    if not rows:
        return "<section><h2>Errors</h2><p>No errors: every request was answered with 200.</p></section>"
    made = table(("load", "status or reason", "first message", "requests", "share of sent"), rows)
    return f"<section><h2>Errors</h2>{made}</section>"


def _settings(document: Mapping[str, Any]) -> str:
    bodies, ordered = document["bodies"], document["ordered"]
    words = bodies["words"]
    amount = [f"{number(ordered['requests'])} requests"] if ordered["requests"] else []
    amount += [f"{number(ordered['seconds'])} s"] if ordered["seconds"] else []
    facts = {
        "server": document["url"],
        "load": _loads(document),
        "for": " or ".join(amount) + (" each" if "sweeps" in document else ""),
        "warm-up": _range([step["warmup"] for step in steps_of(document)]) + " requests",
        "asked": f"{bodies['source']}; {number(bodies['distinct'])} distinct requests of {number(words['min'])} to "
        f"{number(words['max'])} words, median {number(words['p50'])}",
        "order": f"shuffled with seed {document['seed']}",
        "time-out": f"{number(document['timeout_s'])} s for one request",
    }
    return f"<section><h2>Settings</h2>{_facts(facts)}</section>"


def _range(values: Sequence[int]) -> str:
    if not values:
        return "no"
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def _loads(document: Mapping[str, Any]) -> str:
    kinds = {step["rate"] is not None for step in steps_of(document)}
    words = {
        False: "closed loop: each client sends its next request as soon as it has an answer",
        True: "open loop: Poisson arrivals, latency from the intended send time",
    }
    return "; ".join(words[kind] for kind in sorted(kinds))


def _made_with(document: Mapping[str, Any]) -> str:
    server, machine = document["server"], document["client_machine"]
    parts = {name: server.get(name) for name in ("model", "backend", "versions", "topology", "limits")}
    plain = {
        name: ", ".join(f"{key} {_short(value)}" for key, value in part.items() if _short(value))
        for name, part in parts.items()
        if isinstance(part, Mapping)
    }
    found = _facts(plain) if plain else "<p>Unknown: the server has no /info.</p>"
    return (
        f"<section><h2>Client machine</h2>{_facts(machine)}</section>"
        f"<section><h2>Server information</h2>{found}"
        f"</section>"
    )


def _short(value: object) -> str:
    """A plain value; "" for nested or empty values."""
    if isinstance(value, (Mapping, type(None))) or value == "" or value == []:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else text[:119] + "…"


def _facts(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f'<table class="facts">{rows}</table>'
