"""Our graphs against transformers itself, live: random small configs at every length, and each family at full size."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.base import ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from tests.support.golden_inputs import MODEL_TYPES, SEGMENTS
from tests.support.graphs import given, graph_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

CONFIGS: list[tuple[str, dict[str, Any]]] = [
    ("bert", {"hidden_size": 48, "num_attention_heads": 3, "num_hidden_layers": 1, "intermediate_size": 80}),
    ("bert", {"hidden_size": 64, "num_attention_heads": 8, "num_hidden_layers": 4, "hidden_act": "gelu_new"}),
    ("bert", {"type_vocab_size": 4, "layer_norm_eps": 1e-5, "hidden_act": "relu"}),
    ("distilbert", {"dim": 40, "n_heads": 5, "n_layers": 3, "hidden_dim": 96}),
    ("distilbert", {"dim": 64, "n_heads": 2, "n_layers": 1, "activation": "relu"}),
    ("roberta", {"hidden_size": 48, "num_attention_heads": 3, "pad_token_id": 4, "max_position_embeddings": 517}),
    ("xlm-roberta", {"num_hidden_layers": 1, "layer_norm_eps": 1e-12, "hidden_act": "gelu_new"}),
    ("camembert", {"hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 80}),
    ("mpnet", {"hidden_size": 48, "num_attention_heads": 6, "num_hidden_layers": 3}),
    ("mpnet", {"relative_attention_num_buckets": 40, "pad_token_id": 3, "hidden_act": "relu"}),
]
_BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12}
FULL_SIZE: dict[str, dict[str, Any]] = {
    "bert": {**_BASE, "vocab_size": 30522},
    "distilbert": {"dim": 768, "hidden_dim": 3072, "n_heads": 12, "n_layers": 6, "vocab_size": 30522},
    "roberta": {**_BASE, "vocab_size": 50265},
    "mpnet": {**_BASE, "vocab_size": 30527},
}
"""Sizes of the base model of each family, i.e. of each way to compute."""
TRAINED_SPREAD = 0.04
"""About the standard deviation of the weights of trained models of that size."""


def worst_difference(family: str, folder: Path, lengths: range) -> float:
    """The largest difference of a logit between our fp32 graph and transformers, over one sequence a length."""
    # Here and not above: the other tiers collect this file without them.
    torch, transformers = (
        pytest.importorskip(name, reason=f"{name} is not installed: make test-slow installs it")
        for name in ("torch", "transformers")
    )
    config = json.loads((folder / "config.json").read_text())
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval()
    grid = ShapeGrid(lengths=tuple(lengths), batches=(1,), tokens=max(lengths))
    backend = OpenVinoBackend(given(graph_of(folder)), precision="fp32", grid=grid)
    rng, worst = np.random.default_rng(0), 0.0
    for length in lengths:
        ids = rng.integers(5, config["vocab_size"], length).astype(np.int32)
        types = (np.arange(length) > length // 2).astype(np.int32)
        inputs = {"input_ids": ids} | ({"token_type_ids": types} if family in SEGMENTS else {})
        with torch.no_grad():
            theirs = model(**{name: torch.tensor(array[None], dtype=torch.long) for name, array in inputs.items()})
        ours = backend.run([Window(ids, types)])[0]
        pairs = zip(ours, (theirs.start_logits, theirs.end_logits), strict=True)
        worst = max(worst, *(float(np.abs(mine - other.numpy()[0]).max()) for mine, other in pairs))
    return worst


@pytest.mark.parametrize(("family", "overrides"), CONFIGS)
def test_random_small_configs_at_every_length(family: str, overrides: dict[str, Any], tmp_path: Path) -> None:
    """Lengths 1 to 512, every third, within 1e-4 of transformers."""
    MODEL_TYPES[family](tmp_path, seed=len(str(overrides)), **overrides)

    assert worst_difference(family, tmp_path, range(1, 513, 3)) < 1e-4


@pytest.mark.parametrize("family", FULL_SIZE)
def test_full_size(family: str, tmp_path: Path) -> None:
    """A model of the real size with random weights: within 1e-4 of transformers at lengths from 1 to 512."""
    MODEL_TYPES[family](tmp_path, seed=1, spread=TRAINED_SPREAD, **FULL_SIZE[family])

    assert worst_difference(family, tmp_path, range(1, 513, 73)) < 1e-4
