"""BERT (Devlin et al. 2018), and the encoder shared by later families."""

from mooring.errors import ModelUnsupported, echo
from mooring.families.base import CONFIG_FILE, Config, Family, Inputs, Layers, Node, activation_of, positive, whole

EPSILON = 1e-12


def encode(layers: Layers, config: Config, inputs: Inputs, padding: int | None = None) -> Node:
    """The last hidden state, [B, L, H]. With `padding`, positions are numbered as in RoBERTa."""
    kind = config.get("position_embedding_type", "absolute")
    if kind != "absolute":
        raise ModelUnsupported(
            f"{CONFIG_FILE}: position_embedding_type is {echo(kind)}, which is not supported.",
            hint="Supported: absolute. Serve a checkpoint with absolute positions.",
        )
    hidden, epsilon = whole(config, "hidden_size"), positive(config, "layer_norm_eps", EPSILON)
    base = "embeddings"
    x = layers.embedding(inputs.input_ids, f"{base}.word_embeddings", whole(config, "vocab_size"), hidden)
    segments = whole(config, "type_vocab_size")
    table = f"{base}.token_type_embeddings"
    if inputs.token_type_ids is None:
        x = layers.add(x, layers.row(table, segments, hidden))
    else:
        x = layers.add(x, layers.embedding(inputs.token_type_ids, table, segments, hidden))
    rows = whole(config, "max_position_embeddings")
    x = layers.add(x, layers.positions(inputs.input_ids, f"{base}.position_embeddings", rows, hidden, padding))
    x = layers.layer_norm(x, f"{base}.LayerNorm", hidden, epsilon)
    bias = layers.padding_bias(inputs.attention_mask)
    for index in range(whole(config, "num_hidden_layers")):
        x = _layer(layers, config, x, bias, f"encoder.layer.{index}")
    return x


def _layer(layers: Layers, config: Config, x: Node, bias: Node, at: str) -> Node:
    hidden, inner = whole(config, "hidden_size"), whole(config, "intermediate_size")
    epsilon, heads = positive(config, "layer_norm_eps", EPSILON), whole(config, "num_attention_heads")
    query, key, value = (
        layers.linear(x, f"{at}.attention.self.{part}", hidden, hidden) for part in ("query", "key", "value")
    )
    mixed = layers.attention(query, key, value, bias, heads)
    mixed = layers.linear(mixed, f"{at}.attention.output.dense", hidden, hidden)
    x = layers.layer_norm(layers.add(mixed, x), f"{at}.attention.output.LayerNorm", hidden, epsilon)
    wide = layers.linear(x, f"{at}.intermediate.dense", hidden, inner)
    narrow = layers.linear(
        layers.activation(wide, activation_of(config, "hidden_act")), f"{at}.output.dense", inner, hidden
    )
    return layers.layer_norm(layers.add(narrow, x), f"{at}.output.LayerNorm", hidden, epsilon)


def _classify(layers: Layers, config: Config, first: Node, labels: int) -> Node:
    hidden = whole(config, "hidden_size")
    pooled = layers.activation(layers.linear(first, "pooler.dense", hidden, hidden), "tanh")
    return layers.linear(pooled, "classifier", hidden, labels)


def _predict(layers: Layers, config: Config, x: Node) -> Node:
    hidden, at = whole(config, "hidden_size"), "cls.predictions.transform"
    x = layers.activation(layers.linear(x, f"{at}.dense", hidden, hidden), activation_of(config, "hidden_act"))
    return layers.layer_norm(x, f"{at}.LayerNorm", hidden, positive(config, "layer_norm_eps", EPSILON))


BERT = Family(
    name="bert",
    prefix="bert.",
    tokenizer="BertTokenizer",
    segments=True,
    encode=encode,
    classify=_classify,
    predict=_predict,
    vocabulary_bias="cls.predictions.bias",
    weights={
        "span": "qa_outputs.weight",
        "sequence": "classifier.weight",
        "token": "classifier.weight",
        "masked": "cls.predictions.transform.dense.weight",
    },
)
