"""What CPUs with int8 dot products answer, computed in floating point on any."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mooring.graph.dequantise import dequantised, widened
from mooring.graph.runtime import import_openvino, import_opset
from tests.support.int8_graph import embedded, product

Floats = npt.NDArray[np.float32]


def compute(model: Any, x: Floats) -> Floats:
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return np.array(import_openvino().Core().compile_model(model, "CPU", hint)([x])[0])


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.4, 1.0), (0.0, 1.0)])
def test_sums_are_those_of_256_levels_where_they_are_largest(low: float, high: float) -> None:
    """A CPU without dot products would cut these off."""
    random = np.random.default_rng(0)
    weights = np.where(random.random((32, 64)) < 0.8, 127, -127).astype(np.int8)
    x = random.choice([-9.0, -0.3, 0.0, 0.91, 9.0], (2, 5, 64), p=[0.1, 0.1, 0.1, 0.3, 0.4]).astype(np.float32)
    step = (high - low) / 255
    levels = np.rint((np.clip(x, low, high).astype(np.float64) - low) / step).astype(np.int64)
    exact = (levels @ weights.astype(np.int64).T * step + low * weights.sum(axis=1, dtype=np.int64)) * 0.01
    assert np.allclose(compute(widened(product(weights, low=low, high=high)), x), exact, rtol=1e-5, atol=1e-4)


def test_nothing_of_it_is_left_for_the_engine_to_compute_in_int8() -> None:
    """Neither in products with weights nor in attention's; and what it was made from is left as it was."""
    model = embedded()
    wide = widened(model)
    for node in wide.get_ordered_ops():
        assert node.get_type_name() != "FakeQuantize"
        assert node.get_type_name() != "Constant" or node.get_element_type().get_type_name() != "i8"
    assert any(node.get_type_name() == "FakeQuantize" for node in model.get_ordered_ops())


def test_it_rounds_and_what_is_dequantised_does_not() -> None:
    """That is the difference between the two: half a level at most, times the weights."""
    weights = np.full((4, 4), 100, np.int8)
    x = np.full((1, 1, 4), 0.3 * 2 / 255, np.float32)
    rounded, free = compute(widened(product(weights)), x), compute(dequantised(product(weights)), x)
    assert np.allclose(free, 4 * x[0, 0, 0], rtol=1e-5)
    assert np.allclose(np.abs(rounded), 4 * 1 / 255, rtol=1e-4)


@pytest.mark.parametrize("ends", [(-1, 1, -3, 3), (0.5, 2, 0, 1), (-1, 2, 2, -1)])
def test_a_quantiser_may_give_others_than_it_takes(ends: tuple[float, ...]) -> None:
    """As the engine's own quantiser computes it."""
    x = np.linspace(-2, 2, 24, dtype=np.float32).reshape(1, 6, 4)
    assert np.allclose(compute(widened(quantiser(*ends)), x), compute(quantiser(*ends), x), atol=1e-5)


def test_a_range_without_a_width_gives_its_lowest() -> None:
    """And no division by zero."""
    x = np.linspace(-2, 2, 24, dtype=np.float32).reshape(1, 6, 4)
    assert set(compute(widened(quantiser(0.5, 0.5, 1, 1)), x).ravel()) == {1.0}


def quantiser(*ends: float) -> Any:
    """Alone: from, to, and what these become."""
    ops = import_opset()
    x = ops.parameter([-1, -1, 4], np.float32)
    return import_openvino().Model([ops.fake_quantize(x, *(ops.constant(np.float32(end)) for end in ends), 256)], [x])
