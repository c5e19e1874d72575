"""A full-size DistilBERT with random weights from a seed: its speed is the real one's, its answers are nonsense."""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bench.processes import moor

SEED = 0
TOKENIZER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


def write_distilbert(source: Path, target: Path) -> Path:
    """`source` has config and tokenizer of distilbert-base-uncased; weights are normal with the config's own spread."""
    if (target / "model.safetensors").is_file():
        return target
    target.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        shutil.copyfile(source / name, target / name)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    rng = np.random.default_rng(SEED)
    tensors = {}
    for name, shape in _shapes(config).items():
        values = rng.standard_normal(shape, dtype=np.float32) * np.float32(config["initializer_range"])
        is_norm = "LayerNorm.weight" in name or "layer_norm.weight" in name
        tensors[name] = values + np.float32(1) if is_norm else values
    save_file(tensors, target / "model.safetensors", {"format": "pt"})
    return target


def build_int8(model: Path, target: Path, calibration: Path) -> Path:
    """Ungated, for there is nothing to hold its answers against: the manifest and /info say so."""
    if not target.is_dir():
        command = ("build", str(model), "-o", str(target), "--precision", "int8", "--no-gate")
        moor(*command, "--calibration", str(calibration), "--calibration-samples", "100")
    return target


def _shapes(config: dict[str, int]) -> dict[str, tuple[int, ...]]:
    dim, inner = config["dim"], config["hidden_dim"]
    shapes: dict[str, tuple[int, ...]] = {
        "distilbert.embeddings.word_embeddings.weight": (config["vocab_size"], dim),
        "distilbert.embeddings.position_embeddings.weight": (config["max_position_embeddings"], dim),
        **_pair("distilbert.embeddings.LayerNorm", dim),
        **_pair("qa_outputs", 2, dim),
    }
    for number in range(config["n_layers"]):
        layer = f"distilbert.transformer.layer.{number}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            shapes |= _pair(f"{layer}.attention.{part}", dim, dim)
        shapes |= _pair(f"{layer}.sa_layer_norm", dim) | _pair(f"{layer}.output_layer_norm", dim)
        shapes |= _pair(f"{layer}.ffn.lin1", inner, dim) | _pair(f"{layer}.ffn.lin2", dim, inner)
    return shapes


def _pair(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
