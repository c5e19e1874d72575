"""Rank the operations of a quantized graph by the error that each causes alone.

Called by `pipeline.py` when int8 fails the accuracy check, to choose operations to keep in floating point.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mooring.build.calibration import Arrays
from mooring.graph.runtime import import_openvino, import_opset

SWITCHES = "mooring_switches"
"""Name of the extra input: one number per operation, 1 quantized, 0 exact."""

_PASS_THROUGH = frozenset({"Reshape", "Transpose"})
"""Operations between a quantizer and its target; they only move data."""


def rank(
    model: Any,
    inputs: Sequence[Arrays],
    tick: Callable[[], None] = lambda: None,
    begin: Callable[[int], None] = lambda _: None,
) -> list[tuple[str, float]]:
    """(operation, error) pairs, worst first: squared error of the logits over their variance if only it is int8.

    `model` comes from `quantise` with `fold_weights=False` and is modified: each quantizer gets a switch, so the model
    is compiled only once. `begin` is called with the number of operations, then `tick` once per operation.
    """
    operations = _add_switches(model)
    begin(len(operations))
    core = import_openvino().Core()
    config = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": "1", "ENABLE_CPU_PINNING": "NO"}
    request = core.compile_model(model, "CPU", config).create_infer_request()
    exact = _logits(request, inputs, np.zeros(len(operations), np.float32))
    variance = float(np.concatenate(exact).var()) or 1.0
    errors = []
    for index, name in enumerate(operations):
        switches = np.zeros(len(operations), np.float32)
        switches[index] = 1
        seen = _logits(request, inputs, switches)
        errors.append((name, _mean_square(exact, seen) / variance))
        tick()
    return sorted(errors, key=lambda pair: (-pair[1], pair[0]))


def _mean_square(exact: list[npt.NDArray[np.float32]], seen: list[npt.NDArray[np.float32]]) -> float:
    difference = np.concatenate(exact).astype(np.float64) - np.concatenate(seen)
    return float(np.mean(difference**2))


def _logits(request: Any, inputs: Sequence[Arrays], switches: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    found: list[npt.NDArray[np.float32]] = []
    for arrays in inputs:
        results = request.infer({**arrays, SWITCHES: switches})
        found.extend(np.array(results[index], np.float32).ravel() for index in range(len(results)))
    return found


def _add_switches(model: Any) -> list[str]:
    """Replace x → Q(x) on every quantized edge by x + s · (Q(x) − x). Returns operation names in the order of s."""
    ov, ops = import_openvino(), import_opset()
    edges = _quantised_edges(model)
    parameter = ops.parameter([len(edges)], ov.Type.f32, name=SWITCHES)
    parameter.output(0).get_tensor().set_names({SWITCHES})
    zero = ops.constant(np.int64(0))
    for index, ports in enumerate(edges.values()):
        switch = ops.gather(parameter, ops.constant(np.int64(index)), zero)
        for port in ports:
            quantised = port.get_source_output()
            exact = quantised.get_node().input_value(0)
            noise = ops.multiply(ops.subtract(quantised, exact), switch)
            port.replace_source_output(ops.add(exact, noise).output(0))
    model.add_parameters([parameter])
    model.validate_nodes_and_infer_types()
    return list(edges)


def _quantised_edges(model: Any) -> Mapping[str, list[Any]]:
    """Operation → its input ports fed by a FakeQuantize."""
    edges: dict[str, list[Any]] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize":
            continue
        for port in node.inputs():
            if port.get_source_output().get_node().get_type_name() == "FakeQuantize":
                edges.setdefault(_owner(node).get_friendly_name(), []).append(port)
    return edges


def _owner(node: Any) -> Any:
    """The operation for which this input was quantized: the one to exclude."""
    while node.get_type_name() in _PASS_THROUGH:
        consumers = node.output(0).get_target_inputs()
        if len(consumers) != 1:
            break
        node = next(iter(consumers)).get_node()
    return node
