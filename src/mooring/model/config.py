"""The facts of a Hugging Face config that Mooring needs: family, task, labels, lengths.

For folders that `moor build` did not write. What cannot be served is refused by name: an unknown family, or a model
without a head, is not guessed at. What the task does not need is not looked at.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.model.folder import CONFIG_FILE, TOKENIZER_CONFIG_FILE, ModelFolder

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz")
DEFAULT_SEQ_LEN = 384
"""Longest window by default, as in transformers' question-answering pipeline."""


@dataclass(frozen=True, slots=True)
class FamilyKeys:
    """Under which keys of config.json a family keeps its sizes."""

    hidden: str
    layers: str
    heads: str


FAMILIES: Mapping[str, FamilyKeys] = {
    "bert": FamilyKeys("hidden_size", "num_hidden_layers", "num_attention_heads"),
    "distilbert": FamilyKeys("dim", "n_layers", "n_heads"),
}
"""`model_type` → where its sizes are. A family in here is one that `graph/families.py` can build."""

SERVED_TASKS = ("question-answering",)

TASK_OF_SUFFIX: Mapping[str, str] = {
    "ForQuestionAnswering": "question-answering",
    "TapasForQuestionAnswering": "table-question-answering",
    "ForTokenClassification": "token-classification",
    "ForSequenceClassification": "text-classification",
    "ForMultipleChoice": "multiple-choice",
    "ForMaskedLM": "fill-mask",
    "ForPreTraining": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "Model": "feature-extraction",
}
"""End of an architecture's name → task. The longest suffix that matches wins."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What config.json and tokenizer_config.json say, checked. Sizes are positive; the lengths are in tokens."""

    task: str
    family: str
    architecture: str
    """Empty where config.json names none and the task was asked for."""
    labels: dict[str, str]
    max_positions: int
    vocab_size: int
    hidden_size: int
    layers: int
    max_seq_len: int


def read_facts(folder: ModelFolder, task: str | None = None) -> Facts:
    """Facts of a folder as it comes from the Hub; `task` is the one asked for, None the one that config.json names.

    Raises ModelUnsupported (family, task or head unknown), ModelInvalid (impossible values) or ModelIncomplete.
    """
    config = folder.json(CONFIG_FILE)
    family = config.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise ModelUnsupported(
            f"{CONFIG_FILE}: model_type is {echo(family)}; the families that can be served are {', '.join(FAMILIES)}.",
            hint="Choose a model of one of these families.",
        )
    if pruned := config.get("pruned_heads"):
        raise ModelUnsupported(
            f"{CONFIG_FILE}: pruned_heads is {echo(pruned)}; models with pruned attention heads are not supported.",
            hint="Serve the checkpoint from before pruning.",
        )
    architecture = _architecture(config, task)
    keys = FAMILIES[family]
    hidden, heads = whole(config, keys.hidden), whole(config, keys.heads)
    if hidden % heads:
        raise ModelInvalid(f"{CONFIG_FILE}: {keys.hidden} {hidden} cannot be split over {keys.heads} {heads}.")
    max_positions = whole(config, "max_position_embeddings")
    return Facts(
        task=task if task in SERVED_TASKS else task_of(architecture),
        family=family,
        architecture=architecture,
        labels=_labels(config),
        max_positions=max_positions,
        vocab_size=whole(config, "vocab_size"),
        hidden_size=hidden,
        layers=whole(config, keys.layers),
        max_seq_len=min(read_max_length(folder, max_positions), DEFAULT_SEQ_LEN),
    )


def task_of(architecture: str) -> str:
    """The task that a transformers class does, e.g. "BertForQuestionAnswering" → "question-answering".

    Raises ModelUnsupported for a task that Mooring does not serve, with what to do about it.
    """
    matches = [suffix for suffix in TASK_OF_SUFFIX if architecture.endswith(suffix)]
    task = TASK_OF_SUFFIX[max(matches, key=len)] if matches else "unknown"
    if task in SERVED_TASKS:
        return task
    served = ", ".join(SERVED_TASKS)
    if task in ("feature-extraction", "fill-mask"):
        raise ModelUnsupported(
            f"{CONFIG_FILE}: the architecture is {echo(architecture)}, an encoder without a trained head for a task.",
            hint="Fine-tune it for question answering first, or choose a model whose architecture ends in "
            f"ForQuestionAnswering. Tasks served: {served}.",
        )
    raise ModelUnsupported(
        f"{CONFIG_FILE}: the architecture is {echo(architecture)}, whose task is {task}; tasks served: {served}.",
        hint="Choose a model whose architecture ends in ForQuestionAnswering.",
    )


def whole(config: Mapping[str, Any], key: str, file: str = CONFIG_FILE) -> int:
    """A positive whole number of a config. Raises ModelInvalid with the value seen."""
    value = config.get(key)
    if type(value) is not int or value < 1:
        seen = f"is {echo(value)}" if key in config else "is missing"
        raise ModelInvalid(f"{file}: {key} {seen}; it must be a whole number, at least 1.")
    return value


def positive(config: Mapping[str, Any], key: str, default: float) -> float:
    """A positive, finite number of config.json. Raises ModelInvalid with the value seen."""
    value = config.get(key, default)
    # JSON's whole numbers have no bound, and a float is infinite from here on.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise ModelInvalid(f"{CONFIG_FILE}: {key} is {echo(value)}; it must be a positive number.")
    return float(value)


def _architecture(config: Mapping[str, Any], task: str | None) -> str:
    listed = config.get("architectures")
    if isinstance(listed, list) and listed and isinstance(listed[0], str):
        return listed[0]
    if task in SERVED_TASKS:
        return ""  # the weights tell whether they have that task's head
    raise ModelUnsupported(
        f"{CONFIG_FILE}: architectures is {echo(listed)}, so the model's task is unknown.",
        hint=f"If it is for {SERVED_TASKS[0]}, serve it with --task {SERVED_TASKS[0]} (or HF_TASK).",
    )


def _labels(config: Mapping[str, Any]) -> dict[str, str]:
    """`id2label` as texts; without it LABEL_0 and LABEL_1, as transformers does. Question answering uses none."""
    named = config.get("id2label")
    return {key: str(label) for key, label in named.items()} if isinstance(named, dict) else dict(_NO_LABELS)


_NO_LABELS = {"0": "LABEL_0", "1": "LABEL_1"}


def read_max_length(folder: ModelFolder, max_positions: int) -> int:
    """The tokenizer's limit where it has one, at most `max_positions`: null, or 1e30, is no limit.

    `max_len` is what it was called before 2020. Raises ModelInvalid for a value that is no length.
    """
    tokenizer = folder.json_or_empty(TOKENIZER_CONFIG_FILE)
    key = "model_max_length" if "model_max_length" in tokenizer else "max_len"
    limit = tokenizer.get(key)
    if limit is None:
        return max_positions
    if isinstance(limit, bool) or not isinstance(limit, int | float) or math.isnan(limit) or limit < 1:
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {key} is {echo(limit)}; it must be a number, at least 1.")
    return int(min(limit, max_positions))
