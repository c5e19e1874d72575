"""Check token ids against the rows of the model's embedding table.

For an id without a row an engine reads unrelated memory, or fails. The highest id is checked, not the number of tokens,
because ids may have gaps.
"""

from collections.abc import Mapping

from tokenizers import Tokenizer

from mooring.errors import ModelInvalid, echo

SHOWN = 3


def unembedded(tokenizer: Tokenizer, rows: int, frame: frozenset[int]) -> dict[int, str]:
    """The added tokens without an embedding row, by id. `frame` holds the ids that surround every text.

    Raises ModelInvalid, naming token and id, if a token of the base vocabulary or of the frame has no row. Added
    tokens, even if also in the vocabulary, are allowed to: most texts do not contain them.
    """
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    beyond = {number: token for token, number in tokenizer.get_vocab().items() if number >= rows}
    # The empty token of a blank line in vocab.txt never occurs in a text.
    base = {number: token for number, token in beyond.items() if token and token not in special}
    if base:
        raise _another_model(f"The vocabulary contains {_shown(base)},", rows)
    if framed := {number: token for number, token in beyond.items() if number in frame}:
        raise _another_model(f"Every text is framed by special tokens, and {_shown(framed)} is", rows)
    return {number: token for number, token in beyond.items() if token}


def warning(beyond: Mapping[int, str], rows: int) -> str:
    """The load warning for added tokens without a row."""
    return (
        f"The added token {_shown(beyond)} is beyond the model's {rows} embeddings (ids 0 to {rows - 1}). "
        "Requests whose text contains such a token are refused."
    )


def _another_model(what: str, rows: int) -> ModelInvalid:
    return ModelInvalid(
        f"{what} beyond the model's {rows} embeddings (ids 0 to {rows - 1}).",
        hint="The tokenizer belongs to another model. Use model and tokenizer from the same revision.",
    )


def _shown(beyond: Mapping[int, str]) -> str:
    listed = [f"{echo(token)} with id {number}" for number, token in sorted(beyond.items())]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
