"""DistilBERT (Sanh et al. 2019): half of BERT's layers, no segments, no pooler."""

from mooring.families.base import Config, Family, Inputs, Layers, Node, SizeKeys, activation_of, whole

EPSILON = 1e-12
"""Not in the config: transformers' DistilBERT hard-codes it."""


def _encode(layers: Layers, config: Config, inputs: Inputs) -> Node:
    hidden, heads, inner = (whole(config, key) for key in ("dim", "n_heads", "hidden_dim"))
    base, kind = "embeddings", activation_of(config, "activation")
    x = layers.embedding(inputs.input_ids, f"{base}.word_embeddings", whole(config, "vocab_size"), hidden)
    rows = whole(config, "max_position_embeddings")
    x = layers.add(x, layers.positions(inputs.input_ids, f"{base}.position_embeddings", rows, hidden))
    x = layers.layer_norm(x, f"{base}.LayerNorm", hidden, EPSILON)
    bias = layers.padding_bias(inputs.attention_mask)
    for index in range(whole(config, "n_layers")):
        at = f"transformer.layer.{index}"
        query, key, value = (layers.linear(x, f"{at}.attention.{part}_lin", hidden, hidden) for part in ("q", "k", "v"))
        mixed = layers.attention(query, key, value, bias, heads)
        mixed = layers.linear(mixed, f"{at}.attention.out_lin", hidden, hidden)
        x = layers.layer_norm(layers.add(mixed, x), f"{at}.sa_layer_norm", hidden, EPSILON)
        wide = layers.activation(layers.linear(x, f"{at}.ffn.lin1", hidden, inner), kind)
        narrow = layers.linear(wide, f"{at}.ffn.lin2", inner, hidden)
        x = layers.layer_norm(layers.add(narrow, x), f"{at}.output_layer_norm", hidden, EPSILON)
    return x


def _classify(layers: Layers, config: Config, first: Node, labels: int) -> Node:
    hidden = whole(config, "dim")
    return layers.linear(
        layers.activation(layers.linear(first, "pre_classifier", hidden, hidden), "relu"), "classifier", hidden, labels
    )


def _predict(layers: Layers, config: Config, x: Node) -> Node:
    hidden = whole(config, "dim")
    x = layers.activation(layers.linear(x, "vocab_transform", hidden, hidden), activation_of(config, "activation"))
    return layers.layer_norm(x, "vocab_layer_norm", hidden, EPSILON)


DISTILBERT = Family(
    name="distilbert",
    prefix="distilbert.",
    tokenizer="DistilBertTokenizer",
    segments=False,
    encode=_encode,
    classify=_classify,
    predict=_predict,
    vocabulary_bias="vocab_projector.bias",
    weights={
        "span": "qa_outputs.weight",
        "sequence": "pre_classifier.weight",
        "token": "classifier.weight",
        "masked": "vocab_transform.weight",
    },
    keys=SizeKeys(hidden="dim", layers="n_layers", heads="n_heads"),
)
