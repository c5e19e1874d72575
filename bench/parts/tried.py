"""What was tried for the engine beside what it does: each in a process of its own, by turns, as a ratio to ours."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.engines import USUAL, Shape, served_precision
from bench.variant import Spec
from mooring.backends.cpu import avx2_alone, has_bf16

ROUNDS = 3
FEWEST, MOST = 40, 400
PASS_S = 2.0
"""How long our own pass over the questions is to take."""
OURS = "as it is: two streams, 512 tokens"
FROM_WEIGHTS = "fp32 from the weights, as it is"
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@dataclass(frozen=True, slots=True)
class Variant:
    """What is different."""

    shape: Shape = USUAL
    properties: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    weights: bool = False
    """From the weights in fp32, not from the artefact."""
    plain: bool = False
    """Not rewritten for the CPU."""
    precision: str | None = None
    """Of the artefact; None is the one that it is served in."""
    against: str = OURS
    """Which one it is compared with."""


def variants(precision: str) -> dict[str, Variant]:
    """Name → what is different; ours first."""
    found = {
        OURS: Variant(),
        "one stream on all cores": Variant(Shape(streams=1)),
        "batches of 1": Variant(Shape(batches=(1,))),
        "up to 256 tokens": Variant(Shape(batch_tokens=256)),
        "up to 1,024 tokens": Variant(Shape(batch_tokens=1024)),
        "up to 1,024 tokens, one stream": Variant(Shape(streams=1, batch_tokens=1024)),
        "a length every 16 tokens": Variant(Shape(lengths=tuple(range(16, 513, 16)))),
        "threads pinned to cores": Variant(properties={"ENABLE_CPU_PINNING": "YES"}),
        "hyper-threading off": Variant(properties={"ENABLE_HYPER_THREADING": "NO"}),
        "transparent huge pages": Variant(environ={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}),
    }
    if precision == "int8" and has_bf16():
        found["bf16 around int8"] = Variant(properties={"INFERENCE_PRECISION_HINT": "bf16"})
    if precision == "int8" and avx2_alone():
        found["int8 as products, in which sums are cut off"] = Variant(plain=True)
        found["in fp32"] = Variant(precision="fp32")
    found[FROM_WEIGHTS] = Variant(weights=True, against=FROM_WEIGHTS)
    if avx2_alone():
        found["fp32, activations within products"] = Variant(weights=True, plain=True, against=FROM_WEIGHTS)
    return found


def tried(folder: Path, weights: Path, dev: Path, *, rounds: int = ROUNDS, pass_s: float = PASS_S) -> dict[str, Any]:
    """Speeds by variant, as ratios to ours in the same round: above 1 is faster than ours.

    `folder` holds an int8 artefact and `weights` what it was built from.
    """
    precision = served_precision()
    every = variants(precision)
    with ExitStack() as running:
        places = {
            name: (weights, "fp32", dev) if one.weights else (folder, one.precision or precision, dev)
            for name, one in every.items()
        }
        turns = {name: running.enter_context(_running(*places[name], one)) for name, one in every.items()}
        for each in turns.values():
            each(FEWEST)
        questions = max(FEWEST, min(MOST, int(FEWEST * pass_s / turns[OURS](FEWEST))))
        seen = [{name: each(questions) for name, each in turns.items()} for _ in range(rounds)]
    return {
        "precision": precision,
        "questions": questions,
        "rounds": rounds,
        "huge_pages": HUGE_PAGES.read_text().strip() if HUGE_PAGES.is_file() else None,
        "per_second": questions / statistics.median(one[OURS] for one in seen),
        "rows": [
            {"name": name, **_ratio([round_[one.against] / round_[name] for round_ in seen])}
            for name, one in every.items()
            if name != FROM_WEIGHTS
        ],
    }


def _ratio(seen: list[float]) -> dict[str, float]:
    return {"ratio": statistics.median(seen), "least": min(seen), "most": max(seen)}


class _Turn:
    """A process that waits until it is its turn."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, questions: int) -> float:
        """Seconds for so many."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{questions}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextmanager
def _running(folder: Path, precision: str, dev: Path, variant: Variant) -> Iterator[_Turn]:
    spec = Spec(str(folder), precision, str(dev), variant.shape, dict(variant.properties), variant.plain)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.variant", spec.dumps()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variant.environ},
        cwd=Path(__file__).resolve().parents[2],
    )
    with process:
        yield _Turn(process)
        assert process.stdin is not None
        process.stdin.close()
