"""Turn token ids and tokens back into text, as transformers 4.57's fast tokenizers do."""

from collections.abc import Iterable, Sequence

from mooring.tokenization.text import TextTokenizer

_CLEANED = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)
"""The replacements of `clean_up_tokenization_spaces`, in order."""


def decode(tokenizer: TextTokenizer, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
    """The text of token ids; ids without a token are left out.

    The tokenizer's own decoder decides on spaces; with `clean_up_tokenization_spaces` in tokenizer_config.json, spaces
    before English punctuation and contractions are removed.
    """
    text: str = tokenizer.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)
    if tokenizer.habits.clean_up:
        for found, kept in _CLEANED:
            text = text.replace(found, kept)
    return text


def joined(tokenizer: TextTokenizer, tokens: Iterable[str]) -> str:
    """The text of tokens, e.g. "micro" and "##soft": "microsoft"."""
    decoder = tokenizer.tokenizer.decoder
    text: str = " ".join(tokens) if decoder is None else decoder.decode(list(tokens))
    return text
