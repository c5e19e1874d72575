"""Print the ids and offsets of transformers for every folder of tests/support/tokenizer_texts.py as JSON.

Run in an environment with transformers 4.57:

    .work/transformers4/bin/python scripts/golden_places.py > tests/golden/tokenizer-places.json

For each folder, the output has [ids, offsets] of each text and pair, with special tokens and offsets in one flat list;
or `error` if it cannot load.
"""

import itertools
import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
warnings.simplefilter("ignore")

from tests.support.tokenizer_texts import PAIRS, TEXTS, folders  # noqa: E402
from tests.support.tokenizer_variants import write  # noqa: E402
from transformers import AutoTokenizer, logging  # noqa: E402


def encoded(folder: Path) -> dict[str, Any]:
    """Each text and pair."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = {}
    for name, texts in [*((f"text/{name}", (text,)) for name, text in TEXTS.items()), *PAIRS.items()]:
        made = tokenizer(*texts, return_offsets_mapping=True)
        found[name] = [made["input_ids"], list(itertools.chain.from_iterable(made["offset_mapping"]))]
    return found


def main() -> None:
    """Print one object: folder → text → [ids, offsets]."""
    logging.set_verbosity_error()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        for number, (name, files) in enumerate(folders()):
            folder = write(Path(place) / str(number), files)
            try:
                found[name] = encoded(folder)
            except Exception as error:
                found[name] = {"error": type(error).__name__}
                print(name, repr(error)[:150], file=sys.stderr)
    json.dump(found, sys.stdout, ensure_ascii=False, indent=None, separators=(",", ":"), sort_keys=True)


if __name__ == "__main__":
    main()
