"""What the machine's peak is, what the engine reaches of it, and where the rest of a batch's time goes. In process."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.engines import USUAL, graph_at, open_engine, precisions, served_precision
from bench.operations import encoder_of
from bench.product import Product
from mooring.backends.base import Window
from mooring.backends.openvino import HINTS, OpenVinoBackend
from mooring.backends.rewrites import REWRITES, rewrite_for
from mooring.cli.eval import spread
from mooring.engine.offline import answer_all
from mooring.graph.runtime import import_openvino
from mooring.quality.squad import read_squad
from mooring.tasks.base import Task

ROUNDS = 3
FEWEST, MOST = 36, 400
"""Questions of a pass. Fewer than 32 windows would never meet, and never be computed in streams."""
PASS_S = 3.0
"""About as long as a pass over the questions takes at half of the peak."""
BATCH = (8, 128)
LONG = (1, 384)
ALONE = replace(USUAL, streams=1)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "matrix products": ("FullyConnected", "FullyConnectedCompressed", "FullyConnectedQuantizedLegacy", "Convolution"),
    "attention": ("ScaledDotProductAttention", "Subgraph", "MatMul", "Softmax", "SoftMax"),
    "normalisation, activation": ("MVN", "MulAdd", "Add", "Multiply", "PowerStatic", "Eltwise", "Gelu", "FakeQuantize"),
}
"""Names of the nodes that OpenVINO's CPU plugin makes of our graphs. A `Subgraph` is fused attention; in int8 it is
products, softmax and scaling by themselves, and a `Convolution` is a product, too. Activations that are fused into a
product count with it."""
REST = "the rest"


Models = Mapping[str, tuple[Path, tuple[str, ...]]]
"""Name → an artefact of `moor build`, and the precisions to compute it at."""


def peak(models: Models, dev: Path, *, rounds: int = ROUNDS, pass_s: float = PASS_S) -> dict[str, Any]:
    """Products' speeds by precision, the engine's by model, precision and case in 10⁹ operations a second; profiles.

    Rounds go over everything that is measured; shares are medians of each round's own, so that a slow moment slows
    both. `pass_s` is about how long one pass over the questions is to take.
    """
    every = precisions()
    products = {precision: Product(precision) for precision in every}
    engines = [
        _Engine(name, precision, folder, _questions(dev, folder, products[precision].gops(), pass_s))
        for name, (folder, wanted) in models.items()
        for precision in wanted
    ]
    cases = {(one.name, one.precision, case): run for one in engines for case, run in one.cases().items()}
    for run in cases.values():
        run()
    peaks: dict[str, list[float]] = {precision: [] for precision in every}
    reached: dict[tuple[str, str, str], list[float]] = {key: [] for key in cases}
    for _ in range(rounds):
        for precision, product in products.items():
            peaks[precision].append(product.gops())
        for key, run in cases.items():
            reached[key].append(run())
    questions = {(one.name, one.precision): len(one.requests) for one in engines}
    for one in engines:
        one.close()
    return {
        "served": served_precision(),
        "rounds": rounds,
        "peaks": {precision: _spread(seen) for precision, seen in peaks.items()},
        "rows": [
            {
                "model": name,
                "precision": precision,
                "case": case,
                "questions": questions[name, precision] if case.startswith("SQuAD") else None,
                "gops": _spread(seen),
                "share": statistics.median(own / top for own, top in zip(seen, peaks[precision], strict=True)),
            }
            for (name, precision, case), seen in reached.items()
        ],
        "profiles": [
            {"model": name, "precision": precision, "shares": profile(folder, precision)}
            for name, (folder, wanted) in models.items()
            for precision in wanted
        ],
    }


def _spread(seen: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(seen), "least": min(seen), "most": max(seen)}


def _questions(dev: Path, folder: Path, gops: float, pass_s: float) -> list[dict[str, str]]:
    """As many as take about `pass_s`, spread over the file."""
    typical = encoder_of(folder).operations(170) / 1e9
    count = max(FEWEST, min(MOST, int(pass_s * gops / 2 / typical)))
    return [{"question": one.question, "context": one.context} for one in spread(read_squad(dev), count)]


@dataclass(slots=True)
class _Engine:
    """A model at a precision, once with one stream and once as it is served."""

    name: str
    precision: str
    folder: Path
    requests: list[dict[str, str]]
    _backends: tuple[OpenVinoBackend, ...] = ()

    def cases(self) -> dict[str, Callable[[], float]]:
        """Case → what computes it once and returns 10⁹ operations a second."""
        task, alone = open_engine(self.folder, self.precision, ALONE)
        _, streams = open_engine(self.folder, self.precision)
        streams.open_streams()
        self._backends = (alone, streams)
        found: dict[str, Callable[[], float]] = {}
        for rows, length in (BATCH, LONG):
            found[f"{length} × {rows}, everything"] = self._batch(alone, rows, length)
            found[f"{length} × {rows}, two streams"] = self._two(streams, rows, length)
        found["SQuAD, everything"] = self._stream(task, alone)
        found["SQuAD, two streams"] = self._stream(task, streams)
        return found

    def close(self) -> None:
        """Give the memory back."""
        for backend in self._backends:
            backend.close()

    def _batch(self, backend: OpenVinoBackend, rows: int, length: int) -> Callable[[], float]:
        """One batch on all threads."""
        operations, batch = rows * encoder_of(self.folder).operations(length), [_window(length)] * rows
        return lambda: _speed(operations, lambda: backend.run(batch))

    def _two(self, backend: OpenVinoBackend, rows: int, length: int) -> Callable[[], float]:
        """The same rows shared by two streams, at least one in each."""
        part = [_window(length)] * max(1, rows // 2)
        operations = 2 * len(part) * encoder_of(self.folder).operations(length)

        def both() -> None:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda stream: backend.run(part, stream=stream), range(2)))

        return lambda: _speed(operations, both)

    def _stream(self, task: Task, backend: OpenVinoBackend) -> Callable[[], float]:
        """Questions at their real lengths, tokenised, batched, computed, decoded."""
        encoder, parsed = encoder_of(self.folder), [task.parse(request) for request in self.requests]
        operations = sum(encoder.operations(len(one)) for each in parsed for one in task.prepare(each).windows)
        return lambda: _speed(operations, lambda: list(answer_all(task, backend, parsed)))


def _window(length: int) -> Window:
    ids = np.arange(1000, 1000 + length, dtype=np.int32)
    return Window(ids, np.zeros(length, np.int32))


def _speed(operations: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return operations / (time.perf_counter() - began) / 1e9


def profile(folder: Path, precision: str) -> dict[str, float]:
    """Shares of one full batch's time by group of nodes, as OpenVINO's own counters have it."""
    ov = import_openvino()
    config = {"INFERENCE_PRECISION_HINT": HINTS[precision], "NUM_STREAMS": "1", "PERF_COUNT": "YES"}
    graph = REWRITES[rewrite_for(precision)](graph_at(folder, precision))
    request = ov.Core().compile_model(graph, "CPU", config).create_infer_request()
    inputs = {port.get_any_name(): np.ones(BATCH, np.int32) for port in request.model_inputs}
    for _ in range(3):
        request.infer(inputs)
    seconds: dict[str, float] = {}
    for node in request.get_profiling_info():
        seconds[node.node_type] = seconds.get(node.node_type, 0.0) + node.real_time.total_seconds()
    return grouped(seconds)


def grouped(seconds: Mapping[str, float]) -> dict[str, float]:
    """Node type → seconds, to group → share of all."""
    group_of = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
    shares = dict.fromkeys((*GROUPS, REST), 0.0)
    whole = sum(seconds.values()) or 1.0
    for kind, taken in seconds.items():
        shares[group_of.get(kind, REST)] += taken / whole
    return shares
