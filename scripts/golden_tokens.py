"""Write tests/golden/token-classification.json and fill-mask.json: answers of transformers' pipelines.

Run once, in a separate environment (Mooring is not needed there):

    pip install torch==2.13.0 'transformers==4.57.*' numpy safetensors tokenizers
    python scripts/golden_tokens.py
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from transformers import pipeline

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.golden_tokens import FILLERS, LABELLERS, filled, labelled, write  # noqa: E402

TASKS = {"token-classification": (LABELLERS, "token"), "fill-mask": (FILLERS, "masked")}


def main() -> None:
    """Send every request to every model."""
    warnings.simplefilter("ignore")
    for task, (models, head) in TASKS.items():
        found = {name: answers(task, name, head) for name in models}
        target = ROOT / "tests" / "golden" / f"{task}.json"
        # Scores of numpy's floats, to the digits that the tests compare.
        text = json.dumps(json.loads(json.dumps(found, default=float), parse_float=_rounded), ensure_ascii=False)
        target.write_text(text + "\n", encoding="utf-8")
        print(f"{target.relative_to(ROOT)}: {len(found)} models")


def _rounded(number: str) -> float:
    return round(float(number), 6)


def answers(task: str, name: str, head: str) -> list[Any]:
    """The pipeline's answers to the requests of one model."""
    with tempfile.TemporaryDirectory() as folder:
        model = pipeline(task, str(write(name, head, Path(folder))), device="cpu")
        if head == "token":
            return [model(inputs, **parameters) for inputs, parameters in labelled(name)]
        found = []
        for inputs, given in filled(model.tokenizer.mask_token):
            parameters = dict(given)
            if parameters.pop("truncation", False):
                parameters["tokenizer_kwargs"] = {"truncation": True}
            found.append(model(inputs, **parameters))
        return found


if __name__ == "__main__":
    main()
