"""What a server takes of memory: when it is loaded, when it is warm, and whether it grows with use."""

from pathlib import Path
from typing import Any

from bench.parts.serving import as_computed, random_lengths
from bench.processes import load, pss_bytes, serving


def loading(models: dict[str, tuple[str | None, str | None]]) -> list[dict[str, Any]]:
    """Name → (source, precision): bytes on disk, and resident memory at and after loading."""
    rows = []
    for said, (source, precision) in models.items():
        with serving(source, *(["--precision", precision] if precision else [])) as server:
            facts = server.info()["load"]
            name = as_computed(said, server.info()["backend"]["precision"])
            rows.append({"model": name, **facts, "warm": pss_bytes(server.process.pid)})
    return rows


def growth(dev: Path, folder: Path) -> dict[str, Any]:
    """Memory of the embedded model's server after the warm-up, and after 5,000 requests of random length."""
    file = random_lengths(dev, folder / "random-lengths.json", 5_000)
    with serving(None) as server:
        warm = pss_bytes(server.process.pid)
        load(server, file, 8, 500)
        first = pss_bytes(server.process.pid)
        seen = load(server, file, 8, 5_000)
        last = pss_bytes(server.process.pid)
    return {"warm": warm, "after_500": first, "after_5500": last, "per_second": seen["per_second"]}
