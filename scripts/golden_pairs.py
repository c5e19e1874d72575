"""Write tests/golden/text-ranking.json and zero-shot-classification.json: answers of other libraries' tiny models.

Rankings are of sentence-transformers' CrossEncoder, the others of transformers' pipeline. Run once, in a separate
environment (Mooring is not needed there):

    pip install torch==2.13.0 'transformers==4.57.*' sentence-transformers==5.2.3 numpy safetensors tokenizers
    python scripts/golden_pairs.py
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from sentence_transformers import CrossEncoder
from transformers import pipeline

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.golden_pairs import CHOICES, NLI, RANKERS, RANKINGS, write_nli, write_ranker  # noqa: E402


def rankings(name: str) -> list[Any]:
    """For each query the texts' indices and scores, best first."""
    with tempfile.TemporaryDirectory() as folder:
        model = CrossEncoder(str(write_ranker(name, Path(folder))), device="cpu")
    found = [model.rank(query, texts) for query, texts in RANKINGS]
    return [[{"index": int(one["corpus_id"]), "score": float(one["score"])} for one in each] for each in found]


def choices(name: str) -> list[Any]:
    """The pipeline's answers."""
    with tempfile.TemporaryDirectory() as folder:
        model = pipeline("zero-shot-classification", str(write_nli(name, Path(folder))), device="cpu")
    return [model(inputs, **parameters) for inputs, parameters in CHOICES]


def write(name: str, found: dict[str, list[Any]]) -> None:
    target = ROOT / "tests" / "golden" / f"{name}.json"
    target.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(found)} models")


def main() -> None:
    """Send every request to every model."""
    write("text-ranking", {name: rankings(name) for name in RANKERS})
    write("zero-shot-classification", {name: choices(name) for name in NLI})


if __name__ == "__main__":
    main()
