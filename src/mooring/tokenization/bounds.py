"""Refuse a tokenizer.json whose work on a text is not bounded by the text's length. Called by `load.py`.

The rule: time and memory grow at most linearly with a text, by a factor that depends on the limits here alone.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.model.folder import TOKENIZER_FILE
from mooring.tokenization.patterns import KNOWN, is_linear

MAX_STEPS = 64
"""Most normalizers, pre-tokenizers, post-processors or decoders in a sequence, nested ones included."""
MAX_PART_BYTES = 4 << 20
"""Largest normalizer, pre-tokenizer, post-processor or decoder, as JSON; XLM-RoBERTa's normalizer takes 350 kB."""
MAX_GROWTH = 64
"""Most characters that all normalizers may make of one."""
MAX_ADDED = 20_000
"""Most added tokens, in all files together."""
MAX_ADDED_CHARACTERS = 1_000_000
"""Most characters of all added tokens."""
MAX_SPECIAL = 2000
"""Most special tokens without a role."""
MAX_FRAME = 64
"""Most special tokens around a text or a pair."""
MAX_WORD = 256
"""Largest `max_input_chars_per_word`: WordPiece takes cubic time in it."""
MAX_PIECE = 64
"""Longest token of a Unigram vocabulary, in characters: each may be tried at each character of a text."""
MAX_TOKEN = 1024
"""Longest token of any vocabulary, in characters."""

PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_LISTS = {"normalizers", "pretokenizers", "processors", "decoders"}


class _Model(msgspec.Struct):
    """The parts of the model that bound its work."""

    type: Any = None
    vocab: msgspec.Raw = msgspec.Raw(b"null")
    max_input_chars_per_word: Any = None


class _File(msgspec.Struct):
    """tokenizer.json, without decoding the vocabulary."""

    normalizer: msgspec.Raw = msgspec.Raw(b"null")
    pre_tokenizer: msgspec.Raw = msgspec.Raw(b"null")
    post_processor: msgspec.Raw = msgspec.Raw(b"null")
    decoder: msgspec.Raw = msgspec.Raw(b"null")
    added_tokens: msgspec.Raw = msgspec.Raw(b"[]")
    model: msgspec.Raw = msgspec.Raw(b"null")


def check_file(content: bytes) -> None:
    """Check the content of tokenizer.json before the library reads it.

    Raises ModelInvalid or ModelUnsupported, naming the part and the limit. Values of other types than expected are left
    to the library.
    """
    try:
        file = msgspec.json.decode(content, type=_File)
        for name in PARTS:
            raw: msgspec.Raw = getattr(file, name)
            if len(memoryview(raw)) > MAX_PART_BYTES:
                raise _beyond(f"{name} has {len(memoryview(raw))} bytes", MAX_PART_BYTES)
            _check_part(name, msgspec.json.decode(raw))
        _check_added(file.added_tokens)
        _check_model(file.model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelInvalid(
            f"Cannot read {TOKENIZER_FILE}: {str(error)[:200]}.", hint="Download or copy the file again."
        ) from error


def check_added(tokens: list[str]) -> None:
    """Check the texts of the added tokens that all other files name."""
    if len(tokens) > MAX_ADDED:
        raise ModelInvalid(f"The tokenizer's files name {len(tokens)} added tokens; the limit is {MAX_ADDED}.")
    if (size := sum(map(len, tokens))) > MAX_ADDED_CHARACTERS:
        raise ModelInvalid(f"The added tokens have {size} characters; the limit is {MAX_ADDED_CHARACTERS}.")


def check_frame(specials: int) -> None:
    """Check the number of special tokens around a text."""
    if specials > MAX_FRAME:
        raise _beyond(f"post_processor puts {specials} special tokens around a text", MAX_FRAME)


def _check_part(name: str, part: Any) -> None:
    growth = 1
    for steps, step in enumerate(_steps(part), 1):
        if steps > MAX_STEPS:
            raise _beyond(f"{name} has {steps} or more steps", MAX_STEPS)
        pattern = step.get("pattern")
        regex = pattern.get("Regex") if isinstance(pattern, dict) else None
        if isinstance(regex, str) and not is_linear(regex):
            raise ModelUnsupported(
                f"{TOKENIZER_FILE}: {name} has the regular expression {echo(regex)}, which may take more than linear "
                "time in the length of a text.",
                hint=f"Supported: characters and classes in a row, of which the last may be repeated, alternatives of "
                f"these, and {len(KNOWN)} patterns of well-known tokenizers: docs/limits.md.",
            )
        growth *= _growth(step, pattern)
        if growth > MAX_GROWTH:
            raise _beyond(f"{name} may make more than {MAX_GROWTH} characters of one", MAX_GROWTH)


def _steps(part: Any) -> Iterator[Mapping[str, Any]]:
    """All steps of a part, in any order, and those within sequences. Iterative: nesting may be deep."""
    left = [part]
    while left:
        step = left.pop()
        if isinstance(step, dict):
            yield step
            for key in _LISTS & step.keys():
                left += step[key] if isinstance(step[key], list) else []


def _growth(step: Mapping[str, Any], pattern: Any) -> int:
    """The most characters that a step makes of one, where that depends on the file."""
    content = step.get("content")
    if step.get("type") == "Replace" and isinstance(content, str):
        string = pattern.get("String") if isinstance(pattern, dict) else None
        if string == "":
            return len(content) + 1
        return max(1, -(-len(content) // (len(string) if isinstance(string, str) else 1)))
    if step.get("type") == "Prepend" and isinstance(step.get("prepend"), str):
        return max(1, len(step["prepend"]) + 1)
    if step.get("type") == "Precompiled":
        return _longest_replacement(step.get("precompiled_charsmap"))
    return 1


def _longest_replacement(encoded: Any) -> int:
    """The longest text in the character map of SentencePiece: a trie's size, the trie, and texts that end with 0."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return 1
    texts = data[4 + int.from_bytes(data[:4], "little") :]
    return max(1, max((len(text.decode("utf-8", "replace")) for text in texts.split(b"\0")), default=1))


def _check_added(raw: msgspec.Raw) -> None:
    found = bytes(raw).count(b"{")
    if found > 2 * MAX_ADDED:  # braces may also be in the tokens
        raise _beyond(f"added_tokens has {found} tokens", MAX_ADDED)
    listed = msgspec.json.decode(raw)
    if isinstance(listed, list):
        check_added([str(one.get("content")) for one in listed if isinstance(one, dict)])


def _check_model(raw: msgspec.Raw) -> None:
    if bytes(memoryview(raw)[:1]) != b"{":
        return
    model = msgspec.json.decode(raw, type=_Model)
    longest = model.max_input_chars_per_word
    if type(longest) is int and longest > MAX_WORD:
        raise _beyond(f"max_input_chars_per_word is {echo(longest)}", MAX_WORD)
    vocab: Any = msgspec.json.decode(model.vocab)
    if isinstance(vocab, dict):
        check_words(vocab, MAX_TOKEN)
    elif isinstance(vocab, list):
        check_words((one[0] for one in vocab if isinstance(one, list) and one and isinstance(one[0], str)), MAX_PIECE)


def check_words(words: Any, most: int) -> None:
    """Check the lengths of a vocabulary's tokens."""
    if long := next((word for word in words if len(word) > most), None):
        raise _beyond(f"the vocabulary has a token of {len(long)} characters, {echo(long)}", most)


def _beyond(what: str, limit: int) -> ModelInvalid:
    return ModelInvalid(
        f"{TOKENIZER_FILE}: {what}; the limit is {limit}.", hint="Use tokenizer.json from the model's own repository."
    )
