"""Writes small random model folders that look exactly as they come from the Hub.

Tensor names, shapes and config keys are those of transformers' classes, `BertForQuestionAnswering` by default; `head`
names another one: "sequence" is `BertForSequenceClassification`. The tokenizer is a real WordPiece one over a
vocabulary that covers ASCII letters, digits, punctuation and some words. Weights come from a seeded numpy generator, so
that the same call writes the same bytes.
"""

import json
import string
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, WordPiece

_WORDS = (
    "the of and to in is was for on that with as by at from it his he an were are which this be or had first one "
    "new has but not who their its she after they been where when what how many much did does do city river "
    "country year people world war king queen capital north south east west large small old great known name "
    "called born died lives built near"
)
_PIECES = ["s", "ed", "ing", "ly", "er", "est", "ion", "al", "ic", "ment"]
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

Array = np.ndarray[Any, np.dtype[np.float32]]


def vocabulary() -> list[str]:
    """About 190 word pieces; ids are positions. The first five are the special tokens, [PAD] is 0."""
    letters = list(string.ascii_lowercase + string.digits)
    pieces = [f"##{p}" for p in dict.fromkeys([*letters, *_PIECES])]
    return [*SPECIALS, *letters, *string.punctuation, *_WORDS.split(), *pieces]


def write_tokenizer(folder: Path, *, max_positions: int = 512) -> None:
    """tokenizer.json, tokenizer_config.json and vocab.txt of a lower-casing BERT tokenizer."""
    vocab = {piece: number for number, piece in enumerate(vocabulary())}
    tokenizer = Tokenizer(WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(SPECIALS))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in vocab), encoding="utf-8")
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": True,
            "model_max_length": max_positions,
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "mask_token": "[MASK]",
        },
    )


CLASSES = {
    "span": "ForQuestionAnswering",
    "sequence": "ForSequenceClassification",
    "token": "ForTokenClassification",
    "masked": "ForMaskedLM",
    "hidden": "Model",
}
"""Head → the end of its class's name."""
LABELS = {"0": "good", "1": "bad", "2": "neither"}


def write_tiny_bert(folder: Path, seed: int = 0, spread: float = 0.2, head: str = "span", **overrides: Any) -> Path:
    """A BERT folder: hidden 32, 2 layers, 4 heads; `overrides` go into config.json.

    `spread` is the weights' standard deviation: 0.2 makes tiny layers as lively as trained ones, large ones chaotic.
    """
    config = {
        "architectures": [f"Bert{CLASSES[head]}"],
        "model_type": "bert",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary()),
        "pad_token_id": 0,
        "initializer_range": 0.02,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        **overrides,
    }
    shapes = named(_bert_shapes(config), _bert_head(config, head), "bert.")
    return write_folder(folder, labelled(config, head), shapes, seed, spread)


def write_tiny_distilbert(
    folder: Path, seed: int = 0, spread: float = 0.2, head: str = "span", **overrides: Any
) -> Path:
    """A DistilBERT folder of the same size. `overrides` go into config.json."""
    config = {
        "architectures": [f"DistilBert{CLASSES[head]}"],
        "model_type": "distilbert",
        "activation": "gelu",
        "dim": 32,
        "hidden_dim": 64,
        "n_heads": 4,
        "n_layers": 2,
        "max_position_embeddings": 512,
        "vocab_size": len(vocabulary()),
        "pad_token_id": 0,
        "sinusoidal_pos_embds": False,
        "initializer_range": 0.02,
        "attention_dropout": 0.1,
        "dropout": 0.1,
        "qa_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "tie_weights_": True,
        **overrides,
    }
    shapes = named(_distilbert_shapes(config), _distilbert_head(config, head), "distilbert.")
    return write_folder(folder, labelled(config, head), shapes, seed, spread)


def byte_level_tokenizer() -> Tokenizer:
    """RoBERTa's: a byte-level BPE of single bytes and some merges, ids as in its vocabularies (<s> 0, <pad> 1, …)."""
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ġ", "a"), ("i", "s"), ("Ġ", "is"), ("o", "o"), ("g", "oo")]
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    tokens = [*specials, *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges), "<mask>"]
    vocab = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    tokenizer.add_special_tokens([*specials, AddedToken("<mask>", lstrip=True)])
    return tokenizer


def write_tiny_roberta(folder: Path, seed: int = 0, spread: float = 0.2, head: str = "span", **overrides: Any) -> Path:
    """A RoBERTa folder of the size of `write_tiny_bert`'s, which reads 512 tokens; `overrides` go into config.json."""
    tokenizer = byte_level_tokenizer()
    config = {
        "architectures": [f"Roberta{CLASSES[head]}"],
        "model_type": "roberta",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "vocab_size": tokenizer.get_vocab_size(),
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        **overrides,
    }
    shapes = named(_bert_shapes(config), roberta_head(config, head), "roberta.")
    write_folder(folder, labelled(config, head), shapes, seed, spread)
    (folder / "vocab.txt").unlink()
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer", "model_max_length": 512})
    return folder


def random_weights(shapes: Mapping[str, tuple[int, ...]], seed: int, spread: float = 0.2) -> dict[str, Array]:
    """Float32 arrays with a spread wide enough that softmaxes are not flat and layer norms are not the identity."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}
    for name, shape in shapes.items():
        values = rng.standard_normal(shape, dtype=np.float32)
        is_norm = "LayerNorm.weight" in name or "layer_norm.weight" in name
        arrays[name] = values * np.float32(0.1) + np.float32(1) if is_norm else values * np.float32(spread)
    return arrays


def save_as(arrays: Mapping[str, Array], dtype: str, path: Path) -> None:
    """A safetensors file of float32 arrays, stored as F32, F16 or BF16; the library's numpy writer knows no BF16."""
    if dtype != "BF16":
        kind = {"F32": np.float32, "F16": np.float16}[dtype]
        save_file({name: array.astype(kind) for name, array in arrays.items()}, path, {"format": "pt"})
        return
    header: dict[str, Any] = {}
    data = b""
    for name, array in arrays.items():
        bits = (array.view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(bits)]}
        data += bits
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def write_folder(
    folder: Path, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], seed: int, spread: float = 0.2
) -> Path:
    write_tokenizer(folder, max_positions=int(config["max_position_embeddings"]))
    write_json(folder / "config.json", config)
    save_file(random_weights(shapes, seed, spread), folder / "model.safetensors", {"format": "pt"})
    return folder


def linear(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


Shapes = dict[str, tuple[int, ...]]


def labelled(config: Mapping[str, Any], head: str) -> dict[str, Any]:
    return {"id2label": LABELS, **config} if head in ("sequence", "token") else dict(config)


def named(encoder: Shapes, head: Shapes, prefix: str) -> Shapes:
    """As saved: with a head the encoder's names have a prefix, alone none. The order decides on the values."""
    names = {(prefix if head else "") + name: shape for name, shape in encoder.items()}
    embeddings = {name: shape for name, shape in names.items() if "embeddings." in name}
    return embeddings | head | names


def _bert_head(config: Mapping[str, Any], head: str) -> Shapes:
    hidden, labels = config["hidden_size"], len(config.get("id2label", LABELS))
    transform = "cls.predictions.transform"
    heads = {
        "span": linear("qa_outputs", 2, hidden),
        "sequence": linear("bert.pooler.dense", hidden, hidden) | linear("classifier", labels, hidden),
        "token": linear("classifier", labels, hidden),
        "masked": {
            **linear(f"{transform}.dense", hidden, hidden),
            **norm(f"{transform}.LayerNorm", hidden),
            "cls.predictions.bias": (config["vocab_size"],),
        },
    }
    return heads.get(head, {})


def roberta_head(config: Mapping[str, Any], head: str) -> Shapes:
    hidden, labels = config["hidden_size"], len(config.get("id2label", LABELS))
    heads = {
        "span": linear("qa_outputs", 2, hidden),
        "sequence": linear("classifier.dense", hidden, hidden) | linear("classifier.out_proj", labels, hidden),
        "token": linear("classifier", labels, hidden),
        "masked": {
            **linear("lm_head.dense", hidden, hidden),
            **norm("lm_head.layer_norm", hidden),
            "lm_head.bias": (config["vocab_size"],),
        },
    }
    return heads.get(head, {})


def _distilbert_head(config: Mapping[str, Any], head: str) -> Shapes:
    dim, labels = config["dim"], len(config.get("id2label", LABELS))
    heads = {
        "span": linear("qa_outputs", 2, dim),
        "sequence": linear("pre_classifier", dim, dim) | linear("classifier", labels, dim),
        "token": linear("classifier", labels, dim),
        "masked": {
            **linear("vocab_transform", dim, dim),
            **norm("vocab_layer_norm", dim),
            "vocab_projector.bias": (config["vocab_size"],),
        },
    }
    return heads.get(head, {})


def _bert_shapes(config: Mapping[str, Any]) -> Shapes:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
        **norm("embeddings.LayerNorm", hidden),
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= linear(f"{layer}.attention.{part}", hidden, hidden)
        shapes |= norm(f"{layer}.attention.output.LayerNorm", hidden)
        shapes |= linear(f"{layer}.intermediate.dense", inner, hidden) | linear(f"{layer}.output.dense", hidden, inner)
        shapes |= norm(f"{layer}.output.LayerNorm", hidden)
    return shapes


def _distilbert_shapes(config: Mapping[str, Any]) -> Shapes:
    dim, inner = config["dim"], config["hidden_dim"]
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], dim),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], dim),
        **norm("embeddings.LayerNorm", dim),
    }
    for number in range(config["n_layers"]):
        layer = f"transformer.layer.{number}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            shapes |= linear(f"{layer}.attention.{part}", dim, dim)
        shapes |= norm(f"{layer}.sa_layer_norm", dim) | norm(f"{layer}.output_layer_norm", dim)
        shapes |= linear(f"{layer}.ffn.lin1", inner, dim) | linear(f"{layer}.ffn.lin2", dim, inner)
    return shapes
