"""Write tests/golden/text-classification.json: answers of transformers' pipeline with the tests' tiny models.

Run once, in a separate environment (Mooring is not needed there):

    pip install torch==2.13.0 'transformers==4.57.*' numpy safetensors tokenizers
    python scripts/golden_classification.py
"""

import json
import sys
import tempfile
from pathlib import Path

from transformers import pipeline

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.golden_classification import CASES, MODELS, write  # noqa: E402


def main() -> None:
    """Send every request to every model."""
    found = {}
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            model = pipeline("text-classification", str(write(name, Path(folder))), device="cpu")
        found[name] = [model(inputs, **parameters) for inputs, parameters in CASES]
    target = ROOT / "tests" / "golden" / "text-classification.json"
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(found)} models, {len(CASES)} requests each")


if __name__ == "__main__":
    main()
