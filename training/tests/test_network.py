"""The network in training against the served graph, and what is done to weights."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mooring.backends.base import Window
from mooring.errors import UsageError
from mooring.tasks.recognise import read_manifest
from mooring_training.calibrate import fit_temperature
from mooring_training.network import average, keep_layers, load_network, save_network, scale_span_head
from mooring_training.objectives import batch_of
from mooring_training.torch_backend import TorchBackend
from mooring_training.windows import Window as TrainingWindow
from tests.support.golden_inputs import MODEL_TYPES
from tests.support.parity import opened
from tests.support.tiny_models import write_tiny_bert

TOLERANCE = 2e-5


def windows() -> list[Window]:
    """Of different lengths, so that a batch has padding."""
    rng = np.random.default_rng(0)
    return [
        Window(rng.integers(5, 150, length).astype(np.int32), (np.arange(length) > 5).astype(np.int32))
        for length in (7, 20, 90)
    ]


def difference(network: TorchBackend, folder: Path) -> float:
    """From the served graph of the folder."""
    served = opened(folder, "span")
    pairs = zip(network.run(windows()), served.run(windows()), strict=True)
    return max(
        float(np.abs(one - other).max()) for ours, theirs in pairs for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("kind", MODEL_TYPES)
def test_logits_are_those_of_the_served_graph(kind: str, tmp_path: Path) -> None:
    """For every family, read from a checkpoint and written again."""
    make: Callable[[Path], Path] = MODEL_TYPES[kind]
    folder = make(tmp_path / kind)
    network = load_network(folder)
    assert difference(TorchBackend(network), folder) < TOLERANCE
    save_network(network, folder, tmp_path / "out", dtype="F32")
    assert difference(TorchBackend(network), tmp_path / "out") < TOLERANCE
    assert read_manifest(tmp_path / "out", source="x").architecture == read_manifest(folder, source="x").architecture


def test_a_bare_encoder_gets_a_head(tmp_path: Path) -> None:
    """Its weights get the family's prefix, and what the head does not need is left out."""
    folder = write_tiny_bert(tmp_path / "bare", head="hidden")
    network = load_network(folder)
    network.add_span_head(torch.Generator().manual_seed(0))
    save_network(network, folder, tmp_path / "out", dtype="F32")
    assert read_manifest(tmp_path / "out", source="x").task == "question-answering"
    assert difference(TorchBackend(network), tmp_path / "out") < TOLERANCE


@pytest.mark.parametrize("kind", MODEL_TYPES)
def test_a_new_masked_head_is_a_models_own(kind: str, tmp_path: Path) -> None:
    """Named as the family's, so that the folder is served as a model for fill-mask."""
    make: Callable[..., Path] = MODEL_TYPES[kind]
    folder = make(tmp_path / kind, head="hidden")
    network = load_network(folder)
    network.add_masked_head(torch.Generator().manual_seed(0))
    save_network(network, folder, tmp_path / "out", dtype="F32", head="masked")
    manifest = read_manifest(tmp_path / "out", source="x")
    assert manifest.task == "fill-mask"
    ids, segments = np.arange(5, 15, dtype=np.int32), np.zeros(10, np.int32)
    served = opened(tmp_path / "out", "masked").run([Window(ids, segments, np.array([2, 7], np.int32))])[0][0]
    with torch.no_grad():
        ours = network.vocabulary(network.hidden(batch_of([ids], [segments], network.device))[0, [2, 7]]).numpy()
    assert np.abs(ours - served).max() < 1e-4


def test_a_folded_temperature_divides_the_served_logits(tmp_path: Path) -> None:
    """The server adds none of its own."""
    folder = write_tiny_bert(tmp_path / "tiny")
    network = load_network(folder)
    before = TorchBackend(network.copy()).run(windows())
    scale_span_head(network, 2.5)
    save_network(network, folder, tmp_path / "out", dtype="F32")
    after = opened(tmp_path / "out", "span").run(windows())
    for ours, theirs in zip(before, after, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert np.abs(one / 2.5 - other).max() < TOLERANCE


def test_the_temperature_is_found_again(tmp_path: Path) -> None:
    """Labels drawn from the softened scores of a model: the fit finds the temperature that they were drawn at."""
    network = load_network(write_tiny_bert(tmp_path / "tiny", spread=0.4))
    rng = np.random.default_rng(0)
    asked = []
    for _ in range(1500):
        ids = rng.integers(5, 150, 12).astype(np.int32)
        asked.append(TrainingWindow(ids, np.zeros(12, np.int32), 1, 11, 0, 0))
    logits = TorchBackend(network).run([Window(one.ids, one.segments) for one in asked])
    labeled = []
    for one, sides in zip(asked, logits, strict=True):
        drawn = []
        for side in sides:
            powers = np.exp((side - side.max()) / 2.0).astype(np.float64)
            drawn.append(int(rng.choice(12, p=powers / powers.sum())))
        labeled.append(TrainingWindow(one.ids, one.segments, 1, 11, drawn[0], drawn[1]))
    fit = fit_temperature(network, labeled)
    assert fit.temperature == pytest.approx(2.0, rel=0.1)
    assert fit.after < fit.before


def test_an_average_is_the_mean_of_the_weights(tmp_path: Path) -> None:
    """Models of another size have none."""
    one, other = (load_network(write_tiny_bert(tmp_path / str(seed), seed=seed)) for seed in (0, 1))
    name = "bert.encoder.layer.1.output.dense.weight"
    mean = average([one, other])
    assert torch.allclose(mean.weights[name], (one.weights[name] + other.weights[name]) / 2)
    with pytest.raises(UsageError, match="different architectures"):
        average([one, load_network(write_tiny_bert(tmp_path / "3", num_hidden_layers=3))])


def test_a_student_keeps_some_layers(tmp_path: Path) -> None:
    """Renumbered, and served like any model."""
    folder = write_tiny_bert(tmp_path / "four", num_hidden_layers=4)
    teacher = load_network(folder)
    student = keep_layers(teacher, [1, 3])
    name = "bert.encoder.layer.{}.attention.self.query.weight"
    for new, old in enumerate([1, 3]):
        assert torch.equal(student.weights[name.format(new)], teacher.weights[name.format(old)])
    save_network(student, folder, tmp_path / "out", dtype="F32")
    assert read_manifest(tmp_path / "out", source="x").layers == 2
    assert difference(TorchBackend(student), tmp_path / "out") < TOLERANCE
    with pytest.raises(UsageError, match=r"Cannot keep the layers \[3, 4\]: the model has the layers 0 to 3"):
        keep_layers(teacher, [3, 4])
