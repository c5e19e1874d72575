"""The engine reads weights only from memory that stays for as long as it may: a process that errs there dies."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mooring.model.weights import SINGLE_FILE
from tests.support.tiny_models import save_as, write_tiny_bert

pytestmark = pytest.mark.wire

EMBEDDED = Path(sys.modules["mooring"].__file__ or "").parent / "_embedded" / "minilm-squad"
DTYPES = ("F32", "F16", "BF16")

LOAD = """
import gc, itertools, os, sys, threading
from pathlib import Path

import numpy as np

from mooring.backends.base import ShapeGrid, Window
from mooring.backends.compiled import CompileCache
from mooring.backends.openvino import OpenVinoBackend
from mooring.graph.source import Artefact, Checkpoint
from mooring.model.folder import ModelFolder

folder, precision, cached = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
kind = Artefact if precision == "int8" else lambda opened: Checkpoint(opened, "span")
grid = ShapeGrid(lengths=(32, 64), batches=(1, 2), tokens=64)
ids = np.arange(5, 25, dtype=np.int32)
window = Window(ids, np.zeros(20, np.int32))

def rounds(backend, stream, seen):
    for _ in range(20):
        for count in (1, 2):
            seen += [row for rows in backend.run([window] * count, stream=stream) for row in rows]

first = None
for threads, streams, cache in itertools.product((1, 2), (1, 2), (None, CompileCache(cached, 1 << 30, str(folder)))):
    backend = OpenVinoBackend(
        kind(ModelFolder(folder)), precision=precision, grid=grid, threads=threads, streams=streams, cache=cache
    )
    gc.collect()
    junk = [np.full(1 << 18, np.nan, np.float32) for _ in range(64)]  # into whatever memory was given back
    del junk
    backend.open_streams()
    gc.collect()
    seen = []
    if streams == 1:
        rounds(backend, None, seen)
    else:
        callers = [threading.Thread(target=rounds, args=(backend, stream, seen)) for stream in range(streams)]
        [caller.start() for caller in callers]
        [caller.join() for caller in callers]
    first = first if first is not None else seen[0]
    assert len(seen) == 2 * 60 * streams
    worst = max(float(np.abs(row - other).max()) for row, other in zip(seen, itertools.cycle(seen[:2])))
    assert worst < 1e-4, worst
    assert np.abs(seen[0] - first).max() < 1e-4
    backend.close()
print("alive", float(first.sum()))
"""


def load(folder: Path, precision: str, cache: Path) -> float:
    """Every number of threads and streams, with and without a cache, under concurrent load; the sum of an output."""
    command = [sys.executable, "-c", LOAD, str(folder), precision, str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-2000:]}"
    return float(done.stdout.split()[1])


def test_every_type_of_weight_survives_every_layout(tmp_path: Path) -> None:
    """And gives the numbers of the same weights in float32."""
    sums = {}
    for dtype in DTYPES:
        folder = write_tiny_bert(tmp_path / dtype)
        # Values that bfloat16 holds exactly: all three are one model.
        rounded = {
            name: (array.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
            for name, array in load_file(folder / SINGLE_FILE).items()
        }
        save_as(rounded, dtype, folder / SINGLE_FILE)
        sums[dtype] = load(folder, "fp32", tmp_path / f"cache-{dtype}")
    assert sums["BF16"] == pytest.approx(sums["F32"], abs=1e-4)
    assert sums["F16"] == pytest.approx(sums["F32"], abs=1e-2)


def test_an_artefact_survives_every_layout(tmp_path: Path) -> None:
    """Its int8 weights are read from one file."""
    assert load(EMBEDDED, "int8", tmp_path / "cache")
