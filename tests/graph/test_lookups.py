"""Embedding tables that stay int8: the same numbers, from a quarter of the memory."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mooring.graph.dequantise import dequantised
from mooring.graph.lookups import narrow_lookups
from mooring.graph.runtime import import_openvino, import_opset
from tests.support.int8_graph import embedded, scaled

Floats = npt.NDArray[np.float32]

ROWS, SIZE = 50, 8
TABLE = np.random.default_rng(0).integers(-128, 128, (ROWS, SIZE)).astype(np.int8)


def lookup(scales: Any, axis: int = 0, kind: str = "i8") -> Any:
    """ids [batch, tokens] → rows of the table, times the scales."""
    ops = import_opset()
    ids = ops.parameter([-1, -1], np.int32, name="ids")
    table = TABLE if kind == "i8" else TABLE.astype(np.float16)
    wide = ops.multiply(ops.convert(ops.constant(table), "f32"), ops.constant(scales))
    return import_openvino().Model([ops.gather(wide, ids, ops.constant(np.int64(axis)))], [ids])


def compute(model: Any, ids: npt.NDArray[np.int32]) -> Floats:
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return np.array(import_openvino().Core().compile_model(model, "CPU", hint)([ids])[0])


def tables(model: Any) -> set[str]:
    """The types that rows are looked up in."""
    return {
        node.input_value(0).get_element_type().get_type_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Gather" and len(node.input_value(0).get_partial_shape()) == 2
    }


def test_rows_are_widened_after_they_are_looked_up() -> None:
    """To the last bit, and the graph that was given is left as it was."""
    scales = np.random.default_rng(1).random((ROWS, 1), np.float32)
    model = lookup(scales)
    narrow = narrow_lookups(model)
    ids = np.random.default_rng(2).integers(0, ROWS, (3, 7)).astype(np.int32)
    assert tables(model) == {"f32"}
    assert "i8" in tables(narrow)
    assert np.array_equal(compute(narrow, ids), TABLE[ids].astype(np.float32) * scales[ids])
    assert np.array_equal(compute(model, ids), compute(narrow, ids))


@pytest.mark.parametrize(
    "model",
    [
        lambda: lookup(np.ones((1, SIZE), np.float32)),
        lambda: lookup(np.ones((ROWS, 1), np.float32), axis=1),
        lambda: lookup(np.ones((ROWS, 1), np.float32), kind="f16"),
    ],
    ids=["one scale for each column", "columns are looked up", "half precision"],
)
def test_anything_else_stays(model: Any) -> None:
    """Its numbers would be others."""
    assert tables(narrow_lookups(model())) == {"f32"}


def test_products_are_left_alone() -> None:
    """Their weights are for `dequantise.py` and `pointwise.py`."""
    ops = import_opset()
    x = ops.parameter([-1, -1, SIZE], np.float32, name="x")
    model = import_openvino().Model([ops.matmul(x, scaled(TABLE), False, True)], [x])
    before = [node.get_type_name() for node in model.get_ordered_ops()]
    assert [node.get_type_name() for node in narrow_lookups(model).get_ordered_ops()] == before


def test_the_embedded_models_table_stays_small_also_where_products_are_dequantised() -> None:
    """The table is half of the model."""
    assert "i8" in tables(narrow_lookups(embedded()))
    assert "i8" in tables(dequantised(narrow_lookups(embedded())))


@pytest.mark.wire
@pytest.mark.parametrize("free", [True, False])
def test_the_embedded_model_answers_the_same(free: bool) -> None:
    """Bit for bit, in int8 and in floating point."""
    model = dequantised(embedded()) if free else embedded()
    narrow = dequantised(narrow_lookups(embedded())) if free else narrow_lookups(embedded())
    inputs = {
        "input_ids": np.random.default_rng(3).integers(1000, 20_000, (2, 64)).astype(np.int32),
        "attention_mask": np.ones((2, 64), np.int32),
        "token_type_ids": np.repeat([[0, 1]], 32, axis=1).repeat(2, axis=0).astype(np.int32),
    }
    core = import_openvino().Core()
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    one, other = (core.compile_model(graph, "CPU", hint)(inputs) for graph in (model, narrow))
    assert all(np.array_equal(one[index], other[index]) for index in range(2))
