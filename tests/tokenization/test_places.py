"""Ids and places in the text, of texts and pairs, beside transformers', for each kind of tokenizer and of file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.errors import ModelError
from mooring.model.folder import ModelFolder
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.text import TextTokenizer
from tests.support.tokenizer_texts import PAIRS, TEXTS, folders
from tests.support.tokenizer_variants import write

FOLDERS = dict(folders())
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "tokenizer-places.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FOLDERS)
def test_ids_and_places_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    """Where transformers fails to load, a ModelError."""
    folder, theirs = ModelFolder(write(tmp_path, FOLDERS[name])), GOLDEN[name]
    if "error" in theirs:
        with pytest.raises(ModelError):
            load_tokenizer(folder)
        return
    tokenizer = load_tokenizer(folder)
    ours = {f"text/{text}": encoded(tokenizer, TEXTS[text]) for text in TEXTS}
    ours |= {pair: encoded(tokenizer, *PAIRS[pair]) for pair in PAIRS}
    assert ours == theirs


def encoded(tokenizer: TextTokenizer, *texts: str) -> list[list[int]]:
    """As transformers gives it: the places of special tokens are 0 to 0."""
    parts = [tokenizer.encode(text) for text in texts]
    ids, _ = tokenizer.framed(*parts)
    template = tokenizer.template
    around = (template.before, template.between, template.after) if len(parts) == 2 else (
        tokenizer.frame.before, tokenizer.frame.after
    )  # fmt: skip
    places: list[Any] = [np.zeros((len(around[0]), 2), np.int32)]
    for part, after in zip(parts, around[1:], strict=True):
        places += [part.places, np.zeros((len(after), 2), np.int32)]
    return [ids.tolist(), np.concatenate(places).reshape(-1).tolist()]


def test_every_golden_answer_is_compared() -> None:
    """A folder that is no longer made would leave its answer behind."""
    assert GOLDEN.keys() == FOLDERS.keys()
