"""The requests that golden token labels and filled masks were made from, for the script and for the tests."""

import json
from pathlib import Path
from typing import Any

from tests.support.golden_classification import TOKENIZERS
from tests.support.golden_inputs import FAMILIES

LABELS = {"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC", "4": "I-LOC", "5": "MISC"}
SHORT = 24
"""Tokens of a window of the models that are named short."""

LABELLERS = ("bert", "distilbert", "roberta", "bert-short", "bert-short-left", "roberta-short")
FILLERS = ("bert", "distilbert", "roberta", "bert-cleaned", "roberta-cleaned")
"""Names of models: the family, then what its tokenizer_config.json says beside the usual."""

PLAIN = "Ada Lovelace lived near the river in London, the capital of a great country."
MIXED = "The café in 北京 isn't cheap 🙂🙂: José's naïve coöperation, Zoë-Anne! [SEP] ﬁn  e\u0301 end"
LONG = " ".join(f"{PLAIN} {MIXED}" for _ in range(2))
STRATEGIES = ("none", "simple", "first", "average", "max")

LABELLED: list[tuple[Any, dict[str, Any]]] = [
    (PLAIN, {}),
    ([PLAIN], {}),
    ([PLAIN, MIXED], {}),
    *((PLAIN, {"aggregation_strategy": strategy}) for strategy in STRATEGIES),
    *((MIXED, {"aggregation_strategy": strategy, "ignore_labels": []}) for strategy in STRATEGIES),
    *((MIXED, {"aggregation_strategy": one, "ignore_labels": ["O", "PER", "B-LOC"]}) for one in ("none", "simple")),
    (PLAIN, {"stride": 8, "aggregation_strategy": "simple"}),
]
STRIDED: list[tuple[Any, dict[str, Any]]] = [
    (LONG, {"stride": 0}),
    (LONG, {"stride": 7}),
    *((LONG, {"aggregation_strategy": one, "stride": stride}) for one in STRATEGIES[1:] for stride in (5, 21)),
    (LONG, {"aggregation_strategy": "max", "stride": 5, "ignore_labels": []}),
    ([LONG, PLAIN], {"aggregation_strategy": "first", "stride": 9}),
]
"""For short models."""


def labelled(name: str) -> list[tuple[Any, dict[str, Any]]]:
    """The requests of a model."""
    return STRIDED if "short" in name else LABELLED


ONE = "The capital of the north is a great {mask} city, isn't it ?"
SEVERAL = "{mask} café {mask} 北京 🙂 the{mask}."


def filled(mask: str) -> list[tuple[Any, dict[str, Any]]]:
    """The requests of a model with that mask token."""
    one, several = ONE.format(mask=mask), SEVERAL.format(mask=mask)
    return [
        (one, {}),
        ([one], {}),
        (several, {}),
        ([several], {"top_k": 2}),
        ([one, several], {"top_k": 3}),
        (one, {"top_k": 1}),
        (one, {"top_k": 150}),
        (one, {"targets": "the"}),
        (one, {"targets": ["river", "queen", "the", "river"]}),
        (one, {"targets": ["river", " the", "unheard of", "北"], "top_k": 2}),
        (several, {"targets": ["a", "b", "c"]}),
        (f"{one} {'good ' * 700}", {"truncation": True, "top_k": 2}),
    ]


def write(name: str, head: str, folder: Path) -> Path:
    """The model of that name, with the tokenizer class that its family has on the Hub."""
    family, *kinds = name.split("-")
    FAMILIES[family](folder, head=head, **({"id2label": LABELS} if head == "token" else {}))
    config = folder / "tokenizer_config.json"
    stated = json.loads(config.read_text()) | {"tokenizer_class": TOKENIZERS[family]}
    stated |= {"model_max_length": SHORT} if "short" in kinds else {}
    stated |= {"truncation_side": "left"} if "left" in kinds else {}
    stated |= {"clean_up_tokenization_spaces": True} if "cleaned" in kinds else {}
    config.write_text(json.dumps(stated))
    return folder
