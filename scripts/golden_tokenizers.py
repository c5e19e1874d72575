"""Print transformers' output for every tokenizer folder of tests/support/tokenizer_variants.py as JSON.

Run in an environment with the version of transformers to compare with:

    .work/transformers4/bin/python scripts/golden_tokenizers.py variants > tests/golden/tokenizers.json
    .work/transformers5/bin/python scripts/golden_tokenizers.py saved_by_5 > tests/golden/tokenizers-saved-by-5.json

For each variant, the output has the windows of the question-answering pipeline: `ids` and `types` as passed to the
model, the window's `length`, and `cls`, the id that means "no answer"; or `error` if it cannot load or encode.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
warnings.simplefilter("ignore")

from tests.support import tokenizer_variants  # noqa: E402
from tests.support.tokenizer_variants import CONTEXT, QUESTION, write  # noqa: E402
from transformers import AutoTokenizer, logging  # noqa: E402

LONGEST = 32
"""Maximum window length, short enough for several windows of a short text."""


def windows(folder: Path) -> dict[str, Any]:
    """Tokenize as the pipeline's `preprocess` and `_forward` do."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.is_fast:
        raise TypeError("slow")
    length = min(tokenizer.model_max_length, LONGEST)
    encoded = tokenizer(
        text=QUESTION,
        text_pair=CONTEXT,
        truncation="only_second",
        max_length=length,
        stride=4,
        return_token_type_ids=True,
        return_overflowing_tokens=True,
    )
    names = tokenizer.model_input_names
    if "input_ids" not in names:
        raise KeyError("input_ids")
    types = encoded["token_type_ids"]
    if "token_type_ids" not in names:
        types = [[0] * len(row) for row in types]
    return {"ids": encoded["input_ids"], "types": types, "length": int(length), "cls": tokenizer.cls_token_id}


def main() -> None:
    """Print one object: variant → windows or error."""
    logging.set_verbosity_error()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        for number, (name, files) in enumerate(getattr(tokenizer_variants, sys.argv[1])()):
            folder = write(Path(place) / str(number), files)
            try:
                found[name] = windows(folder)
            except Exception as error:
                found[name] = {"error": type(error).__name__}
    json.dump(found, sys.stdout, ensure_ascii=False, indent=None, separators=(",", ":"), sort_keys=True)


if __name__ == "__main__":
    main()
