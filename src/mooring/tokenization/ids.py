"""Token ids against the rows of the model's embedding table.

An id without a row is no answer at all: engines read some other memory, or fail. So the highest id counts, not the
number of tokens, which says nothing about gaps.
"""

from collections.abc import Mapping

from tokenizers import Tokenizer

from mooring.errors import ModelInvalid, echo

SHOWN = 3


def unembedded(tokenizer: Tokenizer, rows: int, frame: frozenset[int]) -> dict[int, str]:
    """The added tokens whose ids have no row, by id. `frame` are the ids that surround every text.

    Raises ModelInvalid, naming token and id, if a token of the base vocabulary or of the frame has no row. A token that
    was added stands for itself, whether or not the vocabulary has it, too: most texts do not have it.
    """
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    beyond = {number: token for token, number in tokenizer.get_vocab().items() if number >= rows}
    # The empty token of a blank line in vocab.txt is never found in a text.
    base = {number: token for number, token in beyond.items() if token and token not in special}
    if base:
        raise _another_model(f"The vocabulary has {_shown(base)}", rows)
    if framed := {number: token for number, token in beyond.items() if number in frame}:
        raise _another_model(f"Every text is put between special tokens, of which {_shown(framed)} lies", rows)
    return {number: token for number, token in beyond.items() if token}


def warning(beyond: Mapping[int, str], rows: int) -> str:
    """What to say at load about added tokens without a row."""
    return (
        f"The added token {_shown(beyond)} lies beyond the model's {rows} embeddings (ids 0 to {rows - 1}). "
        "Requests whose text contains it are refused."
    )


def _another_model(what: str, rows: int) -> ModelInvalid:
    return ModelInvalid(
        f"{what} beyond the model's {rows} embeddings (ids 0 to {rows - 1}).",
        hint="The tokenizer belongs to another model. Take both from the same revision.",
    )


def _shown(beyond: Mapping[int, str]) -> str:
    listed = [f"{echo(token)} with id {number}" for number, token in sorted(beyond.items())]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
