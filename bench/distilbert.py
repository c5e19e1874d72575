"""A full-size DistilBERT with random weights (seeded): realistic speed, meaningless answers."""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bench.processes import moor


def models(source: Path, squad: Path, work: Path) -> tuple[Path, Path]:
    """Create two folders below `work` if missing: safetensors, and its int8 artifact from `moor build`.

    `source` has config and tokenizer of distilbert-base-uncased. The int8 artifact is built without an accuracy check,
    because its answers are meaningless; the manifest and /info say so.
    """
    folder, int8 = exact(source, work), work / "distilbert-int8"
    if not int8.is_dir():
        calibration = ("--calibration", str(squad / "train-44-articles.json"), "--calibration-samples", "100")
        moor("build", str(folder), "-o", str(int8), "--precision", "int8", "--no-gate", *calibration)
    return folder, int8


def exact(source: Path, work: Path) -> Path:
    """The folder with safetensors, created below `work` if missing."""
    folder = work / "distilbert"
    if not (folder / "model.safetensors").is_file():
        _write(source, folder)
    return folder


def _write(source: Path, target: Path) -> None:
    """Write normally distributed weights with the config's initializer range."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copyfile(source / name, target / name)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["architectures"] = ["DistilBertForQuestionAnswering"]
    (target / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    rng = np.random.default_rng(0)
    tensors = {}
    for name, shape in _shapes(config).items():
        values = rng.standard_normal(shape, dtype=np.float32) * np.float32(config["initializer_range"])
        is_norm = "LayerNorm.weight" in name or "layer_norm.weight" in name
        tensors[name] = values + np.float32(1) if is_norm else values
    save_file(tensors, target / "model.safetensors", {"format": "pt"})


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
