"""int8 by nncf on tiny models, and finding the operation that a planted outlier spoils."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.cpu import has_int8
from mooring.build.calibration import Arrays
from mooring.build.compress import passes, quantise
from mooring.build.noise import rank
from mooring.build.recipe import Recipe
from mooring.graph.runtime import import_openvino
from tests.support.graphs import graph_of
from tests.support.outliers import plant_outlier
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


def inputs(count: int) -> list[Arrays]:
    """Random windows of the tiny vocabulary."""
    rng = np.random.default_rng(0)
    windows: list[Arrays] = []
    for _ in range(count):
        ids = rng.integers(5, 150, (1, int(rng.integers(8, 40))), np.int32)
        windows.append({"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})
    return windows


def logits(model: Any, arrays: Arrays) -> Any:
    """Start and end logits of one window in fp32."""
    compiled = import_openvino().Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([np.array(value).ravel() for value in compiled(dict(arrays)).values()])


def types(model: Any) -> set[str]:
    """Element types of the graph's constants."""
    return {
        node.get_output_element_type(0).get_type_name()
        for node in model.get_ops()
        if node.get_type_name() == "Constant"
    }


def test_quantising_makes_int8_weights_and_leaves_the_exact_graph_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The result holds int8 constants and answers nearly the same; stdout stays empty; every input is counted."""
    graph = graph_of(write_tiny_bert(tmp_path))
    before = logits(graph, inputs(1)[0])
    ticks: list[int] = []
    built = quantise(graph, inputs(40), Recipe(), lambda: ticks.append(1))
    assert "i8" in types(built)
    assert "i8" not in types(graph)
    assert np.array_equal(before, logits(graph, inputs(1)[0]))
    assert len(ticks) == passes(Recipe()) * 40
    assert capfd.readouterr().out == ""
    assert np.corrcoef(before, logits(built, inputs(1)[0]))[0, 1] > 0.9


def test_the_planted_operation_is_ranked_worst_and_leaving_it_out_heals(tmp_path: Path) -> None:
    """The attention whose queries have the outlier does the most harm; without it the error is a fraction."""
    folder = write_tiny_bert(tmp_path)
    exact = logits(graph_of(folder), inputs(1)[0])
    plant_outlier(folder, layers=(1,))
    graph = graph_of(folder)
    assert np.allclose(exact, logits(graph, inputs(1)[0]), atol=1e-5)
    ranked = rank(quantise(graph, inputs(40), Recipe(), fold_weights=False), inputs(8))
    names = [name for name, _ in ranked]
    attentions = [node.get_friendly_name() for node in graph.get_ordered_ops() if "Attention" in node.get_type_name()]
    assert names[0] == attentions[1]
    assert ranked[0][1] > 3 * ranked[1][1]
    errors = [
        np.square(logits(quantise(graph, inputs(40), Recipe(), excluded=excluded), inputs(1)[0]) - exact).mean()
        for excluded in ((), (names[0],))
    ]
    # Where int8 sums are cut off, every operation that is left does some harm too.
    assert errors[1] < errors[0] / (3 if has_int8() else 1)
