"""Read a model's facts, except its task, from config.json and tokenizer_config.json.

For folders that `moor build` did not write. An unknown family is refused by name, never guessed.
"""

import math
from dataclasses import dataclass
from typing import Any

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.families import FAMILIES
from mooring.families.base import Config, Family, Sizes
from mooring.model.folder import CONFIG_FILE, TOKENIZER_CONFIG_FILE, ModelFolder
from mooring.model.unsupported import SUPPORTED, Seen, refuse

MOST_LABELS = 10_000


@dataclass(frozen=True, slots=True)
class Facts:
    """Checked."""

    family: Family
    sizes: Sizes
    architectures: Any
    """As config.json has it: a list of names, or nothing usable."""
    labels: dict[str, str]
    max_length: int
    """Longest input in tokens: the smaller of the tokenizer's and the model's limit."""


def read_facts(folder: ModelFolder) -> Facts:
    """Read the facts of a folder as downloaded from the Hub.

    Raises ModelUnsupported (unknown family), ModelInvalid (impossible values) or ModelIncomplete.
    """
    config = folder.json(CONFIG_FILE)
    family = family_of(config)
    if pruned := config.get("pruned_heads"):
        raise ModelUnsupported(
            f"{CONFIG_FILE}: pruned_heads is {echo(pruned)}; models with pruned attention heads are not supported.",
            hint="Serve the checkpoint from before the heads were pruned.",
        )
    listed = config.get("architectures")
    sizes = family.sizes(config)
    return Facts(
        family=family,
        sizes=sizes,
        architectures=listed,
        labels=labels_of(config),
        max_length=read_max_length(folder, sizes.positions),
    )


def family_of(config: Config) -> Family:
    """The family of `model_type`. Raises ModelUnsupported, by name for a known kind of model."""
    refuse(Seen(config))
    name = config.get("model_type")
    if not isinstance(name, str) or name not in FAMILIES:
        raise ModelUnsupported(f"{CONFIG_FILE}: model_type is {echo(name)}, which is not supported.", hint=SUPPORTED)
    return FAMILIES[name]


def labels_of(config: Config) -> dict[str, str]:
    """The labels of `id2label`; without it `num_labels` numbered ones (2 by default), as in transformers.

    Not checked further: some tasks use no labels.
    """
    named = config.get("id2label")
    if isinstance(named, dict):
        return {str(key): str(label) for key, label in named.items()}
    count = config.get("num_labels")
    return {
        str(number): f"LABEL_{number}" for number in range(count if type(count) is int and 0 < count < 10_000 else 2)
    }


def read_max_length(folder: ModelFolder, max_positions: int) -> int:
    """The tokenizer's limit if it has one, at most `max_positions`; null or 1e30 means no limit.

    `max_len` is the name used before 2020. Raises ModelInvalid for a value that is not a length.
    """
    tokenizer = folder.json_or_empty(TOKENIZER_CONFIG_FILE)
    key = "model_max_length" if "model_max_length" in tokenizer else "max_len"
    limit = tokenizer.get(key)
    if limit is None:
        return max_positions
    if isinstance(limit, bool) or not isinstance(limit, int | float) or math.isnan(limit) or limit < 1:
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {key} is {echo(limit)}; it must be a number of at least 1.")
    return int(min(limit, max_positions))
