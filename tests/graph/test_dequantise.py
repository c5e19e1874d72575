"""The embedded model's int8 artefact in floating point."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.base import Outputs, ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from mooring.graph.dequantise import dequantised
from mooring.graph.runtime import import_openvino
from mooring.graph.source import Artefact
from mooring.settings import Settings
from mooring.wiring.model import open_model
from tests.support.graphs import given, graph_of

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
    exact = run(OpenVinoBackend(given(graph_of(SOURCE)), precision="fp32", grid=GRID))
    free = run(OpenVinoBackend(Artefact.at(artefact()), precision="fp32", grid=GRID, dequantise=True))
    assert 0 < _far(free, exact) < 0.2


def _far(one: Outputs, other: Outputs) -> float:
    return float(np.sqrt(np.mean([(a - b) ** 2 for a, b in zip(one, other, strict=True)])))


def test_an_int8_model_may_be_computed_in_floating_point_on_any_cpu() -> None:
    """To compare, or to tell rounding from the rest."""
    opened = open_model(Settings(precision="fp32"))
    assert opened.manifest.precision == "fp32"
    assert opened.backend.info()["precision"] == "fp32"
