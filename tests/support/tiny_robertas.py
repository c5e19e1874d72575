"""Writes small random folders of RoBERTa's relatives, of the size and form of `tiny_models.py`'s."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.tiny_models import (
    CLASSES,
    Shapes,
    labelled,
    linear,
    named,
    norm,
    roberta_head,
    vocabulary,
    write_folder,
    write_json,
    write_tiny_roberta,
)


def write_tiny_xlm_roberta(folder: Path, seed: int = 1, head: str = "span", **overrides: Any) -> Path:
    """An XLM-RoBERTa folder. Its tokenizer.json is that of `write_tiny_roberta`."""
    return _renamed(folder, seed, head, ("XLMRoberta", "xlm-roberta"), overrides)


def write_tiny_camembert(folder: Path, seed: int = 2, head: str = "span", **overrides: Any) -> Path:
    """A CamemBERT folder, with the same tokenizer.json."""
    return _renamed(folder, seed, head, ("Camembert", "camembert"), {"bos_token_id": 5, "eos_token_id": 6, **overrides})


def _renamed(folder: Path, seed: int, head: str, names: tuple[str, str], overrides: Mapping[str, Any]) -> Path:
    classes, model_type = names
    stated = {"architectures": [f"{classes}{CLASSES[head]}"], "model_type": model_type, **overrides}
    write_tiny_roberta(folder, seed, head=head, **stated)
    tokenizer = {"tokenizer_class": f"{classes}Tokenizer", "additional_special_tokens": [], "model_max_length": 512}
    write_json(folder / "tokenizer_config.json", tokenizer)
    return folder


MPNET_WORDS = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>", *vocabulary()[5:]]


def write_tiny_mpnet(folder: Path, seed: int = 3, spread: float = 0.2, head: str = "span", **overrides: Any) -> Path:
    """An MPNet folder with a vocab.txt and no tokenizer.json."""
    config = {
        "architectures": [f"MPNet{CLASSES[head]}"],
        "model_type": "mpnet",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 514,
        "relative_attention_num_buckets": 32,
        "vocab_size": len(MPNET_WORDS),
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        **overrides,
    }
    write_folder(
        folder, labelled(config, head), named(_mpnet_shapes(config), roberta_head(config, head), "mpnet."), seed, spread
    )
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in MPNET_WORDS), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "MPNetTokenizer", "model_max_length": 512})
    return folder


def _mpnet_shapes(config: Mapping[str, Any]) -> Shapes:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        **norm("embeddings.LayerNorm", hidden),
        "encoder.relative_attention_bias.weight": (
            config["relative_attention_num_buckets"],
            config["num_attention_heads"],
        ),
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        for part in ("q", "k", "v", "o"):
            shapes |= linear(f"{layer}.attention.attn.{part}", hidden, hidden)
        shapes |= norm(f"{layer}.attention.LayerNorm", hidden)
        shapes |= linear(f"{layer}.intermediate.dense", inner, hidden)
        shapes |= linear(f"{layer}.output.dense", hidden, inner) | norm(f"{layer}.output.LayerNorm", hidden)
    return shapes
