"""Compute batches with OpenVINO on the CPU. Called by the engine's worker threads."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mooring.backends.base import (
    Axis,
    BackendChoice,
    BackendKind,
    BackendOptions,
    Floats,
    Ids,
    Outputs,
    OutputSpec,
    ShapeGrid,
    Window,
)
from mooring.backends.compiled import CompileCache
from mooring.backends.cpu import capabilities, fast_int8, int8_support
from mooring.backends.grid import default_grid, streams_for, usable_threads
from mooring.backends.precision import precision_for
from mooring.backends.rewrites import QUANTISED, REWRITES, rewrite_for
from mooring.errors import BackendError, ModelInvalid, UsageError, echo
from mooring.graph.dequantise import dequantised
from mooring.graph.heads import POSITIONS
from mooring.graph.lookups import narrow_lookups
from mooring.graph.runtime import gist, import_openvino
from mooring.graph.source import GraphSource
from mooring.model.manifest import Manifest

HINTS: Mapping[str, str] = {"fp32": "f32", "bf16": "bf16", "int8": "f32", "mixed": "f32"}
"""Our precision → OpenVINO's precision for operations without one in the graph.

Always set: OpenVINO's default is bf16 on CPUs that have it, also around int8 operations, and then an answer depends on
the other rows of its batch. int8 and mixed graphs contain their int8 operations; everything else stays fp32.
"""


class OpenVinoBackend:
    """A model compiled for all threads and, on demand, again for several streams.

    Both compilations share the weights; each keeps its own copy of repacked weights.
    """

    def __init__(
        self,
        source: GraphSource,
        *,
        precision: str,
        grid: ShapeGrid,
        threads: int = 0,
        streams: int = 1,
        dequantise: bool = False,
        cache: CompileCache | None = None,
    ) -> None:
        """The backend owns `source` and closes it once nothing is left to compile; `threads` 0 means all cores.

        `dequantise` computes int8 operations in floating point. `cache` is searched before the model is compiled.
        Raises ModelInvalid if the graph cannot be read or compiled, UsageError for an unknown precision.
        """
        if precision not in HINTS:
            raise UsageError(f"Unknown precision {echo(precision)}. Choose from {', '.join(HINTS)}.")
        self._ov = import_openvino()
        self._grid = grid
        self._precision = precision
        self._hint = HINTS[precision]
        self._threads = threads or usable_threads()
        self._streams = streams
        self._dequantise = dequantise
        self._rewrite = rewrite_for(precision)
        self._cache = cache
        self._source = source
        self._model: Any = None
        """The graph, kept until the streams are compiled too."""
        self._found = False
        try:
            self._compiled: Any = self._compile(1, self._threads)
        except BaseException:
            self._forget()
            raise
        if self._streams == 1:
            self._forget()
        self._request: Any = self._compiled.create_infer_request()
        self._opening = threading.Lock()
        self._requests: list[Any] = []
        self._inputs = tuple(port.get_any_name() for port in self._compiled.inputs)
        kind: Axis = "position" if POSITIONS in self._inputs else "token"
        self._outputs = tuple(_spec(port, kind) for port in self._compiled.outputs)

    def _graph(self) -> Any:
        """The model to compile. Rewritten each time: dequantized it takes four times the memory."""
        if self._model is None:
            # In bf16 a product would be rounded where only a factor was before.
            self._model = self._source.model() if self._hint == "bf16" else narrow_lookups(self._source.model())
            self._source.drop()
        model = dequantised(self._model) if self._dequantise else self._model
        return REWRITES[self._rewrite](model)

    def _compile(self, streams: int, threads: int) -> Any:
        config = {
            "INFERENCE_PRECISION_HINT": self._hint,
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(threads),
            # Pinning starts at core 0 in every process: two processes would share a core and leave another idle.
            "ENABLE_CPU_PINNING": "NO",
        }
        core = self._ov.Core()
        try:
            if self._cache is None:
                return core.compile_model(self._graph(), "CPU", config)
            variant = f"dequantised {self._dequantise}, rewritten {self._rewrite}"
            if self._cache.has(config, variant):
                self._source.drop()  # frees weights that are no longer needed
            opened = self._cache.open(core, self._graph, config, variant=variant)
        except RuntimeError as error:
            raise _invalid(error) from error
        self._found = opened.found
        return opened.model

    @property
    def grid(self) -> ShapeGrid:
        """The shapes that are computed."""
        return self._grid

    @property
    def outputs(self) -> tuple[OutputSpec, ...]:
        """As `Backend.outputs`."""
        return self._outputs

    @property
    def streams(self) -> int:
        """As it was made."""
        return self._streams

    def share(self, windows: int, free: int) -> int | None:
        """An equal share: two windows in two streams finish before both in one."""
        return -(-windows // free) or None

    def open_streams(self) -> None:
        """Compile again, for several concurrent batches."""
        with self._opening:
            if self._requests or self._streams == 1:
                return
            try:
                compiled = self._compile(self._streams, self._threads)
            except ModelInvalid as error:
                raise BackendError(error.message) from error
            self._requests = [compiled.create_infer_request() for _ in range(self._streams)]
            self._forget()

    def _forget(self) -> None:
        """Free what only compiling needs."""
        self._model = None
        self._source.close()
        if self._cache is not None:
            self._cache.forget()

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:
        """Pad to the grid, compute, remove the padding. Rows keep the order of `windows`."""
        request = self._request if stream is None else self._requests[stream]
        arrays, shape = self._padded(windows)
        try:
            results = request.infer(arrays, share_inputs=True, share_outputs=True)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed on a batch of {shape[0]} × {shape[1]}: {gist(error)}") from error
        # Copied: the request's output memory is overwritten by the next batch.
        every = range(len(self._outputs))
        wanted = {index for window in windows for index in (every if window.outputs is None else window.outputs)}
        tables = {index: np.array(results[index], np.float32) for index in wanted}
        return [self._row(tables, row, window) for row, window in enumerate(windows)]

    def _padded(self, windows: Sequence[Window]) -> tuple[dict[str, Ids], tuple[int, int]]:
        """The graph's inputs, and the padded (rows, length)."""
        length = self._grid.padded_length(max(len(window) for window in windows))
        rows = self._grid.padded_batch(len(windows))
        arrays = {name: np.zeros((rows, length), np.int32) for name in self._inputs if name != POSITIONS}
        if POSITIONS in self._inputs:
            arrays[POSITIONS] = _padded_positions(windows, rows)
        ids, mask, types = (arrays.get(name) for name in ("input_ids", "attention_mask", "token_type_ids"))
        for row, window in enumerate(windows):
            end = len(window)
            if ids is not None:
                ids[row, :end] = window.input_ids
            if mask is not None:
                mask[row, :end] = 1
            if types is not None:
                types[row, :end] = window.token_type_ids
        if mask is not None:
            # A row of padding only would be a softmax over nothing: let it attend to its first token.
            mask[len(windows) :, 0] = 1
        return arrays, (rows, length)

    def _row(self, tables: Mapping[int, Floats], row: int, window: Window) -> Outputs:
        """One window's outputs. Raises BackendError for NaN or infinity."""
        wanted = range(len(self._outputs)) if window.outputs is None else window.outputs
        outputs = tuple(self._outputs[index].cut(tables[index][row], window) for index in wanted)
        if not all(np.isfinite(output).all() for output in outputs):
            raise BackendError(
                "The model produced NaN or infinity.",
                hint="Its weights may be damaged, or too large for this precision: try --precision fp32.",
            )
        return outputs

    def info(self) -> Mapping[str, object]:
        """Engine, version, precision, threads and CPU features."""
        return {
            "engine": "openvino",
            "engine_version": self._ov.__version__,
            "precision": self._precision,
            "between_int8": HINTS[self._precision] if self._precision in QUANTISED else None,
            "rewritten": self._rewrite,
            "threads": self._threads,
            "streams": self._streams,
            "cpu": self._ov.Core().get_property("CPU", "FULL_DEVICE_NAME"),
            "cpu_capabilities": _offered(),
            "int8": int8_support(),
            "lengths": list(self._grid.lengths),
            "batches": list(self._grid.batches),
            "batch_tokens": self._grid.tokens,
            "compiled_before": self._found,
        }

    def close(self) -> None:
        """Free the compiled models and their requests."""
        self._request = None
        self._requests = []
        self._forget()
        self._compiled = None


def _spec(port: Any, kind: Axis) -> OutputSpec:
    """An output of the compiled graph; all sizes are known except the batch and axes of `kind`."""
    sizes = list(port.get_partial_shape())[1:]
    return OutputSpec(port.get_any_name(), tuple(kind if size.is_dynamic else size.get_length() for size in sizes))


def _padded_positions(windows: Sequence[Window], rows: int) -> Ids:
    """[rows, M]; M is a power of two, because each M is compiled once."""
    found = [window.positions if window.positions is not None else np.zeros(1, np.int32) for window in windows]
    most = max(1, *(len(positions) for positions in found))
    padded = np.zeros((rows, 1 << (most - 1).bit_length()), np.int32)
    for row, positions in enumerate(found):
        padded[row, : len(positions)] = positions
    return padded


def _offered() -> list[str]:
    """CPU features; INT8 only if it is fast."""
    return sorted(capabilities() - (frozenset() if fast_int8() else {"INT8"}))


def _invalid(error: RuntimeError) -> ModelInvalid:
    return ModelInvalid(
        f"OpenVINO cannot compile the model: {gist(error)}",
        hint="If `moor build` made this model, build it again with this version.",
    )


def _choose(manifest: Manifest, asked: str | None) -> BackendChoice:
    precision, warnings = precision_for(manifest, asked)
    dequantize = manifest.precision in QUANTISED and precision not in QUANTISED
    return BackendChoice(precision, dequantize, warnings)


def _open(source: GraphSource, max_positions: int, options: BackendOptions) -> OpenVinoBackend:
    # Several models in one process take turns on all cores: streams would cost memory for each.
    streams = 1 if options.shared else streams_for(options.threads, options.streams)
    return OpenVinoBackend(
        source,
        precision=options.precision,
        grid=default_grid(max_positions, sparse=options.shared, streams=streams),
        threads=options.threads,
        streams=streams,
        dequantise=options.dequantize,
        cache=options.cache,
    )


OPENVINO = BackendKind("openvino", _choose, _open)
