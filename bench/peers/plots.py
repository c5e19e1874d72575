"""Plots of the peers' figures, as SVG beside the page. Called by `bench.peers`; needs matplotlib."""

from pathlib import Path
from statistics import median
from typing import Any

from bench.page_peers import MODELS, PRECISIONS, PRODUCTS, Rows, at_precision, best_of, rate_of


def plot(found: dict[str, Any], folder: Path, part: str) -> None:
    """PART-MODEL.svg and PART-MODEL-load.svg, for what has been measured."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "mooring"  # the same figures make the same file
    for model in MODELS:
        rows = {name: row for name, row in found["models"].get(model, {}).items() if "closed" in row}
        if rows:
            _bars(rows, MODELS[model], folder / f"{part}-{model}.svg")
        if loaded := {name: row for name, row in rows.items() if "open" in row}:
            _lines(loaded, MODELS[model], folder / f"{part}-{model}-load.svg")


def _bars(rows: Rows, title: str, target: Path) -> None:
    from matplotlib import pyplot as plt

    bars = []
    for precision in PRECISIONS:
        for product in PRODUCTS:
            those = {name: row for name, row in at_precision(rows, precision).items() if row["product"] == product}
            if best := best_of(those, "8"):
                bars.append((best, rate_of(rows[best], "8"), product == "mooring"))
    bars.sort(key=lambda bar: bar[1])
    figure, axes = plt.subplots(figsize=(8, 0.8 + 0.28 * len(bars)), layout="constrained")
    drawn = axes.barh([bar[0] for bar in bars], [bar[1] for bar in bars], color=[_colour(bar[2]) for bar in bars])
    axes.bar_label(drawn, fmt="%.1f", padding=3)
    axes.set_xlabel("requests a second, 8 clients")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _lines(rows: Rows, title: str, target: Path) -> None:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for name, row in rows.items():
        shares = list(row["open"])
        p99 = [median([run["p99"] or float("nan") for run in row["open"][share]]) for share in shares]
        ours = row["product"] == "mooring"
        axes.plot([int(share) for share in shares], p99, marker="o", label=name, linewidth=2.5 if ours else 1.2)
    axes.set_yscale("log")
    axes.set_xlabel("load, % of each one's own best rate")
    axes.set_ylabel("p99, ms")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _colour(ours: bool) -> str:
    return "#1f6f8b" if ours else "#b8c0c8"
