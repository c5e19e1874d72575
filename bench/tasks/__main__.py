"""Compare the speed of Mooring and other libraries on embeddings, classification and reranking.

    python -m bench.tasks --models FOLDER --peers PYTHON [--server NAME=URL …] [--rounds 5] [--out FILE]

FOLDER holds all-MiniLM-L6-v2 as `minilm`, a DistilBERT classifier as `distilbert` and a cross-encoder of six layers as
`reranker`, each also built by `moor build` as NAME-int8, and exported with `export.py`. PYTHON is an interpreter with
the other libraries. All products run in turns, each in its own process; a figure is the median over the rounds of the
median of one round's calls.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import machine

WORDS = [
    "the",
    "river",
    "runs",
    "past",
    "old",
    "stone",
    "houses",
    "and",
    "a",
    "small",
    "market",
    "where",
    "people",
    "sell",
    "bread",
]
CALLS = 5
"""Calls of one product in one round; the first is not counted."""


@dataclass(frozen=True)
class Case:
    """One table row."""

    task: str
    model: str
    tokens: int
    """Tokens of each text, about one per word."""
    batch: int


CASES = (
    *(Case("embed", "minilm", tokens, batch) for batch in (1, 32) for tokens in (16, 128, 256)),
    *(Case("classify", "distilbert", 128, batch) for batch in (1, 32)),
    Case("rank", "reranker", 128, 32),
)
PEERS = ("sentence-transformers", "onnx-int8", "fastembed")


class Worker:
    """A product's process with one model open."""

    def __init__(self, python: str, product: str, folder: Path | str) -> None:
        self.product = product
        command = [python, str(Path(__file__).with_name("worker.py")), product, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, request: dict[str, Any]) -> float:
        """The time of one call. Raises RuntimeError if the product failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise RuntimeError(self.product) from error
        for line in self._process.stdout:
            if line.startswith("@"):
                return float(json.loads(line[1:])["seconds"])
        raise RuntimeError(self.product)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(60)


def request_of(case: Case) -> dict[str, Any]:
    """Texts of about that many tokens, all different."""
    count = case.tokens - 2 - (6 if case.task == "rank" else 0)
    texts = [" ".join(WORDS[(place + n) % len(WORDS)] for n in range(count)) for place in range(case.batch)]
    return {"task": case.task, "texts": texts, "query": "where do people go"}


def measure(case: Case, workers: list[Worker], rounds: int) -> dict[str, float]:
    """Product → texts per second."""
    request = request_of(case)
    times: dict[str, list[float]] = {worker.product: [] for worker in workers}
    for number in range(rounds):
        for worker in workers[number % len(workers) :] + workers[: number % len(workers)]:
            try:
                worker.seconds(request)
                calls = [worker.seconds(request) for _ in range(CALLS - 1)]
            except RuntimeError as error:
                print(f"{case}: {error} failed", file=sys.stderr)
                continue
            times[worker.product].append(statistics.median(calls))
    return {product: case.batch / statistics.median(found) for product, found in times.items() if found}


def main() -> None:
    """Measure every case and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--server", action="append", default=[], metavar="NAME=URL", help="of an embeddings API")
    parser.add_argument("--batch", type=int, help="measure only this batch size")
    parser.add_argument("--tokens", type=int, help="measure only this length")
    given = parser.parse_args()
    cases = [one for one in CASES if given.batch in (None, one.batch) and given.tokens in (None, one.tokens)]
    rows = []
    for model in dict.fromkeys(case.model for case in cases):
        folder, built = given.models / model, given.models / f"{model}-int8"
        workers = [Worker(sys.executable, "mooring", folder)]
        workers += [Worker(sys.executable, "mooring-int8", built)] if built.is_dir() else []
        peers = [name for name in PEERS if model == "minilm" or name != "fastembed"]
        workers += [Worker(given.peers, name, folder) for name in peers]
        if model == "minilm":
            servers = [text.partition("=") for text in given.server]
            workers += [Worker(sys.executable, f"http@{name}", url) for name, _, url in servers]
        for case in cases:
            if case.model == model:
                row = {"task": case.task, "model": model, "tokens": case.tokens, "batch": case.batch}
                rows.append({**row, "texts_per_second": measure(case, workers, given.rounds)})
                print(json.dumps(rows[-1]), flush=True)
        for worker in workers:
            worker.close()
    if given.out:
        given.out.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
