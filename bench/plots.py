"""Plots of how cost grows, as SVG beside the page. Called by `measure.py`; needs matplotlib."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

OURS = "#1f6f8b"
OTHER = "#b0653a"
MEGABYTE = 1_000_000


def draw(name: str, figures: Any, folder: Path) -> None:
    """NAME.svg of a part, if it has a plot; the same figures make the same file."""
    if name not in PLOTS:
        return
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "mooring"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    PLOTS[name](axes, figures)
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def _length(axes: Sequence[Any], found: dict[str, Any]) -> None:
    lengths, windows = found["lengths"], found["windows"]
    _line(axes[0], [row["tokens"] for row in lengths], [row["p50"] for row in lengths], "tokens of a window", "p50, ms")
    many, seconds = [row["windows"] for row in windows], [row["seconds"] for row in windows]
    _line(axes[1], many, seconds, "windows of a request", "s", log=True)


def _clients(axes: Sequence[Any], rows: list[dict[str, Any]]) -> None:
    clients = [row["clients"] for row in rows]
    _line(axes[0], clients, [row["per_second"] for row in rows], "clients", "answers a second")
    axes[0].set_xscale("log", base=2)
    for name, colour in (("p50", OURS), ("p99", OTHER)):
        seen = [float("nan") if row[name] is None else row[name] for row in rows]
        _line(axes[1], clients, seen, "clients", "ms", log=True, colour=colour, label=name)
    axes[1].legend(fontsize=8)


def _memory(axes: Sequence[Any], rows: list[dict[str, int]]) -> None:
    windows, seen = [row["windows"] for row in rows], [row["bytes"] / MEGABYTE for row in rows]
    _line(axes[0], windows, seen, "windows in the queue", "MB", zero=True)
    _line(axes[1], windows, [one - seen[0] for one in seen], "windows in the queue", "MB more than empty")


def _layouts(axes: Sequence[Any], found: dict[str, Any]) -> None:
    for axis, name in zip(axes, ("streams", "workers"), strict=True):
        rows = found[name]
        seen = [row["bytes"] / MEGABYTE for row in rows]
        _line(axis, [row[name] for row in rows], seen, name, "MB", zero=bool(rows))


def _line(axis: Any, x: Sequence[float], y: Sequence[float], label_x: str, label_y: str, **more: Any) -> None:
    """`more`: log (both axes), zero (y begins there), colour, label."""
    axis.plot(x, y, marker="o", color=more.get("colour", OURS), label=more.get("label"))
    axis.set_xlabel(label_x)
    axis.set_ylabel(label_y)
    if more.get("log"):
        axis.set_xscale("log")
        axis.set_yscale("log")
    if more.get("zero"):
        axis.set_ylim(bottom=0)


PLOTS: Mapping[str, Callable[[Sequence[Any], Any], None]] = {
    "growth-length": _length,
    "growth-clients": _clients,
    "growth-memory": _memory,
    "growth-layouts": _layouts,
}
