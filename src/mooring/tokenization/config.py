"""Read the keys of tokenizer_config.json that affect token ids or decoding, from one table.

All other keys are ignored, as in transformers. A key that would change ids and is not implemented is refused by name:
wrong ids give wrong answers silently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.model.folder import TOKENIZER_CONFIG_FILE
from mooring.tokenization.classes import SEGMENTS, Kind, TokenizerClass

Read = Callable[[str, Any], Any]
"""(where the key is, its value) → the parsed value. Raises ModelInvalid or ModelUnsupported."""


def flag(where: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, int) or value not in (0, 1):  # a bool is an int
        raise ModelInvalid(f"{where} is {echo(value)}; it must be true or false.")
    return bool(value)


def flag_or_null(where: str, value: Any) -> bool | None:
    """True, false, or null for the implied value."""
    return None if value is None else flag(where, value)


def side(where: str, value: Any) -> str:
    """Left or right."""
    if value not in ("left", "right"):
        raise ModelInvalid(f"{where} is {echo(value)}; it must be 'left' or 'right'.")
    return str(value)


def right(where: str, value: Any) -> str:
    """Only right: left padding would move position embeddings, and puts the context before the question."""
    if side(where, value) == "left":
        raise ModelUnsupported(
            f"{where} is 'left'; only 'right' is supported.",
            hint="If the model was trained with padding on the right, set padding_side to right in "
            f"{TOKENIZER_CONFIG_FILE}.",
        )
    return "right"


def inputs(where: str, value: Any) -> tuple[str, ...]:
    """Names of the model's inputs."""
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ModelInvalid(f"{where} is {echo(value)}; it must be a list of names.")
    if unknown := [name for name in value if name not in SEGMENTS]:
        raise ModelUnsupported(
            f"{where} contains {echo(unknown[0])}; supported: {', '.join(SEGMENTS)}.",
            hint="Remove that name, or serve the model that the tokenizer belongs to.",
        )
    if "input_ids" not in value:
        raise ModelInvalid(f"{where} is {echo(value)}; it must contain input_ids.")
    return tuple(value)


def nothing(way_out: str) -> Read:
    """Refuse anything but an empty value."""

    def read(where: str, value: Any) -> None:
        if value:
            raise ModelUnsupported(f"{where} is {echo(value)}, which is not implemented.", hint=way_out)

    return read


@dataclass(frozen=True, slots=True)
class Key:
    """One key of tokenizer_config.json."""

    meaning: str
    read: Read
    unset: str = ""
    """The value used if the file lacks the key."""
    kinds: tuple[Kind, ...] = ("wordpiece", "bpe", "plain")
    """Kinds of classes that obey it."""
    only: str | None = None
    """The one class that obeys it."""


CLEAN_UP = "clean_up_tokenization_spaces"
_FRAME = "Put the special tokens into the post_processor of tokenizer.json and remove the key."

KEYS: Mapping[str, Key] = {
    "do_lower_case": Key("Lower-case texts.", flag, "true", kinds=("wordpiece",)),
    "strip_accents": Key(
        "Remove accents; null: only if texts are lower-cased.", flag_or_null, "null", kinds=("wordpiece",)
    ),
    "tokenize_chinese_chars": Key("Make each Chinese character its own word.", flag, "true", kinds=("wordpiece",)),
    "add_prefix_space": Key(
        "Put a space before texts, if the pre-tokenizer has that setting; null: keep its setting.",
        flag_or_null,
        "false",
    ),
    "trim_offsets": Key("Leave white space out of the places of tokens in the text.", flag, "true", kinds=("bpe",)),
    "split_special_tokens": Key("Split the text of special tokens like any other text.", flag, "false"),
    "model_input_names": Key(
        "The model's inputs; without token_type_ids every token is in segment 0.", inputs, "the class's"
    ),
    "truncation_side": Key(
        "Side on which long contexts are cut; left counts windows from the end.", side, "tokenizer.json's"
    ),
    "padding_side": Key("Only right.", right, "tokenizer.json's"),
    "fast_tokenizer_files": Key(
        "Refused.", nothing("Keep the correct one of those files as tokenizer.json and remove the key.")
    ),
    CLEAN_UP: Key(
        "Remove spaces before English punctuation in texts made of tokens (fill-mask); null: no.",
        flag_or_null,
        "only if built from vocab.txt",
    ),
    "init_inputs": Key("Refused.", nothing("Set each value under its own key, and remove this one.")),
    "add_bos_token": Key("Refused.", nothing(_FRAME), only="TokenizersBackend"),
    "add_eos_token": Key("Refused.", nothing(_FRAME), only="TokenizersBackend"),
}
"""As transformers 4.57 applies them, except for the refused keys."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The settings of a tokenizer's configuration."""

    lower_case: bool = True
    """This and the next two apply to WordPiece classes only."""
    strip_accents: bool | None = None
    """None: the same as `lower_case`."""
    chinese_chars: bool = True
    """Whether each Chinese character is its own word."""
    prefix_space: bool | None = False
    """None keeps the pre-tokenizer's setting."""
    trim_offsets: bool = True
    """Whether the places of tokens leave out white space. Applies to byte-level BPE classes only."""
    split_special_tokens: bool = False
    """Whether the text of a special token is split like any other text."""
    segments: bool = True
    """Whether the model gets token_type_ids; without them every token is in segment 0."""
    truncation_side: str | None = None
    """None: as in tokenizer.json."""
    padding_side: str | None = None
    """None: as in tokenizer.json."""
    clean_up: bool | None = None
    """Whether decoding removes spaces before punctuation; None: if the tokenizer is built from vocab.txt."""
    from_vocabulary: bool = False
    """Whether transformers would build it from the vocabulary despite a tokenizer.json."""
    stated: frozenset[str] = field(default_factory=frozenset)
    """The keys in the file."""


def read_keys(values: Mapping[str, Any], known: TokenizerClass) -> Keys:
    """Read and check tokenizer_config.json. Raises ModelInvalid (an invalid value) or ModelUnsupported."""
    found = {
        name: key.read(f"{TOKENIZER_CONFIG_FILE}: {name}", values[name])
        for name, key in KEYS.items()
        if name in values and known.kind in key.kinds and key.only in (None, known.name)
    }
    return Keys(
        lower_case=found.get("do_lower_case", True),
        strip_accents=found.get("strip_accents"),
        chinese_chars=found.get("tokenize_chinese_chars", True),
        prefix_space=found.get("add_prefix_space", False),
        trim_offsets=found.get("trim_offsets", True),
        split_special_tokens=found.get("split_special_tokens", False),
        segments="token_type_ids" in found.get("model_input_names", known.inputs),
        truncation_side=found.get("truncation_side"),
        padding_side=found.get("padding_side"),
        clean_up=bool(found[CLEAN_UP]) if CLEAN_UP in found else None,
        # Old versions saved a tokenizer_file of null; transformers then rebuilds from the vocabulary.
        from_vocabulary=values.get("tokenizer_file", "") is None or values.get("from_slow") is True,
        stated=frozenset(values),
    )
