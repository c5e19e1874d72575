"""The keys of tokenizer_config.json that decide on token ids, read and checked.

Every other key is ignored, as transformers ignores it. A key that would change ids and is not implemented is refused by
name: silently other ids are silently other answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.model.folder import TOKENIZER_CONFIG_FILE
from mooring.tokenization.classes import SEGMENTS, TokenizerClass


@dataclass(frozen=True, slots=True)
class Keys:
    """What a tokenizer's configuration asks for."""

    lower_case: bool = True
    """`do_lower_case`, `strip_accents` and `tokenize_chinese_chars` count in WordPiece classes only."""
    strip_accents: bool | None = None
    """None: as `lower_case`."""
    chinese_chars: bool = True
    """Whether each Chinese character is a word of its own."""
    prefix_space: bool | None = False
    """None leaves the pre-tokenizer's own."""
    split_special_tokens: bool = False
    """Whether the text of a special token is split like any other text."""
    segments: bool = True
    """Whether the model is given token_type_ids; without them it sees segment 0 everywhere."""
    truncate_left: bool | None = None
    """Whether windows are counted from the end of a text. None: what tokenizer.json says."""
    from_vocabulary: bool = False
    """Whether transformers would build it from vocab.txt although there is a tokenizer.json."""


def read_keys(values: Mapping[str, Any], known: TokenizerClass) -> Keys:
    """Check the keys of tokenizer_config.json. Raises ModelInvalid (a wrong value) or ModelUnsupported."""
    for key, way_out in _NOT_IMPLEMENTED.items():
        if values.get(key):
            raise ModelUnsupported(f"{TOKENIZER_CONFIG_FILE}: {key} is not implemented.", hint=way_out)
    if "padding_side" in values:
        check_padding_side(values["padding_side"])
    if known.name == "TokenizersBackend":
        _refuse_added_ends(values)
    wordpiece = known.kind == "wordpiece"
    strip = values.get("strip_accents")
    prefix, side = values.get("add_prefix_space", False), values.get("truncation_side")
    return Keys(
        lower_case=_flag(values, "do_lower_case", default=True) if wordpiece else True,
        strip_accents=None if strip is None or not wordpiece else _flag(values, "strip_accents", default=False),
        chinese_chars=_flag(values, "tokenize_chinese_chars", default=True) if wordpiece else True,
        prefix_space=None if prefix is None else _flag(values, "add_prefix_space", default=False),
        split_special_tokens=_flag(values, "split_special_tokens", default=False),
        segments="token_type_ids" in _inputs(values, known),
        truncate_left=None if side is None else _side(_TRUNCATION, side) == "left",
        # Saved by old versions: with a path of null, or from_slow, they rebuild from the vocabulary.
        from_vocabulary=values.get("tokenizer_file", "") is None or values.get("from_slow") is True,
    )


def check_padding_side(side: object, where: str = f"{TOKENIZER_CONFIG_FILE}: padding_side") -> None:
    """Raises ModelUnsupported for left: transformers then puts the context before the question."""
    if _side(where, side) == "left":
        raise ModelUnsupported(
            f"{where} is 'left'; question answering is implemented for 'right' only.",
            hint=f"If the model was trained with the question first, set padding_side to right in "
            f"{TOKENIZER_CONFIG_FILE}.",
        )


def _flag(values: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = values.get(key, default)
    if not isinstance(value, int) or value not in (0, 1):  # a bool is an int
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {key} is {echo(value)}; it must be true or false.")
    return bool(value)


def _side(where: str, value: object) -> str:
    if value not in ("left", "right"):
        raise ModelInvalid(f"{where} is {echo(value)}; it must be left or right.")
    return str(value)


def _inputs(values: Mapping[str, Any], known: TokenizerClass) -> tuple[str, ...]:
    key = "model_input_names"
    stated = values.get(key, known.inputs)
    if not isinstance(stated, list | tuple) or not all(isinstance(name, str) for name in stated):
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {key} is {echo(stated)}; it must be a list of names.")
    if unknown := [name for name in stated if name not in SEGMENTS]:
        raise ModelUnsupported(
            f"{TOKENIZER_CONFIG_FILE}: {key} has {echo(unknown[0])}; known are {', '.join(SEGMENTS)}.",
            hint="Remove it, or serve the model that the tokenizer belongs to.",
        )
    if "input_ids" not in stated:
        raise ModelInvalid(f"{TOKENIZER_CONFIG_FILE}: {key} is {echo(stated)}; input_ids must be in it.")
    return tuple(stated)


def _refuse_added_ends(values: Mapping[str, Any]) -> None:
    for key in ("add_bos_token", "add_eos_token"):
        if values.get(key):
            raise ModelUnsupported(
                f"{TOKENIZER_CONFIG_FILE}: {key} is {echo(values[key])}, which would change tokenizer.json's own "
                "frame of a pair; that is not implemented.",
                hint="Write the frame into tokenizer.json's post_processor and remove the key.",
            )


_TRUNCATION = f"{TOKENIZER_CONFIG_FILE}: truncation_side"

_NOT_IMPLEMENTED: Mapping[str, str] = {
    "fast_tokenizer_files": "Keep the right one of those files as tokenizer.json and remove the key.",
    "init_inputs": "Name the values by their keys, and remove this one.",
}
"""Key → the way out."""
