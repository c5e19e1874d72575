"""Update the tables of docs/benchmarks.md. Text and column definitions are written by hand, in the page:

    <!-- table throughput
    clients: {clients}
    requests/s: {per_second:.1f}
    -->
    (generated: the table, with its machine, date and command)
    <!-- end -->

Each line is a column: its header, and its cell as a `str.format` template with fields of the table's rows (ROWS).
Results come from docs/benchmarks.json.
"""

import math
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

BLOCK = re.compile(r"(<!-- table (?P<name>.+?)\n(?P<columns>.*?)-->\n).*?(?P<end><!-- end -->)", re.DOTALL)
NOTHING = "Not measured yet."
UNSTEADY = 1.25
"""Ratio of fastest to slowest round; above it, a table shows both."""
Figures = Mapping[str, Any]


class Cells(string.Formatter):
    """`str.format` with the format `MB` for bytes: `{size:MB}`."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format one field."""
        return f"{value / 1e6:,.0f}" if format_spec == "MB" else str(super().format_field(value, format_spec))


def fill(text: str, kept: Figures) -> str:
    """The page `text` with tables filled from `kept`: part → date, machine and results.

    Raises KeyError for an unknown table or field.
    """
    letters = machines(kept)

    def written(found: re.Match[str]) -> str:
        part, rows = ROWS.get(found["name"], (found["name"], _as_kept))
        if found["name"] == "machines":
            body = "\n".join(f"- machine {letter}: {machine}" for machine, letter in letters.items()) or NOTHING
        elif part in kept:
            where = f"*Machine {letters[kept[part]['machine']]}, {kept[part]['day']}, `{command(part)}`*"
            body = f"{table(found['columns'], rows(kept[part]['figures']))}\n\n{where}"
        elif part in PARTS:
            body = NOTHING
        else:
            raise KeyError(part)
        return f"{found[1]}{body}\n{found['end']}"

    return BLOCK.sub(written, text)


def table(columns: str, rows: Iterable[Figures]) -> str:
    """A Markdown table."""
    cells = dict(line.split(": ", 1) for line in columns.splitlines())
    body = [[Cells().format(cell, **row) for cell in cells.values()] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in (cells, ["---"] * len(cells), *body))


def machines(kept: Figures) -> dict[str, str]:
    """Machine → letter, in the order of first use."""
    first: dict[str, str] = {}
    for part in kept.values():
        first[part["machine"]] = min(part["day"], first.get(part["machine"], part["day"]))
    order = sorted(first, key=lambda machine: (first[machine], machine))
    return dict(zip(order, string.ascii_uppercase, strict=False))


def command(part: str) -> str:
    """The command that measures a part."""
    target, _, rest = part.partition("-")
    commands = {
        "peers": "make bench-peers",
        "soak": f"make soak PARTS={rest}",
        "image": "make bench-image",
        "storm": "make storm",
        "overload": f"make overload PARTS={rest}",
    }
    return commands.get(target, f"make bench PARTS={part}")


def _as_kept(found: Any) -> Iterable[Figures]:
    return found if isinstance(found, list) else [found]


def _growth(found: Figures) -> list[Figures]:
    return [{**found, "grown": found["after_5500"] / found["after_500"] - 1}]


def _share(found: Figures) -> list[Figures]:
    inside = {"where": "in process", "rate": found["in_process"], "part": 1, "p50": "–", "p99": "–", "cpu": "–"}
    latency = {name: f"{found['latency_ms'][name]:.0f}" for name in ("p50", "p99")}
    cpu, where = f"{found['client_cpu_of_one_core']:.1%}", f"HTTP, {found['clients']} clients"
    return [inside, {"where": where, "rate": found["http"], "part": found["share"], "cpu": cpu, **latency}]


def _fairness(found: Figures) -> list[Figures]:
    named = {"idle": found["idle"], f"computing a request of {found['windows']:,} windows": found["busy"]}
    return [{"server": name, "times": one["p99"] / found["idle"]["p99"], **one} for name, one in named.items()]


def _closed(model: str) -> Callable[[Figures], list[Figures]]:
    """Configurations of a model by precision, fastest first; medians over the rounds."""

    def rows(found: Figures) -> list[Figures]:
        those = [(name, row) for name, row in found["models"].get(model, {}).items() if "closed" in row]
        those.sort(key=lambda one: (one[1]["precision"], -middle(one[1]["closed"]["8"], "per_second")))
        return [
            {
                "name": name,
                **{f"at{count}": _rates(runs) for count, runs in row["closed"].items()},
                **{key: middle(row["closed"]["1"], key) for key in ("p50", "p99")},
                "start": median(row["start_s"]),
                "memory": median(row["memory"]),
                "errors": sum(run["errors"] for runs in row["closed"].values() for run in runs),
                "run": row["run"],
            }
            for name, row in those
        ]

    return rows


def _open(model: str) -> Callable[[Figures], list[Figures]]:
    """Open-loop results of a model, by share of each configuration's own best rate."""

    def rows(found: Figures) -> list[Figures]:
        return [
            {
                "name": name,
                "load": load,
                **{key: middle(runs, key) for key in ("rate", "p99")},
                **{key: sum(run[key] for run in runs) for key in ("requests", "errors")},
            }
            for name, row in found["models"].get(model, {}).items()
            for load, runs in row.get("open", {}).items()
        ]

    return rows


def middle(runs: Sequence[Figures], key: str) -> float:
    """The median of the rounds; a round without answers counts as infinite."""
    return float(median(math.inf if run[key] is None else run[key] for run in runs))


def _rates(runs: Sequence[Figures]) -> str:
    seen = [run["per_second"] for run in runs]
    apart = max(seen) > UNSTEADY * min(seen)
    return f"{median(seen):.1f}" + (f" ({min(seen):.1f} to {max(seen):.1f})" if apart else "")


def _storm(found: Figures) -> list[Figures]:
    """A row per set of workers."""
    rows: list[Figures] = []
    for name, one in found["sets"].items():
        ok, refused = (one["outcomes"].get(status, 0) for status in ("200", "429"))
        counts = {"ok": ok, "refused": refused, "others": one["requests"] - ok - refused}
        rows.append({"workers": name, **one, **counts})
    return rows


def _overload(found: Figures) -> list[Figures]:
    """A row per load."""
    shared = {key: found[key] for key in ("own_p99_ms", "warm", "idle")}
    return [{**shared, **row} for row in found["loads"]]


PARTS = (
    *("accuracy", "start", "use", "growth", "share", "throughput", "fairness", "image", "image-starts", "image-memory"),
    *("soak-kills", "soak-stop", "peers", "peers-avx2", "storm"),
    *(f"overload-{model}-{front}" for model in ("distilbert", "embedded") for front in ("direct", "nginx")),
)
ROWS: dict[str, tuple[str, Callable[[Any], Iterable[Figures]]]] = {
    "growth": ("growth", _growth),
    "share": ("share", _share),
    "storm": ("storm", _storm),
    "fairness": ("fairness", _fairness),
    **{part: (part, _overload) for part in PARTS if part.startswith("overload")},
    **{
        f"{part} {model}{which}": (part, rows(model))
        for part in ("peers", "peers-avx2")
        for model in ("distilbert", "minilm")
        for which, rows in (("", _closed), (" loads", _open))
    },
}
"""Tables whose rows are derived from a part's results: table name → part and row function."""
