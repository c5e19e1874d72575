"""Loss curves of a training as one SVG."""

import json
from pathlib import Path

from mooring.charts import Axis, Series, line_chart

POINTS = 60
"""Points of a curve; each is the mean of as many steps as it stands for."""
NOT_LOSSES = {"step", "loss", "norm", "rate"}


def draw(log: Path, out: Path) -> bool:
    """Draw the losses of a training's log into `out`. False if there is nothing to draw, or matplotlib is missing."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    if not lines:
        return False
    names = [name for name in lines[0] if name not in NOT_LOSSES]
    names = names if len(names) > 1 else ["loss"]
    size = -(-len(lines) // POINTS)
    parts = [lines[at : at + size] for at in range(0, len(lines), size)]
    series = [
        Series(name, [(part[-1]["step"], sum(one[name] for one in part) / len(part)) for part in parts])
        for name in names
    ]
    svg = line_chart("Loss over training steps", Axis("step"), Axis("loss (mean, weighted)"), series)
    if svg:
        out.write_text(svg, encoding="utf-8")
    return bool(svg)
