"""The page's section on the peers. Called by `page.py`; its plots are `bench/peers/plots.py`'s.

Figures come as `bench/peers/__main__.py` keeps them: every round's by itself; medians are made here.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any

from bench.page_container import MEGABYTE, table

Rows = dict[str, dict[str, Any]]
"""Name of a configuration → its figures."""

PRODUCTS = {
    "mooring": "Mooring, nginx in front",
    "stock": "stock SageMaker stack",
    "fastapi": "FastAPI + ONNX Runtime",
    "litserve": "LitServe",
    "bentoml": "BentoML",
    "ray": "Ray Serve",
    "mlserver": "MLServer",
}
MODELS = {
    "distilbert": "DistilBERT-base, random weights: speed only, int8 ungated",
    "minilm": "the embedded MiniLM, real weights, our int8 gated",
}
TITLES = {
    "peers": "Side by side with others",
    "peers-avx2": "Side by side with others, on a CPU without int8 dot products",
}
"""Part of the figures → its heading; the plots' names begin with the part's."""
PRECISIONS = ("fp32", "bf16", "int8")
CLIENTS = ("1", "8", "16")
DASH = "–"
UNSTEADY = 1.25
"""Fastest over slowest round, from which on that is said."""


def section(found: dict[str, Any], part: str = "peers") -> str:
    """Markdown, from whatever phases there are."""
    parts = [_head(found, TITLES[part])]
    for model, title in MODELS.items():
        rows = {name: row for name, row in found["models"].get(model, {}).items() if "closed" in row}
        if rows:
            parts += [
                f"### {title}\n![Requests a second at 8 clients]({part}-{model}.svg)",
                _ratios(rows),
                *_unsteady(rows),
                *_other_runs(rows),
                *found.get("remarks", {}).get(model, ()),
                _ladder(rows),
            ]
            parts += [_all(rows), *_loads(rows, f"{part}-{model}-load.svg")]
    if any("agreement" in row for row in found["models"].get("minilm", {}).values()):
        parts.append(_agreement(found["models"]["minilm"]))
    parts += [_absent(found), _versions(found)]
    return "\n\n".join(parts)


def _head(found: dict[str, Any], title: str) -> str:
    context = next(iter(found["about"].values()))
    cores = ", ".join(map(str, context["cores"]))
    return f"""## {title}
`make bench-peers` remakes this. Each product in an environment of its own, the same model folder, the same SQuAD questions in the same
order (each asked once in a run; no cache of ours), all on cores {cores} with the client, which is wrk (C, one thread). Products take turns: each is
started, warmed, measured and ended in each of {context["rounds"]} rounds; figures are medians. wrk runs {context["seconds"]:g} s for each number of clients.
A configuration's name is product-precision-layout; 2x1 is two processes with a thread each, 1x2 one with two, *lanes* one process
that computes two requests at a time, *b4* batches of up to 4 where the product batches. LitServe, BentoML and Ray Serve run a service written by hand (`bench/peers/services/qa.py`), which does less work
for an answer than transformers' pipeline; the stock stack and MLServer run what they ship, where nothing else is said."""


def _ratios(rows: Rows) -> str:
    ours, theirs = _by_product(rows)
    best = best_of(ours, "8")
    if best is None or not theirs:
        return ""
    cells = []
    stock = {name: row for name, row in theirs.items() if row["product"] == "stock"}
    against = {
        "the stock stack as shipped": {name: row for name, row in stock.items() if row["layout"] == "default"},
        "the stock stack at fp32, best layout": at_precision(stock, "fp32"),
        "the stock stack at bf16, best layout": at_precision(stock, "bf16"),
        "the stock stack at int8, best layout": at_precision(stock, "int8"),
        "the best of all others": theirs,
    }
    for words, those in against.items():
        if other := best_of(those, "8"):
            ratio = rate_of(rows[best], "8") / rate_of(rows[other], "8")
            cells.append((f"requests/s at 8 clients, {best} against {words}", other, f"{ratio:.2f} ×"))
    for precision in PRECISIONS:
        mine, other = best_of(at_precision(ours, precision), "8"), best_of(at_precision(theirs, precision), "8")
        if mine and other:
            ratio = rate_of(rows[mine], "8") / rate_of(rows[other], "8")
            cells.append(
                (f"requests/s at 8 clients, {precision}, {mine} against the best other", other, f"{ratio:.2f} ×")
            )
    fastest = _fastest(ours)
    for words, those in {"the stock stack's best": stock, "the best of all others": theirs}.items():
        if fastest and (other := _fastest(those)):
            ratio = _latency(rows[fastest], "p50") / _latency(rows[other], "p50")
            cells.append((f"p50 at one client, {fastest} against {words}", other, f"1/{1 / ratio:.2f}"))
    return table(("compared", "with", "ratio"), cells)


def _ladder(rows: Rows) -> str:
    cells = []
    for precision in PRECISIONS:
        mine = best_of(at_precision(_by_product(rows)[0], precision), "8")
        for product, words in PRODUCTS.items():
            those = {name: row for name, row in at_precision(rows, precision).items() if row["product"] == product}
            busy, alone = best_of(those, "8"), _fastest(those)
            if busy is None or alone is None:
                continue
            rate, p50 = rate_of(rows[busy], "8"), _latency(rows[alone], "p50")
            ratio = f"{rate_of(rows[mine], '8') / rate:.2f}" if mine and product != "mooring" else DASH
            layouts = (rows[busy]["layout"], rows[alone]["layout"])
            cells.append((precision, words, f"{rate:.1f} ({layouts[0]})", ratio, f"{p50:.1f} ({layouts[1]})"))
    head = (
        "precision",
        "product",
        "requests/s at 8 clients (layout)",
        "ours is … times that",
        "p50 ms at 1 client (layout)",
    )
    return "Like with like; each product's best layout for the figure at hand:\n\n" + table(head, cells)


def _unsteady(rows: Rows) -> Iterable[str]:
    """Configurations whose rounds are so far apart that the figure between them says little."""
    for name, row in rows.items():
        seen = [run["per_second"] for run in row["closed"].get("8", ())]
        if seen and max(seen) > UNSTEADY * min(seen):
            rates = ", ".join(f"{rate:.1f}" for rate in seen)
            yield f"**Not steady:** the rounds of `{name}` at 8 clients gave {rates} requests/s. Do not lean on its ratio."


def _other_runs(rows: Rows) -> Iterable[str]:
    """Configurations that did not take turns with our best one: a part of the figures was remade without them."""
    best = best_of(_by_product(rows)[0], "8")
    mine = rows[best].get("run") if best else None
    others = [f"`{name}`" for name, row in rows.items() if row.get("run") != mine]
    if others:
        yield f"**Not in the run of `{best}`** but in one of another time, so that less is to be leaned on: {', '.join(others)}."


def _all(rows: Rows) -> str:
    clients = [count for count in CLIENTS if any(count in row["closed"] for row in rows.values())]
    head = ["configuration", *(f"req/s at {count}" for count in clients), "p50 ms at 1", "p99 ms at 1"]
    head += ["start to first answer, s", "MB (PSS)", "wrk's CPU, % of a core", "errors"]
    cells = []
    for name in sorted(rows, key=lambda name: (PRECISIONS.index(rows[name]["precision"]), -rate_of(rows[name], "8"))):
        row = rows[name]
        runs = [run for count in row["closed"].values() for run in count]
        cells.append(
            (
                name,
                *(f"{rate_of(row, count):.1f}" if count in row["closed"] else DASH for count in clients),
                f"{_latency(row, 'p50'):.1f}",
                f"{_latency(row, 'p99'):.1f}",
                f"{median(row['start_s']):.1f}",
                f"{median(row['memory']) / MEGABYTE:,.0f}",
                f"{100 * max(run['client_cpu'] for run in runs):.1f}",
                sum(run["errors"] for run in runs),
            )
        )
    settings = "\n".join(f"- `{name}`: {row['settings']}" for name, row in rows.items())
    return f"Every configuration:\n\n{table(head, cells)}\n\n{settings}"


def _loads(rows: Rows, plot: str) -> Iterable[str]:
    loaded = {name: row for name, row in rows.items() if "open" in row}
    if not loaded:
        return
    cells = []
    for name, row in loaded.items():
        for share, runs in row["open"].items():
            rate, p99 = (median([run[key] or float("inf") for run in runs]) for key in ("rate", "p99"))
            asked, errors = (sum(run[key] for run in runs) for key in ("requests", "errors"))
            cells.append(
                (
                    name,
                    f"{share} %",
                    f"{rate:.1f}",
                    f"{p99:.0f}" if p99 < float("inf") else "not answered in 30 s",
                    asked,
                    errors,
                )
            )
    words = """p99 with Poisson arrivals at a share of each one's own best rate (open loop; counted from when a request was due), the
fastest configuration of each product:"""
    yield f"{words}\n\n![p99 over load]({plot})"
    yield table(("configuration", "load", "requests/s", "p99 ms", "requests", "not answered"), cells)


def _agreement(rows: Rows) -> str:
    cells = []
    for name, row in rows.items():
        if "agreement" in row:
            found = row["agreement"]
            cells.append((name, f"{found['same']} of {found['questions']}", f"{found['f1']:.2f}"))
    reference = rows["reference"]
    text = f"""### The same answers?
MiniLM, {reference["questions"]} SQuAD questions, four at a time: how many spans are those of transformers' pipeline at fp32 (F1 {reference["f1"]:.2f} on these), and the
answers' F1. Whoever batches pads; int8 of ONNX Runtime scales its inputs by what else is in the batch.
"""
    return text + "\n" + table(("configuration", "same span", "F1"), cells)


def _absent(found: dict[str, Any]) -> str:
    """Who is not here, and who was given up."""
    absent: dict[str, str] = {}
    for context in found["about"].values():
        absent |= context["absent"]
    failed = {f"{name} ({model})": why for model, those in found["failed"].items() for name, why in those.items()}
    lines = [f"- {name}: {' '.join(why.split())[:300]}" for name, why in {**absent, **failed}.items()]
    products = {row["product"] for rows in found["models"].values() for row in rows.values() if "product" in row}
    return "\n".join(
        [
            f"### Not here\n{len(products)} products were measured, {len(absent)} could not be had, {len(failed)} configurations failed:\n",
            *lines,
        ]
    )


def _versions(found: dict[str, Any]) -> str:
    named: dict[str, dict[str, str]] = {}
    programs: dict[str, str] = {}
    for context in found["about"].values():
        named |= context["versions"]
        programs |= context["programs"]
    lines = [
        f"- {name}: {', '.join(f'{key} {value}' for key, value in those.items())}" for name, those in named.items()
    ]
    return "\n".join(["### Versions\n", *lines, f"- {'; '.join(programs.values())}"])


def _by_product(rows: Rows) -> tuple[Rows, Rows]:
    ours = {name: row for name, row in rows.items() if row["product"] == "mooring"}
    return ours, {name: row for name, row in rows.items() if name not in ours}


def at_precision(rows: Rows, precision: str) -> Rows:
    """Those that compute in it."""
    return {name: row for name, row in rows.items() if row["precision"] == precision}


def best_of(rows: Rows, clients: str) -> str | None:
    """The one with most requests a second; None if there is none."""
    return max(
        (name for name in rows if clients in rows[name]["closed"]),
        key=lambda name: rate_of(rows[name], clients),
        default=None,
    )


def _fastest(rows: Rows) -> str | None:
    return min(
        (name for name in rows if "1" in rows[name]["closed"]),
        key=lambda name: _latency(rows[name], "p50"),
        default=None,
    )


def rate_of(row: dict[str, Any], clients: str) -> float:
    """Requests a second, the median of the rounds."""
    return float(median(run["per_second"] for run in row["closed"][clients]))


def _latency(row: dict[str, Any], which: str) -> float:
    return float(median(run[which] for run in row["closed"]["1"]))


SECTIONS: Mapping[str, Callable[[Any], str]] = {part: functools.partial(section, part=part) for part in TITLES}
