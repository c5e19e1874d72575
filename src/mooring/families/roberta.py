"""RoBERTa (Liu et al. 2019): BERT's encoder, with positions that start after the padding token's id.

XLM-RoBERTa (Conneau et al. 2020) and CamemBERT (Martin et al. 2020) differ in their tokenizers only; transformers names
the weights of all three alike.
"""

from dataclasses import replace

from mooring.families import bert
from mooring.families.base import Config, Family, Inputs, Layers, Node, positive, whole


def _padding(config: Config) -> int:
    return whole(config, "pad_token_id") if config.get("pad_token_id") is not None else 1


def _encode(layers: Layers, config: Config, inputs: Inputs) -> Node:
    return bert.encode(layers, config, inputs, padding=_padding(config))


def classify(layers: Layers, config: Config, first: Node, labels: int) -> Node:
    """The sequence head, shared by MPNet."""
    hidden = whole(config, "hidden_size")
    pooled = layers.activation(layers.linear(first, "classifier.dense", hidden, hidden), "tanh")
    return layers.linear(pooled, "classifier.out_proj", hidden, labels)


def predict(layers: Layers, config: Config, x: Node) -> Node:
    """The masked head, shared by MPNet."""
    hidden = whole(config, "hidden_size")
    x = layers.activation(layers.linear(x, "lm_head.dense", hidden, hidden), "gelu")
    return layers.layer_norm(x, "lm_head.layer_norm", hidden, positive(config, "layer_norm_eps", bert.EPSILON))


ROBERTA = Family(
    name="roberta",
    prefix="roberta.",
    tokenizer="RobertaTokenizer",
    segments=False,
    encode=_encode,
    classify=classify,
    predict=predict,
    vocabulary_bias="lm_head.bias",
    weights={
        "span": "qa_outputs.weight",
        "sequence": "classifier.out_proj.weight",
        "token": "classifier.weight",
        "masked": "lm_head.dense.weight",
    },
    # Positions start at pad_token_id + 1: 514 rows are 512 tokens.
    reserved_positions=lambda config: _padding(config) + 1,
)
XLM_ROBERTA = replace(ROBERTA, name="xlm-roberta", tokenizer="XLMRobertaTokenizer")
CAMEMBERT = replace(ROBERTA, name="camembert", tokenizer="CamembertTokenizer")
