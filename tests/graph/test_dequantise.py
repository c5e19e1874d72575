"""The embedded model's int8 artefact in floating point."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.base import Outputs, ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from mooring.graph.dequantise import dequantised
from mooring.graph.heads import build_graph
from mooring.graph.runtime import import_openvino
from mooring.model.weights import open_weights
from mooring.settings import Settings
from mooring.wiring import model as wiring
from mooring.wiring.model import open_model

pytestmark = pytest.mark.wire

SOURCE = Path(__file__).parents[2] / "models" / "minilm-squad"
GRID = ShapeGrid(lengths=(64,), batches=(1, 2), tokens=128)


def artefact() -> Path:
    return open_model(Settings(precision="int8")).folder / "openvino_model.xml"


def kinds(model: Any) -> set[str]:
    found = {node.get_type_name() for node in model.get_ordered_ops()}
    constants = {
        node.get_element_type().get_type_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Constant"
    }
    return found | constants


def run(backend: OpenVinoBackend) -> Outputs:
    ids = np.random.default_rng(4).integers(1000, 20_000, 60).astype(np.int32)
    return backend.run([Window(ids, np.zeros(60, np.int32))])[0]


def test_nothing_of_int8_is_left_and_the_original_is_untouched() -> None:
    """No quantiser, no int8 weight; and the graph that was given has both."""
    model = import_openvino().Core().read_model(str(artefact()))
    free = kinds(dequantised(model))
    assert not {"FakeQuantize", "i8", "u8"} & free
    assert {"FakeQuantize", "i8"} <= kinds(model)


def test_its_numbers_are_near_the_exact_models() -> None:
    """As near as int8's own: logits spread over about 2, and a weight read wrongly moves them by more than 1."""
    with open_weights(SOURCE) as weights:
        graph = build_graph(json.loads((SOURCE / "config.json").read_text()), weights)
        exact = run(OpenVinoBackend(graph, precision="fp32", grid=GRID))
    free = run(OpenVinoBackend(artefact(), precision="fp32", grid=GRID, dequantise=True))
    assert 0 < _far(free, exact) < 0.2


def _far(one: Outputs, other: Outputs) -> float:
    return float(np.sqrt(np.mean([(a - b) ** 2 for a, b in zip(one, other, strict=True)])))


@pytest.mark.parametrize(("bf16", "better"), [(False, "fp32"), (True, "bf16")])
def test_an_int8_model_on_a_cpu_without_it_is_computed_in_the_next_best_and_says_so(
    bf16: bool, better: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faster there, and never with sums that are cut off."""
    monkeypatch.setattr(wiring, "has_int8", lambda: False)
    monkeypatch.setattr(wiring, "has_bf16", lambda: bf16)
    opened = open_model(Settings())
    assert opened.manifest.precision == better
    assert opened.backend.info()["precision"] == better
    assert [text for text in opened.warnings if f"computing in {better}" in text]


def test_who_asks_for_int8_gets_it_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may know why."""
    monkeypatch.setattr(wiring, "has_int8", lambda: False)
    opened = open_model(Settings(precision="int8"))
    assert opened.manifest.precision == "int8"
    assert [text for text in opened.warnings if "slower than fp32" in text]


def test_a_cpu_with_dot_products_computes_it_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word."""
    monkeypatch.setattr(wiring, "has_int8", lambda: True)
    opened = open_model(Settings())
    assert opened.manifest.precision == "int8"
    assert opened.warnings == ()


def test_an_int8_model_may_be_computed_in_floating_point_on_any_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare, or to tell rounding from the rest."""
    monkeypatch.setattr(wiring, "has_int8", lambda: True)
    opened = open_model(Settings(precision="fp32"))
    assert opened.manifest.precision == "fp32"
    assert opened.backend.info()["precision"] == "fp32"
