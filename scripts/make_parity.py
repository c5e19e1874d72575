"""Write docs/parity.md: for each model type and head, the largest difference between our outputs and transformers'.

Compares with tests/golden/heads.npz, so it needs neither torch nor transformers. Takes a minute.

python scripts/make_parity.py
"""

import datetime as dt
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.machine import machine  # noqa: E402
from tests.support.golden_inputs import HEAD_LENGTHS, HEADS, MODEL_TYPES  # noqa: E402
from tests.support.parity import TOLERANCE, largest_error  # noqa: E402

PAGE = ROOT / "docs" / "parity.md"
TEST = "test_a_head_gives_what_transformers_gives"
TEXT = """# Parity with transformers
<!-- Written by scripts/make_parity.py; run `make parity` to update it. -->

The largest absolute difference between Mooring's outputs in fp32 and those of transformers 4.57 with PyTorch, from the
same weights. Each row is a small random model (hidden size 32, 2 layers). It is given a window of {lengths}
tokens, each alone and all in one padded batch; {longest} is the longest that these models read. The limit is
{tolerance}.

- span: the logits of question answering, start and end
- sequence: the logits of text classification
- token: the logits of each token
- masked: the logits of the vocabulary for each masked token
- hidden: the last hidden state of each token; mean, cls and max pool it into one vector

| model_type | head | largest error | checked by, in tests/graph/test_heads.py |
| --- | --- | --- | --- |
{rows}

{machine}; {date}; command: `make parity`.

`tests/graph/test_against_torch.py` compares a model of full size of each family with PyTorch (`make test-slow`).
`scripts/golden_logits.py` writes the outputs to compare with.
"""


def page() -> str:
    """The page, with fresh figures."""
    rows = []
    for model_type in MODEL_TYPES:
        for head in HEADS:
            with tempfile.TemporaryDirectory() as folder:
                error = largest_error(model_type, head, Path(folder))
            rows.append(f"| {model_type} | {head} | {error:.1e} | `{TEST}[{head}-{model_type}]` |")
    return TEXT.format(
        lengths=", ".join(map(str, HEAD_LENGTHS[:-1])) + f" and {HEAD_LENGTHS[-1]}",
        longest=HEAD_LENGTHS[-1],
        tolerance=f"{TOLERANCE:.0e}",
        rows="\n".join(rows),
        machine=machine(),
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")
