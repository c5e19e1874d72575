"""A Hugging Face config in, the facts Mooring needs out: family, task, labels, lengths.

Called by `manifest.py` for folders that `moor build` did not write, and by whoever needs `config.json` itself
(`read_json`). What it cannot read it refuses by name: an unknown family or a model without a head is no guess.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import ModelIncomplete, ModelInvalid, ModelUnsupported, echo

CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
VOCAB_FILE = "vocab.txt"
MANIFEST_FILE = "mooring.json"
"""What `moor build` writes beside them."""
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
    labels: dict[str, str]
    max_positions: int
    vocab_size: int
    hidden_size: int
    layers: int
    max_seq_len: int
    lower_case: bool


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file. Raises ModelIncomplete without a file, ModelInvalid if it holds anything else."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelIncomplete(f"There is no {path.name} in {echo(str(path.parent))}.", missing=(path.name,)) from error
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(f"{path.name} in {echo(str(path.parent))} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ModelInvalid(f"{path.name} in {echo(str(path.parent))} holds {echo(value)}, not a JSON object.")
    return value


def read_facts(folder: Path) -> Facts:
    """Facts of a folder as it comes from the Hub.

    Raises ModelUnsupported (family, task or head unknown), ModelInvalid (impossible values) or ModelIncomplete.
    """
    config = read_json(folder / CONFIG_FILE)
    family = config.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise ModelUnsupported(
            f"{CONFIG_FILE}: model_type is {echo(family)}; the families that can be served are {', '.join(FAMILIES)}.",
            hint="Choose a model of one of these families.",
        )
    architecture = _architecture(config)
    task = task_of(architecture)
    keys = FAMILIES[family]
    hidden, heads = _size(config, keys.hidden), _size(config, keys.heads)
    if hidden % heads:
        raise ModelInvalid(f"{CONFIG_FILE}: {keys.hidden} {hidden} cannot be split over {keys.heads} {heads}.")
    max_positions = _size(config, "max_position_embeddings")
    tokenizer = read_json(folder / TOKENIZER_CONFIG_FILE) if (folder / TOKENIZER_CONFIG_FILE).is_file() else {}
    return Facts(
        task=task,
        family=family,
        architecture=architecture,
        labels=_labels(config),
        max_positions=max_positions,
        vocab_size=_size(config, "vocab_size"),
        hidden_size=hidden,
        layers=_size(config, keys.layers),
        max_seq_len=min(_model_max_length(tokenizer, max_positions), DEFAULT_SEQ_LEN),
        lower_case=_lower_case(tokenizer, folder),
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


def _architecture(config: Mapping[str, Any]) -> str:
    listed = config.get("architectures")
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], str):
        raise ModelUnsupported(
            f"{CONFIG_FILE}: architectures is {echo(listed)}, so the model's task is unknown.",
            hint='If you know it, write it there, for example "architectures": ["BertForQuestionAnswering"].',
        )
    return listed[0]


def _size(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    if type(value) is not int or value < 1:
        seen = f"is {echo(value)}" if key in config else "is missing"
        raise ModelInvalid(f"{CONFIG_FILE}: {key} {seen}; it must be a whole number, at least 1.")
    return value


def _labels(config: Mapping[str, Any]) -> dict[str, str]:
    """`id2label`; without it LABEL_0 and LABEL_1, as transformers does."""
    named = config.get("id2label")
    if named is None:
        return {"0": "LABEL_0", "1": "LABEL_1"}
    if not isinstance(named, dict) or not all(isinstance(label, str) for label in named.values()):
        raise ModelInvalid(f"{CONFIG_FILE}: id2label is {echo(named)}; it must map numbers to names.")
    return dict(named)


def _model_max_length(tokenizer: Mapping[str, Any], max_positions: int) -> int:
    """The tokenizer's limit where it has one: "no limit" is written as 1e30, and nothing exceeds the positions."""
    limit = tokenizer.get("model_max_length", max_positions)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 1:
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: model_max_length is {echo(limit)}; it must be at least 1.")
    return int(min(limit, max_positions))


def _lower_case(tokenizer: Mapping[str, Any], folder: Path) -> bool:
    if isinstance(stated := tokenizer.get("do_lower_case"), bool):
        return stated
    if not (folder / TOKENIZER_FILE).is_file():
        return True  # transformers' default for a bare vocab.txt
    normalizer = read_json(folder / TOKENIZER_FILE).get("normalizer")
    return isinstance(normalizer, dict) and normalizer.get("lowercase") is True
