"""Fewer levels for activations: as many as fit 16 bits, whatever the weights."""

import numpy as np
import pytest

from mooring.graph.narrow import LARGEST_SUM, levels_for, narrowed
from mooring.graph.products import constant, products_of, range_of
from mooring.graph.runtime import import_openvino, import_opset
from tests.support.int8_graph import embedded, product, scaled

ROOM = np.array([[127, 127, 0, 3]], np.int8)


@pytest.mark.parametrize(
    ("weights", "levels"),
    [
        ([[127, 127]], 130),
        ([[127, -127]], 256),
        ([[-128, -128]], 128),
        ([[127, 0, 0, 127]], 256),
        ([[1, 1], [100, 91]], 172),
        ([[64, 64, 127]], 256),
        ([[0, 0]], 256),
    ],
)
def test_neighbours_of_one_sign_decide(weights: list[list[int]], levels: int) -> None:
    """Pairs are the first and second, the third and fourth; what has no neighbour stands alone."""
    assert levels_for(np.array(weights, np.int8)) == levels


@pytest.mark.parametrize("seed", range(20))
def test_no_sum_of_two_products_exceeds_16_bits_and_one_level_more_might(seed: int) -> None:
    """For any activations: the worst are those that are all at the top."""
    weights = np.random.default_rng(seed).integers(-128, 128, (5, 12)).astype(np.int8)
    top = levels_for(weights) - 1
    pairs = weights.astype(np.int64).reshape(5, 6, 2)
    worst = max(np.maximum(pairs, 0).sum(2).max(), np.maximum(-pairs, 0).sum(2).max())
    assert worst * top <= LARGEST_SUM
    assert top == 255 or worst * (top + 1) > LARGEST_SUM


def test_the_range_grows_and_zero_stays_a_level() -> None:
    """Values are held within the part that has the levels: 130 of the 256 that it says."""
    model = product(ROOM, low=-0.3, high=1.0)
    (found,) = products_of(narrowed(model))
    low, high = range_of(found.quantiser)
    step = (high - low) / 255
    assert found.quantiser.input_value(0).get_node().get_type_name() == "Clamp"
    assert step == pytest.approx(1.3 / 129, rel=1e-5)
    assert low / step == pytest.approx(round(low / step), abs=1e-4)
    assert range_of(products_of(model)[0].quantiser) == pytest.approx((-0.3, 1.0))


def test_products_that_share_activations_share_the_levels() -> None:
    """Query, key and value of the embedded model; attention's own quantisers are left out."""
    model = embedded()
    few = narrowed(model)
    products = products_of(few)
    quantisers = {found.quantiser.get_friendly_name() for found in products}
    assert (len(products), len(quantisers)) == (37, 25)
    assert sum(node.get_type_name() == "FakeQuantize" for node in few.get_ordered_ops()) == 25
    assert sum(node.get_type_name() == "FakeQuantize" for node in model.get_ordered_ops()) > 25


def test_a_quantiser_with_a_range_for_each_channel_is_left_out() -> None:
    """Nothing says then that its sums fit: it is computed in floating point, from int8 weights."""
    model = product(ROOM, low=np.full((1, 1, 4), -1), high=np.full((1, 1, 4), 1))
    assert products_of(model) == []
    assert not [node for node in narrowed(model).get_ordered_ops() if node.get_type_name() == "FakeQuantize"]


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (1.0, -1.0)])
def test_a_range_without_a_width_is_left_out(low: float, high: float) -> None:
    """Of activations that were all the same when they were calibrated."""
    assert products_of(product(ROOM, low=low, high=high)) == []


def test_two_quantisers_of_one_friendly_name_are_two() -> None:
    """Files may say so: each has its own levels all the same."""
    ops = import_opset()
    x = ops.parameter([-1, -1, 4], np.float32, name="x")
    ends = [ops.constant(np.float32(end)) for end in (-1, 1)]
    y = x
    for weights in (np.full((4, 4), 127, np.int8), np.eye(4, dtype=np.int8)):
        quantiser = ops.fake_quantize(y, *ends, *ends, 256)
        quantiser.set_friendly_name("q")
        y = ops.matmul(quantiser, scaled(weights), False, True)
    few = narrowed(import_openvino().Model([y], [x]))
    steps = [range_of(found.quantiser)[1] - range_of(found.quantiser)[0] for found in products_of(few)]
    assert steps == pytest.approx([2 * 255 / 129, 2], rel=0.02)


@pytest.mark.parametrize(
    ("weights", "scales"), [((4, 4), (1, 4)), ((4, 4), (4,)), ((4, 4), (1, 1)), ((1, 4, 4), (1, 4, 1))]
)
def test_other_scales_than_one_for_each_output_are_left_alone(
    weights: tuple[int, ...], scales: tuple[int, ...]
) -> None:
    """Along the inputs as many of them would fit, and be others' numbers."""
    ops = import_opset()
    x = ops.parameter([-1, -1, 4], np.float32, name="x")
    ends = [ops.constant(np.float32(end)) for end in (-1, 1)]
    numbers = ops.convert(ops.constant(np.ones(weights, np.int8)), "f32")
    wide = ops.multiply(numbers, ops.constant(np.ones(scales, np.float32)))
    y = ops.matmul(ops.fake_quantize(x, *ends, *ends, 256), wide, False, True)
    assert products_of(import_openvino().Model([y], [x])) == []


def test_what_is_computed_is_no_constant() -> None:
    """Nor has it a size."""
    assert constant(product(ROOM).get_parameters()[0]).size == 0
