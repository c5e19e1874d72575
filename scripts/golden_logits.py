"""Write tests/golden/logits.npz and heads.npz: outputs of transformers for the tests' tiny random models.

Run once, in a separate environment (Mooring is not needed there):

    pip install torch==2.13.0 'transformers==4.57.*' numpy safetensors tokenizers
    python scripts/golden_logits.py
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.golden_inputs import (  # noqa: E402
    FAMILIES,
    HEAD_LENGTHS,
    LENGTHS,
    MODEL_TYPES,
    POSITIONS,
    SEGMENTS,
    padded_batch,
    sequence,
)

CLASSES = {
    "span": AutoModelForQuestionAnswering,
    "sequence": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
    "masked": AutoModelForMaskedLM,
    "hidden": AutoModel,
}


def main() -> None:
    """Save the float32 logits of each family's tiny model, for every length and for one padded batch."""
    kept: dict[str, np.ndarray] = {}
    for family, write in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            model = AutoModelForQuestionAnswering.from_pretrained(write(Path(folder)), dtype=torch.float32).eval()
        for length in LENGTHS:
            ids, types = sequence(length)
            kept[f"{family}/{length}"] = _logits(model, family, ids[None], np.ones_like(ids)[None], types[None])
        kept[f"{family}/padded"] = _logits(model, family, *padded_batch())
    _save("logits.npz", kept)
    _save("heads.npz", {name: array for kind in MODEL_TYPES for name, array in _heads(kind)})


def _save(name: str, kept: dict[str, np.ndarray]) -> None:
    target = ROOT / "tests" / "golden" / name
    np.savez_compressed(target, **kept)
    print(f"{target.relative_to(ROOT)}: {len(kept)} arrays, {target.stat().st_size} bytes")


def _heads(model_type: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each head's float32 output for one window of each length, without the batch axis: of tokens, `POSITIONS`."""
    for head, kind in CLASSES.items():
        with tempfile.TemporaryDirectory() as folder:
            model = kind.from_pretrained(MODEL_TYPES[model_type](Path(folder), head=head), dtype=torch.float32).eval()
        for length in HEAD_LENGTHS:
            ids, types = sequence(length)
            with torch.no_grad():
                found = model(**_inputs(model_type, ids[None], np.ones_like(ids)[None], types[None]))
            at = POSITIONS[length > POSITIONS]
            first = found[0].numpy()[0]
            if head == "span":
                yield f"{model_type}/span/{length}", np.stack([first, found[1].numpy()[0]])[:, at]
            else:
                yield f"{model_type}/{head}/{length}", first if head == "sequence" else first[at]
            if head == "hidden":
                yield f"{model_type}/mean/{length}", first.mean(axis=0)
                yield f"{model_type}/cls/{length}", first[0]
                yield f"{model_type}/max/{length}", first.max(axis=0)


def _inputs(family: str, ids: np.ndarray, mask: np.ndarray, types: np.ndarray) -> dict[str, torch.Tensor]:
    inputs = {"input_ids": ids, "attention_mask": mask} | ({"token_type_ids": types} if family in SEGMENTS else {})
    return {name: torch.tensor(array, dtype=torch.long) for name, array in inputs.items()}


def _logits(model: torch.nn.Module, family: str, ids: np.ndarray, mask: np.ndarray, types: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        outputs = model(**_inputs(family, ids, mask, types))
    return np.stack([outputs.start_logits.numpy(), outputs.end_logits.numpy()])


if __name__ == "__main__":
    main()
