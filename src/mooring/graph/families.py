"""Token ids in, hidden states out: one function a model family, and the table that names them.

Called by `build_graph` in `heads.py`. Names of weights and of config keys are those of the Hub's checkpoints.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mooring.errors import ModelInvalid, echo
from mooring.graph.layers import Layers, Node
from mooring.model.config import positive, whole


@dataclass(frozen=True, slots=True)
class Inputs:
    """The graph's parameters, each [B, L] int32."""

    input_ids: Node
    attention_mask: Node
    token_type_ids: Node


@dataclass(frozen=True, slots=True)
class Family:
    """How one family is built: `encode` gives the last hidden state [B, L, H]."""

    encode: Callable[[Layers, Mapping[str, Any], Inputs], Node]
    hidden_size: str
    """The config key that holds H."""
    segments: bool
    """Whether the model tells question from passage by `token_type_ids`."""


def _bert(layers: Layers, config: Mapping[str, Any], inputs: Inputs) -> Node:
    hidden, heads = whole(config, "hidden_size"), whole(config, "num_attention_heads")
    inner, epsilon = whole(config, "intermediate_size"), positive(config, "layer_norm_eps", 1e-12)
    kind = config.get("position_embedding_type", "absolute")
    if kind != "absolute":
        raise ModelInvalid(f"config.json: position_embedding_type is {echo(kind)}; only 'absolute' is known.")
    base = "bert.embeddings"
    x = layers.embedding(inputs.input_ids, f"{base}.word_embeddings", whole(config, "vocab_size"), hidden)
    segments = whole(config, "type_vocab_size")
    x = layers.add(x, layers.embedding(inputs.token_type_ids, f"{base}.token_type_embeddings", segments, hidden))
    rows = whole(config, "max_position_embeddings")
    x = layers.add(x, layers.positions(inputs.input_ids, f"{base}.position_embeddings", rows, hidden))
    x = layers.layer_norm(x, f"{base}.LayerNorm", hidden, epsilon)
    bias = layers.padding_bias(inputs.attention_mask)
    for index in range(whole(config, "num_hidden_layers")):
        at = f"bert.encoder.layer.{index}"
        query, key, value = (
            layers.linear(x, f"{at}.attention.self.{part}", hidden, hidden) for part in ("query", "key", "value")
        )
        mixed = layers.attention(query, key, value, bias, heads)
        mixed = layers.linear(mixed, f"{at}.attention.output.dense", hidden, hidden)
        x = layers.layer_norm(layers.add(mixed, x), f"{at}.attention.output.LayerNorm", hidden, epsilon)
        wide = layers.linear(x, f"{at}.intermediate.dense", hidden, inner)
        wide = layers.activation(wide, config, "hidden_act")
        narrow = layers.linear(wide, f"{at}.output.dense", inner, hidden)
        x = layers.layer_norm(layers.add(narrow, x), f"{at}.output.LayerNorm", hidden, epsilon)
    return x


DISTILBERT_EPSILON = 1e-12
"""Not in the config: transformers' DistilBERT writes it into the layer."""


def _distilbert(layers: Layers, config: Mapping[str, Any], inputs: Inputs) -> Node:
    hidden, heads, inner = (whole(config, key) for key in ("dim", "n_heads", "hidden_dim"))
    base = "distilbert.embeddings"
    x = layers.embedding(inputs.input_ids, f"{base}.word_embeddings", whole(config, "vocab_size"), hidden)
    rows = whole(config, "max_position_embeddings")
    x = layers.add(x, layers.positions(inputs.input_ids, f"{base}.position_embeddings", rows, hidden))
    x = layers.layer_norm(x, f"{base}.LayerNorm", hidden, DISTILBERT_EPSILON)
    bias = layers.padding_bias(inputs.attention_mask)
    for index in range(whole(config, "n_layers")):
        at = f"distilbert.transformer.layer.{index}"
        query, key, value = (layers.linear(x, f"{at}.attention.{part}_lin", hidden, hidden) for part in ("q", "k", "v"))
        mixed = layers.attention(query, key, value, bias, heads)
        mixed = layers.linear(mixed, f"{at}.attention.out_lin", hidden, hidden)
        x = layers.layer_norm(layers.add(mixed, x), f"{at}.sa_layer_norm", hidden, DISTILBERT_EPSILON)
        wide = layers.activation(layers.linear(x, f"{at}.ffn.lin1", hidden, inner), config, "activation")
        narrow = layers.linear(wide, f"{at}.ffn.lin2", inner, hidden)
        x = layers.layer_norm(layers.add(narrow, x), f"{at}.output_layer_norm", hidden, DISTILBERT_EPSILON)
    return x


FAMILIES: Mapping[str, Family] = {
    "bert": Family(_bert, "hidden_size", segments=True),
    "distilbert": Family(_distilbert, "dim", segments=False),
}
"""`model_type` of config.json → how to build it."""
