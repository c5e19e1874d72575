"""Token ids and windows of many small folders, as transformers makes them: the table of classes and keys, checked.

The golden answers are transformers' own (scripts/golden_tokenizers.py), 4.57's for the files of its time and 5's for
those that it saves. The slow tests ask both again.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import InvalidRequest, ModelError
from mooring.model.config import read_max_length
from mooring.model.folder import ModelFolder
from mooring.tasks.windows import cut
from mooring.tokenization.load import load_tokenizer
from tests.support.tokenizer_variants import CONTEXT, QUESTION, WORDS, Files, saved_by_5, variants, write

ROOT = Path(__file__).resolve().parents[2]
LONGEST, STRIDE = 32, 4
POSITIONS = 512

ON_PURPOSE = {
    # transformers fails on a length that is not whole; there is only one that can be meant.
    "windows/float": "windows/max_length",
    "windows/vocab/float": "windows/vocab/max_length",
    # 1 is true in other keys, and an error in these.
    "keys/bad/split_special_tokens/1": "keys/lower/split special/BertTokenizer",
    "keys/bad/strip_accents/1": "keys/lower/strip/BertTokenizer",
}
"""Variants that differ from transformers, each with the variant whose windows it has."""

SEGMENTS_OF_4 = {
    name for name, _ in saved_by_5() if name.startswith("TokenizersBackend/") and not name.endswith("no segments")
}
"""Saved by transformers 4 as PreTrainedTokenizerFast, the same tokenizer has segments. 5 calls it TokenizersBackend and
gives a model none by default; here a file means what it meant when the model was trained."""

VARIANTS = {"variants": dict(variants()), "saved_by_5": dict(saved_by_5())}
FILES = {"variants": "tokenizers.json", "saved_by_5": "tokenizers-saved-by-5.json"}
EACH = [pytest.param(group, name, id=f"{group}/{name}") for group, made in VARIANTS.items() for name in made]


@pytest.fixture(scope="module")
def golden() -> dict[str, dict[str, Any]]:
    """Group → variant → what transformers makes of it."""
    folder = ROOT / "tests" / "golden"
    return {group: json.loads((folder / file).read_text(encoding="utf-8")) for group, file in FILES.items()}


def windows(folder: Path) -> dict[str, Any]:
    """Ours, in the same form."""
    opened = ModelFolder(folder)
    try:
        length = min(read_max_length(opened, POSITIONS), LONGEST)
        tokenizer = load_tokenizer(opened)
        question, context = tokenizer.encode(QUESTION), tokenizer.encode(CONTEXT)
    except (ModelError, InvalidRequest) as error:
        return {"error": str(error)}
    made = [window for window, _ in cut(question, context, tokenizer, length, STRIDE)]
    return {
        "ids": [window.input_ids.tolist() for window in made],
        "types": [window.token_type_ids.tolist() for window in made],
        "length": length,
        "cls": tokenizer.cls_id,
    }


@pytest.mark.parametrize(("group", "name"), EACH)
def test_windows_are_those_of_transformers(
    group: str, name: str, golden: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Where transformers fails to load or to encode, a ModelError or a refused request."""
    files: Files = VARIANTS[group][name]
    ours = windows(write(tmp_path, files))
    theirs = golden[group][ON_PURPOSE.get(name, name)]
    if "error" in theirs:
        assert "error" in ours
        return
    if group == "saved_by_5" and name in SEGMENTS_OF_4:
        theirs["types"] = [[int(place >= context_at(row)) for place in range(len(row))] for row in theirs["ids"]]
    assert ours == theirs


def context_at(row: list[int]) -> int:
    """Where a window's context begins: behind the first [SEP]."""
    return row.index(WORDS.index("[SEP]")) + 1


def test_every_golden_answer_is_compared(golden: dict[str, dict[str, Any]]) -> None:
    """A variant that is no longer made would leave its answer behind."""
    assert {group: made.keys() for group, made in golden.items()} == {
        group: made.keys() for group, made in VARIANTS.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize(("group", "environment"), [("variants", "transformers4"), ("saved_by_5", "transformers5")])
def test_golden_answers_are_what_transformers_says(
    group: str, environment: str, golden: dict[str, dict[str, Any]]
) -> None:
    """Each version in an environment of its own."""
    python = ROOT / ".work" / environment / "bin" / "python"
    assert python.exists(), f"make it with: python scripts/environments.py {environment}"
    command = [str(python), "scripts/golden_tokenizers.py", group]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=600)
    assert json.loads(done.stdout) == golden[group]
