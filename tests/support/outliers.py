"""Plants an outlier channel into a model: what it computes stays the same, but int8 can no longer hold it.

Used by the tests of `moor build`'s gate.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file


def plant_outlier(folder: Path, *, layers: tuple[int, ...], factor: float = 512.0, channel: int = 0) -> None:
    """Multiply one channel per head of a BERT's queries by `factor` and divide the same of its keys by it.

    Their product, which is all that attention uses, stays the same (a power of two is exact in floating point). In
    int8 a tensor has one scale: the queries' other channels are lost beside the outlier, and the keys' channel beside
    the others.
    """
    path = folder / "model.safetensors"
    tensors = load_file(path)
    heads = int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["num_attention_heads"])
    for layer in layers:
        for part, scale in (("query", factor), ("key", 1 / factor)):
            for kind in ("weight", "bias"):
                name = f"bert.encoder.layer.{layer}.attention.self.{part}.{kind}"
                tensor = tensors[name].astype(np.float32)
                tensor[channel :: len(tensor) // heads] *= scale
                # In fp16 a key divided by 512 would lose digits, and the function would change.
                tensors[name] = tensor
    save_file(tensors, path)
