"""Write tests/golden/logits.npz: what transformers computes for the tiny random models of tests/support/tiny_models.py.

Run once, in an environment of its own (the package is not needed there):

    pip install torch==2.13.0 'transformers==4.57.*' numpy safetensors tokenizers
    python scripts/golden_logits.py
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForQuestionAnswering

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.golden_inputs import FAMILIES, LENGTHS, padded_batch, sequence  # noqa: E402


def main() -> None:
    """Load each family's tiny model and keep its float32 logits for every length and for one padded batch."""
    kept: dict[str, np.ndarray] = {}
    for family, write in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            model = AutoModelForQuestionAnswering.from_pretrained(write(Path(folder)), dtype=torch.float32).eval()
        for length in LENGTHS:
            ids, types = sequence(length)
            kept[f"{family}/{length}"] = _logits(model, family, ids[None], np.ones_like(ids)[None], types[None])
        kept[f"{family}/padded"] = _logits(model, family, *padded_batch())
    target = ROOT / "tests" / "golden" / "logits.npz"
    np.savez_compressed(target, **kept)
    print(f"{target.relative_to(ROOT)}: {len(kept)} arrays, {target.stat().st_size} bytes")


def _logits(model: torch.nn.Module, family: str, ids: np.ndarray, mask: np.ndarray, types: np.ndarray) -> np.ndarray:
    inputs = {"input_ids": ids, "attention_mask": mask} | ({"token_type_ids": types} if family == "bert" else {})
    with torch.no_grad():
        outputs = model(**{name: torch.tensor(array, dtype=torch.long) for name, array in inputs.items()})
    return np.stack([outputs.start_logits.numpy(), outputs.end_logits.numpy()])


if __name__ == "__main__":
    main()
