"""Measure what docs/benchmarks.md says and write it again: `make bench`, or with names of parts only those.

    python -m bench.measure --squad FOLDER --distilbert FOLDER [accuracy start throughput …]

Figures are kept in docs/benchmarks.json, part by part, each with the machine and the day that it was measured on.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import distilbert, page, plots
from bench.engines import EMBEDDED, precisions, served_precision
from bench.machine import machine
from bench.parts import accuracy, container, engine, growth, less_work, memory, serving, start, tried

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "benchmarks.json"
WORK = ROOT / ".work" / "bench"
MODEL = ROOT / "models" / "minilm-squad"
EMBEDDED_NAME = "embedded MiniLM"


def parts(squad: Path, source: Path) -> dict[str, Callable[[], Any]]:
    """Name → what measures it."""
    dev, train = squad / "dev-v1.1.json", squad / "train-44-articles.json"

    def random_model() -> str:
        return str(distilbert.write_distilbert(source, WORK / "distilbert"))

    def random_int8() -> str:
        return str(distilbert.build_int8(Path(random_model()), WORK / "distilbert-int8", train))

    def throughput() -> list[dict[str, Any]]:
        few, many = {1: 200, 8: 300}, {1: 600, 8: 1_200}
        rows = serving.clients(random_model(), "DistilBERT bf16", dev, few, "--precision", "bf16")
        rows += serving.clients(random_int8(), "DistilBERT int8", dev, few)
        return rows + serving.clients(None, "embedded MiniLM int8", dev, many)

    def loading() -> list[dict[str, Any]]:
        models = {
            "embedded MiniLM int8": (None, None),
            "MiniLM, fp16 safetensors (45 MB), fp32": (str(MODEL), "fp32"),
            "MiniLM, fp16 safetensors (45 MB), bf16": (str(MODEL), "bf16"),
            "DistilBERT, fp32 safetensors (265 MB), bf16": (random_model(), "bf16"),
            "DistilBERT int8": (random_int8(), None),
        }
        return memory.loading(models)

    def peak() -> dict[str, Any]:
        # The small one at everything that this CPU has, the large one as it is served: it would take minutes.
        served = (served_precision(),)
        models = {EMBEDDED_NAME: (EMBEDDED, precisions()), "DistilBERT": (Path(random_int8()), served)}
        return engine.peak(models, dev)

    return {
        "accuracy": lambda: accuracy.accuracy(MODEL, dev),
        "batches": lambda: accuracy.batches(MODEL, dev),
        "start": lambda: start.start({EMBEDDED_NAME: None, "DistilBERT int8": random_int8()}),
        "loading": loading,
        "use": lambda: memory.use(dev, WORK),
        "growth": lambda: memory.growth(dev, WORK),
        "share": lambda: serving.http_share(dev),
        "throughput": throughput,
        "fairness": lambda: serving.fairness(dev),
        "less-work": lambda: less_work.less_work(dev),
        "peak": peak,
        "tried": lambda: tried.tried(EMBEDDED, MODEL, dev),
        "growth-length": lambda: growth.length(dev),
        "growth-clients": lambda: growth.clients(dev),
        "growth-memory": lambda: growth.memory(dev),
        "growth-layouts": lambda: growth.layouts(dev),
        "image": lambda: container.image(ROOT, WORK),
        "image-starts": container.starts,
        "image-memory": lambda: container.workers_memory(dev),
        "image-layouts": lambda: container.layouts(dev),
    }


def main() -> None:
    """Measure, keep, render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--squad", type=Path, required=True, help="folder with dev-v1.1.json and train-44-articles.json"
    )
    parser.add_argument("--distilbert", type=Path, required=True, help="folder with config and tokenizer of DistilBERT")
    parser.add_argument("parts", nargs="*", help="by default all that need no container engine")
    options = parser.parse_args()
    every = parts(options.squad, options.distilbert)
    if unknown := set(options.parts) - set(every):
        sys.exit(f"There is no {', '.join(sorted(unknown))}. There are: {', '.join(every)}.")
    WORK.mkdir(parents=True, exist_ok=True)
    for name in options.parts or (name for name in every if not name.startswith("image")):
        print(f"{name} …", flush=True)
        figures = every[name]()
        print(json.dumps(figures), flush=True)
        keep(name, figures)


def keep(name: str, figures: Any) -> None:
    """Put a part's figures among the others, with day and machine, and write the page."""
    kept: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    kept[name] = {"day": datetime.now(UTC).date().isoformat(), "machine": machine(), "figures": figures}
    FIGURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    page.write(kept, ROOT / "docs" / "benchmarks.md")
    plots.draw(name, figures, ROOT / "docs")


if __name__ == "__main__":
    main()
