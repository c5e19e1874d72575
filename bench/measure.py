"""Run the benchmarks of docs/benchmarks.md and update its tables: `make bench`, optionally with names of parts.

    python -m bench.measure --squad FOLDER --distilbert FOLDER [--trial] [accuracy start throughput …]

Results are stored in docs/benchmarks.json, by part, with machine and date.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import container, distilbert, page, server
from bench.machine import machine

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
WORK = ROOT / ".work" / "bench"


def parts(squad: Path, source: Path) -> dict[str, Callable[[], Any]]:
    """Part name → function that measures it."""
    dev = squad / "dev-v1.1.json"

    def start() -> list[dict[str, Any]]:
        _, int8 = distilbert.models(source, squad, WORK)
        return server.start({"embedded MiniLM": None, "DistilBERT int8": str(int8)})

    def throughput() -> list[dict[str, Any]]:
        exact, int8 = map(str, distilbert.models(source, squad, WORK))
        few, many = {1: 200, 8: 300}, {1: 600, 8: 1_200}
        rows = server.throughput(exact, "DistilBERT bf16", dev, few, "--precision", "bf16")
        rows += server.throughput(int8, "DistilBERT int8", dev, few)
        return rows + server.throughput(None, "embedded MiniLM int8", dev, many)

    return {
        "accuracy": lambda: server.accuracy(ROOT / "models" / "minilm-squad", dev),
        "start": start,
        "use": lambda: server.use(dev, WORK),
        "growth": lambda: server.growth(dev),
        "share": lambda: server.http_share(dev),
        "throughput": throughput,
        "fairness": lambda: server.fairness(dev),
        "image": lambda: container.sizes(ROOT, WORK),
        "image-starts": container.starts,
        "image-memory": lambda: container.workers_memory(dev),
    }


def main() -> None:
    """Measure, store the results, and update the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="folder with dev-v1.1.json, train-44-articles.json")
    parser.add_argument("--distilbert", type=Path, required=True, help="folder with DistilBERT's config and tokenizer")
    parser.add_argument("--trial", action="store_true", help="print the results without changing docs/")
    parser.add_argument("parts", nargs="*", help="parts to measure  [default: all that need no container engine]")
    options = parser.parse_args()
    every = parts(options.squad, options.distilbert)
    if unknown := set(options.parts) - set(every):
        sys.exit(f"Unknown parts: {', '.join(sorted(unknown))}. Choose from {', '.join(every)}.")
    WORK.mkdir(parents=True, exist_ok=True)
    for name in options.parts or (name for name in every if not name.startswith("image")):
        print(f"{name} …", flush=True)
        figures = every[name]()
        print(json.dumps(figures), flush=True)
        if not options.trial:
            keep(name, figures)


def keep(name: str, figures: Any) -> None:
    """Store a part's results with date and machine, and update the page's tables."""
    kept: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    kept[name] = {"day": datetime.now(UTC).date().isoformat(), "machine": machine(), "figures": figures}
    FIGURES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page.fill(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")


if __name__ == "__main__":
    main()
