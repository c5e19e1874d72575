"""What a graph is not built from, and what the message says then."""

import json
from pathlib import Path

import pytest

from mooring.errors import ModelError, ModelInvalid, ModelUnsupported
from mooring.graph.heads import build_graph
from mooring.graph.tensors import Tensors
from mooring.model.folder import ModelFolder
from mooring.model.weights import open_weights
from tests.support.tiny_models import write_tiny_bert, write_tiny_distilbert


def build(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    with open_weights(ModelFolder(folder)) as weights:
        build_graph({key: value for key, value in config.items() if value is not None}, Tensors(weights), "span")


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"model_type": "t5"}, ModelUnsupported, "'t5', which is not supported. Supported models: bert, distilbert"),
        ({"model_type": None}, ModelUnsupported, "model_type is None"),
        ({"hidden_size": 48}, ModelInvalid, ", 32], but config.json implies ["),
        ({"num_hidden_layers": 3}, ModelInvalid, "Tensor bert.encoder.layer.2"),
        ({"num_attention_heads": 5}, ModelInvalid, "hidden_size (32) must be a multiple of num_attention_heads (5)"),
        ({"num_attention_heads": "4"}, ModelInvalid, "num_attention_heads is '4'"),
        ({"hidden_act": "swish"}, ModelUnsupported, "'swish'"),
        ({"position_embedding_type": "relative_key"}, ModelUnsupported, "relative_key"),
        ({"intermediate_size": None}, ModelInvalid, "intermediate_size is missing"),
    ],
)
def test_a_config_that_does_not_fit(
    changes: dict[str, object], error: type[ModelError], said: str, tmp_path: Path
) -> None:
    """The message names the key or the tensor, what was seen and what was expected."""
    write_tiny_bert(tmp_path)

    with pytest.raises(error) as caught:
        build(tmp_path, **changes)

    assert said in str(caught.value)


def test_weights_of_another_family(tmp_path: Path) -> None:
    """BERT's config over DistilBERT's weights names the first tensor that is missing."""
    write_tiny_bert(tmp_path / "bert")
    write_tiny_distilbert(tmp_path / "distilbert")
    (tmp_path / "distilbert/config.json").write_text((tmp_path / "bert/config.json").read_text())

    with pytest.raises(ModelInvalid, match=r"Tensor bert\.embeddings.* not found in the weights"):
        build(tmp_path / "distilbert")
