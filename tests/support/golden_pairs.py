"""Requests of golden rankings and zero-shot answers: for the script that makes them, and for tests."""

from pathlib import Path
from typing import Any

from tests.support.golden_classification import BAD, GOOD, LONG, write_classifier
from tests.support.golden_inputs import FAMILIES

RANKERS: dict[str, dict[str, Any]] = {
    **{family: {"id2label": {"0": "LABEL_0"}} for family in FAMILIES},
    "bert-identity": {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
    "roberta-sigmoid": {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}},
    "distilbert-old-identity": {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
}
"""Name, which begins with the family → what config.json says beside the usual."""

QUERY = "Who is the best of all?"
TEXTS = [GOOD, BAD, "the king 北京", "It is there.", "a " * 90, LONG, "Is it good?"]
RANKINGS: list[tuple[str, list[str]]] = [(QUERY, TEXTS), (LONG, ["It is good.", LONG, BAD]), ("x", [GOOD])]
"""A query and its texts; too long ones are cut."""

NLI: dict[str, dict[str, Any]] = {
    "bert": {"id2label": {"0": "contradiction", "1": "neutral", "2": "entailment"}},
    "distilbert": {"id2label": {"0": "ENTAILMENT", "1": "NEUTRAL", "2": "CONTRADICTION"}},
    "roberta": {"id2label": {"0": "not_entailment", "1": "Entailment"}},
    "roberta-middle": {"id2label": {"0": "a", "1": "entailed", "2": "b"}},
}
"""As `RANKERS`, for zero-shot-classification."""

LABELS = ["good", "the worst", "king", "北京"]
CHOICES: list[tuple[Any, dict[str, Any]]] = [
    (GOOD, {"candidate_labels": LABELS}),
    ([GOOD, BAD], {"candidate_labels": LABELS}),
    ([BAD], {"candidate_labels": LABELS[:2]}),
    (GOOD, {"candidate_labels": "good, bad ,the king,"}),
    (GOOD, {"candidate_labels": "good"}),
    (GOOD, {"candidate_labels": LABELS, "multi_label": True}),
    ([GOOD, BAD], {"candidate_labels": LABELS, "multi_label": True, "hypothesis_template": "Is it {}?"}),
    (BAD, {"candidate_labels": LABELS, "hypothesis_template": "{} is it."}),
    (LONG, {"candidate_labels": LABELS}),
    ([LONG, GOOD], {"candidate_labels": ["good", "x " * 200], "multi_label": True}),
]
"""Inputs and parameters of the pipeline; too long texts are cut."""


def write_ranker(name: str, folder: Path) -> Path:
    """The cross-encoder of that name."""
    return write_classifier(name, folder, {"id2label": {"0": "LABEL_0"}, **RANKERS[name]})


def write_nli(name: str, folder: Path) -> Path:
    """The model for natural language inference of that name."""
    facts = NLI[name]
    numbers = {label: int(number) for number, label in facts["id2label"].items()}  # the pipeline reads these
    return write_classifier(name, folder, {**facts, "label2id": numbers})
