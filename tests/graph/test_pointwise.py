"""Products as pointwise convolutions: the same integers, on any CPU."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mooring.backends import rewrites
from mooring.backends.base import Outputs, ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from mooring.graph.dequantise import dequantised
from mooring.graph.narrow import levels_for, narrowed
from mooring.graph.pointwise import pointwise
from mooring.graph.runtime import import_openvino, import_opset
from mooring.graph.source import Artefact
from tests.support.graphs import given
from tests.support.int8_graph import EMBEDDED, embedded, product, scaled, surrounded

Floats = npt.NDArray[np.float32]

GRID = ShapeGrid(lengths=(32, 64), batches=(1, 2, 4), tokens=256)


def compute(model: Any, x: Floats) -> Floats:
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return np.array(import_openvino().Core().compile_model(model, "CPU", hint)([x])[0])


def by_hand(x: Floats, weights: npt.NDArray[np.int8], *, low: float, high: float, scale: float) -> Floats:
    """In 64-bit integers, which cut nothing off."""
    steps = levels_for(weights) - 1
    step = (high - low) / steps
    zero = round(low / step)
    levels = np.clip(np.rint(x.astype(np.float64) / step), zero, zero + steps).astype(np.int64)
    return np.asarray(levels @ weights.astype(np.int64).T * step * scale, np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 16)])
@pytest.mark.parametrize("seed", range(3))
def test_sums_are_exact_where_they_are_largest(seed: int, shape: tuple[int, int]) -> None:
    """Weights and activations at the ends of their ranges: with 256 levels an AVX2 alone would cut these off."""
    random = np.random.default_rng(seed)
    weights = np.where(random.random((32, 64)) < 0.8, 127, -127).astype(np.int8)
    # Halves of a level might be rounded either way, and these are none.
    x = random.choice([-9.0, -0.5, 0.0, 1.0, 9.0], (*shape, 64), p=[0.1, 0.1, 0.1, 0.3, 0.4]).astype(np.float32)
    model = product(weights, low=-0.4, high=1.0, scale=0.01)
    expected = by_hand(x, weights, low=-0.4, high=1.0, scale=0.01)
    assert np.allclose(compute(pointwise(narrowed(model)), x), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("outs", [1, 2, 5, 64])
def test_any_number_of_outputs_and_a_bias(outs: int) -> None:
    """The head of a question answering model has two."""
    weights = np.random.default_rng(1).integers(-127, 128, (outs, 48)).astype(np.int8)
    x = np.random.default_rng(2).uniform(-1, 1, (2, 9, 48)).astype(np.float32)
    few = narrowed(product(weights, bias=0.5))
    assert np.allclose(compute(pointwise(few), x), by_hand(x, weights, low=-1, high=1, scale=0.01) + 0.5, atol=0.03)


@pytest.mark.parametrize(
    "kinds",
    [
        (),
        ("bias first",),
        ("its quantiser is read",),
        ("it is read without its bias",),
        ("residual",),
        ("its weights again",),
        ("bias first", "its quantiser is read", "residual", "its weights again"),
    ],
)
def test_whatever_surrounds_a_product_the_numbers_stay(kinds: tuple[str, ...]) -> None:
    """Others may read its activations, its result or its weights."""
    random = np.random.default_rng(0)
    weights = random.integers(-128, 128, (16, 16)).astype(np.int8)
    x = random.uniform(-1.2, 1.2, (2, 5, 16)).astype(np.float32)
    few = narrowed(surrounded(weights, *kinds))
    assert np.allclose(compute(pointwise(few), x), compute(few, x), atol=1e-5)


@pytest.mark.parametrize(("low", "high"), [(0.2, 1.0), (-1.0, -0.2), (0.0, 1.0)])
@pytest.mark.parametrize("scale", [0.01, -0.01])
def test_ranges_without_zero_and_scales_below_it(low: float, high: float, scale: float) -> None:
    """Neither is usual; both are within a level of what was not rounded."""
    random = np.random.default_rng(1)
    weights = random.integers(-128, 128, (6, 16)).astype(np.int8)
    x = random.uniform(-1, 2, (2, 5, 16)).astype(np.float32)
    exact = np.clip(x, low, high) @ (weights.astype(np.float32) * scale).T
    found = compute(pointwise(narrowed(product(weights, low=low, high=high, scale=scale))), x)
    assert np.abs(found - exact).max() < 0.03


def test_a_number_for_each_token_is_no_bias() -> None:
    """Though there are as many tokens as channels."""
    ops = import_opset()
    weights = np.random.default_rng(0).integers(-128, 128, (8, 8)).astype(np.int8)
    x = ops.parameter([1, 8, 8], np.float32, name="x")
    ends = [ops.constant(np.float32(end)) for end in (-1, 1)]
    y = ops.matmul(ops.fake_quantize(x, *ends, *ends, 256), scaled(weights), False, True)
    y = ops.add(y, ops.constant(np.arange(8, dtype=np.float32).reshape(8, 1)))
    few = narrowed(import_openvino().Model([y], [x]))
    given = np.random.default_rng(1).uniform(-1, 1, (1, 8, 8)).astype(np.float32)
    assert np.allclose(compute(pointwise(few), given), compute(few, given), atol=1e-5)


def test_all_products_of_the_embedded_model_are_convolutions_and_it_is_left_as_it_was() -> None:
    """Six in each of six layers, and the head; each is transposed to but where one follows another."""
    model = embedded()
    before = [node.get_type_name() for node in model.get_ordered_ops()]
    after = [node.get_type_name() for node in pointwise(narrowed(model)).get_ordered_ops()]
    assert [node.get_type_name() for node in model.get_ordered_ops()] == before
    assert after.count("Convolution") == 37
    assert "MatMul" not in after
    assert after.count("Gelu") == 6


def test_a_graph_without_int8_stays_as_it_is() -> None:
    """There is nothing to gain."""
    free = dequantised(embedded())
    kinds = [[node.get_type_name() for node in model.get_ordered_ops()] for model in (free, pointwise(narrowed(free)))]
    assert kinds[0] == kinds[1]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> OpenVinoBackend:
    """The embedded model as a CPU with AVX2 alone computes it."""
    monkeypatch.setattr(rewrites, "avx2_alone", lambda: True)
    return OpenVinoBackend(Artefact.at(EMBEDDED), precision="int8", grid=GRID)


def window(length: int) -> Window:
    ids = np.random.default_rng(length).integers(1000, 20_000, length).astype(np.int32)
    return Window(ids, np.zeros(length, np.int32))


@pytest.mark.wire
def test_its_answers_are_those_of_the_same_levels_in_products(
    backend: OpenVinoBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is what `moor build` judges on other CPUs."""
    monkeypatch.setattr(rewrites, "avx2_alone", lambda: False)
    products = OpenVinoBackend(given(narrowed(embedded())), precision="int8", grid=GRID)
    assert backend.info()["rewritten"] == "pointwise"
    assert products.info()["rewritten"] == "none"
    assert far(backend.run([window(40)])[0], products.run([window(40)])[0]) < 0.05


@pytest.mark.wire
def test_alone_and_in_a_batch_the_answers_are_the_same(backend: OpenVinoBackend) -> None:
    """But for what floating point between the products makes of another shape."""
    lengths = (33, 5, 64)
    batch = backend.run([window(length) for length in lengths])
    for length, together in zip(lengths, batch, strict=True):
        assert far(backend.run([window(length)])[0], together) < 0.05


def far(one: Outputs, other: Outputs) -> float:
    return float(np.sqrt(np.mean([(a - b) ** 2 for a, b in zip(one, other, strict=True)])))
