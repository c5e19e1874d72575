"""Activations apart from products: the same numbers, whatever the shape."""

from pathlib import Path

import numpy as np
import pytest

from mooring.backends import rewrites
from mooring.backends.base import Outputs
from mooring.graph.apart import apart
from mooring.graph.runtime import import_openvino
from tests.graph.test_logits import open_tiny, window
from tests.support.golden_inputs import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_the_numbers_stay_the_same(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone and in a batch; what differs is in which order products are added up."""
    seen: list[list[Outputs]] = []
    for alone in (False, True):
        monkeypatch.setattr(rewrites, "avx2_alone", lambda alone=alone: alone)
        backend = open_tiny(family, tmp_path / str(alone))
        seen.append([*backend.run([window(33)]), *backend.run([window(5), window(64)])])
    for fused, separate in zip(*seen, strict=True):
        assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(fused, separate, strict=True))


def test_each_activation_is_taken_apart_and_the_model_is_left_as_it_was() -> None:
    """The embedded model has six layers."""
    path = Path(rewrites.__file__).parents[1] / "_embedded" / "minilm-squad" / "openvino_model.xml"
    model = import_openvino().Core().read_model(str(path))
    before = [node.get_type_name() for node in model.get_ordered_ops()]
    after = [node.get_type_name() for node in apart(model).get_ordered_ops()]
    assert before == [node.get_type_name() for node in model.get_ordered_ops()]
    assert before.count("Gelu") == after.count("Gelu") == 6
    assert after.count("Reshape") == before.count("Reshape") + 12
