"""MPNet (Song et al. 2020): RoBERTa's positions and heads, and a bias for the distance between two tokens.

The bias is the same in all layers. transformers' MPNet hard-codes the padding token and the number of buckets.
"""

from mooring.errors import ModelInvalid
from mooring.families import bert, roberta
from mooring.families.base import (
    CONFIG_FILE,
    Buckets,
    Config,
    Family,
    Inputs,
    Layers,
    Node,
    activation_of,
    positive,
    whole,
)

PADDING = 1
"""Id of the padding token, whatever config.json says."""
BUCKETS = 32
FARTHEST = 128
"""Distance from which on all tokens share a bucket."""


def bucket_of(distance: int) -> int:
    """The bucket of a distance from query to key, as in T5 (Raffel et al. 2020): exact up to 7, then logarithmic."""
    half = BUCKETS // 2
    exact = half // 2
    steps = abs(distance)
    if steps >= exact:
        # exact + floor(exact · log(steps / exact) / log(FARTHEST / exact)), of which the factor is 2 / log(2):
        # integers have no rounding at powers of two.
        steps = min(half - 1, exact - 1 + (steps * steps // exact**2).bit_length())
    return steps + (half if distance > 0 else 0)


def _encode(layers: Layers, config: Config, inputs: Inputs) -> Node:
    hidden, epsilon = whole(config, "hidden_size"), positive(config, "layer_norm_eps", bert.EPSILON)
    base, rows = "embeddings", whole(config, "max_position_embeddings")
    x = layers.embedding(inputs.input_ids, f"{base}.word_embeddings", whole(config, "vocab_size"), hidden)
    x = layers.add(x, layers.positions(inputs.input_ids, f"{base}.position_embeddings", rows, hidden, PADDING))
    x = layers.layer_norm(x, f"{base}.LayerNorm", hidden, epsilon)
    relative = layers.relative_bias(
        inputs.input_ids, "encoder.relative_attention_bias", whole(config, "num_attention_heads"), _buckets(config)
    )
    # [B, A, L, L], once for all layers: the fused attention takes one bias. The relative one alone, [1, A, L, L], would
    # save 0.2 % of a base model's batch of 8 × 128 tokens in fp32.
    bias = layers.add(relative, layers.padding_bias(inputs.attention_mask))
    for index in range(whole(config, "num_hidden_layers")):
        x = _layer(layers, config, x, bias, f"encoder.layer.{index}")
    return x


def _buckets(config: Config) -> Buckets:
    key = "relative_attention_num_buckets"
    rows = whole(config, key) if key in config else BUCKETS
    if rows < BUCKETS:
        raise ModelInvalid(
            f"{CONFIG_FILE}: {key} is {rows}; MPNet uses {BUCKETS} buckets.",
            hint="Use config.json from the model's own repository.",
        )
    longest = whole(config, "max_position_embeddings")
    return Buckets(rows, tuple(bucket_of(distance) for distance in range(1 - longest, longest)))


def _layer(layers: Layers, config: Config, x: Node, bias: Node, at: str) -> Node:
    hidden, inner = whole(config, "hidden_size"), whole(config, "intermediate_size")
    epsilon, heads = positive(config, "layer_norm_eps", bert.EPSILON), whole(config, "num_attention_heads")
    query, key, value = (layers.linear(x, f"{at}.attention.attn.{part}", hidden, hidden) for part in ("q", "k", "v"))
    mixed = layers.attention(query, key, value, bias, heads)
    mixed = layers.linear(mixed, f"{at}.attention.attn.o", hidden, hidden)
    x = layers.layer_norm(layers.add(mixed, x), f"{at}.attention.LayerNorm", hidden, epsilon)
    wide = layers.linear(x, f"{at}.intermediate.dense", hidden, inner)
    narrow = layers.linear(
        layers.activation(wide, activation_of(config, "hidden_act")), f"{at}.output.dense", inner, hidden
    )
    return layers.layer_norm(layers.add(narrow, x), f"{at}.output.LayerNorm", hidden, epsilon)


MPNET = Family(
    name="mpnet",
    prefix="mpnet.",
    tokenizer="MPNetTokenizer",
    segments=False,
    encode=_encode,
    classify=roberta.classify,
    predict=roberta.predict,
    vocabulary_bias="lm_head.bias",
    weights=roberta.ROBERTA.weights,
    # Positions start at PADDING + 1: 514 rows are 512 tokens.
    reserved_positions=lambda _: PADDING + 1,
)
