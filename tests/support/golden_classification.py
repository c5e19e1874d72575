"""The requests that golden classifications were made from, for the script that makes them and for the test."""

import json
from pathlib import Path
from typing import Any

from tests.support.golden_inputs import FAMILIES

MODELS: dict[str, dict[str, Any]] = {
    **{family: {} for family in FAMILIES},
    "bert-multi-label": {"problem_type": "multi_label_classification"},
    "roberta-regression": {"problem_type": "regression", "id2label": {"0": "score"}},
    "roberta-one-label": {"id2label": {"0": "relevant"}},
    "roberta-multi-label": {"problem_type": "multi_label_classification"},
    "distilbert-regression": {"problem_type": "regression", "id2label": {"0": "score"}},
    "distilbert-single-label": {"problem_type": "single_label_classification"},
}
"""Name, which begins with the family → what config.json says beside the usual."""

TOKENIZERS = {"bert": "BertTokenizer", "distilbert": "DistilBertTokenizer", "roberta": "RobertaTokenizer"}

GOOD, BAD = "It is good, the best of all.", "The worst café 北京 ever 🙂"
PAIR = {"text": "Is it good?", "text_pair": "It is the worst."}
LONG = "good " * 700

CASES: list[tuple[Any, dict[str, Any]]] = [
    (GOOD, {}),
    ([GOOD, BAD], {}),
    ([GOOD], {}),
    (PAIR, {}),
    ([PAIR, {"text": BAD}], {}),
    (GOOD, {"top_k": 2}),
    (GOOD, {"top_k": 1}),
    ([GOOD, BAD], {"top_k": 100}),
    (GOOD, {"top_k": None}),
    (PAIR, {"top_k": None}),
    (GOOD, {"function_to_apply": "none"}),
    ([GOOD, BAD], {"function_to_apply": "sigmoid", "top_k": None}),
    (GOOD, {"function_to_apply": "softmax", "top_k": 3}),
    (LONG, {"truncation": True}),
    ({"text": LONG, "text_pair": LONG}, {"truncation": True, "max_length": 64}),
    ({"text": "good", "text_pair": LONG}, {"truncation": True}),
]


def write(name: str, folder: Path) -> Path:
    """The model of that name."""
    return write_classifier(name, folder, MODELS[name])


def write_classifier(name: str, folder: Path, facts: dict[str, Any]) -> Path:
    """A model with `facts` in its config.json, and the tokenizer class that its family has on the Hub."""
    family = name.partition("-")[0]
    FAMILIES[family](folder, head="sequence", **facts)
    config = folder / "tokenizer_config.json"
    stated = json.loads(config.read_text()) | {"tokenizer_class": TOKENIZERS[family]}
    config.write_text(json.dumps(stated))
    return folder
