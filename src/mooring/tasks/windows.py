"""A tokenized question and context in, windows that fit the model out, each with its place in the context.

Pure. Windows are those that transformers 4.57 makes with truncation="only_second": the question whole in each, the
context in pieces that overlap by `stride` tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mooring.backends.base import Window
from mooring.errors import InvalidRequest
from mooring.tokenization.text import TextTokenizer, Tokens


@dataclass(frozen=True, slots=True)
class Piece:
    """Which context tokens a window holds, and where."""

    first: int
    """Index in the context of its first token."""
    count: int
    at: int
    """Index in the window of that token."""


def pieces(
    question: int, context: int, specials: int, max_seq_len: int, stride: int, *, from_left: bool = False
) -> list[tuple[int, int]]:
    """(first, count) of each window's context tokens, for texts of so many tokens; at least one window.

    `from_left`: counted from the end of the context, its last piece first (transformers' truncation_side "left").
    Raises InvalidRequest when the context has to be cut and the question leaves no room to move on by at least a token.
    """
    room = max_seq_len - specials - question
    if context <= room:
        return [(0, context)]
    if room <= stride:
        raise InvalidRequest(
            f"the question has {question} tokens, so that a window of {max_seq_len} has {max(room, 0)} left "
            f"for the context; with a doc_stride of {stride} it needs at least {stride + 1}.",
            hint="Shorten the question, lower doc_stride, or raise max_seq_len.",
        )
    step = room - stride
    # The last window is the first one that reaches the end.
    starts = range(0, context - room + step, step)
    found = [(start, min(room, context - start)) for start in starts]
    return [(context - start - count, count) for start, count in found] if from_left else found


def cut(
    question: Tokens, context: Tokens, tokenizer: TextTokenizer, max_seq_len: int, stride: int
) -> Iterator[tuple[Window, Piece]]:
    """Every window of a question on a context, in order. Raises as `pieces`."""
    template = tokenizer.template
    at = len(template.before) + len(question) + len(template.between)
    counts = (len(question), len(context), template.specials)
    for first, count in pieces(*counts, max_seq_len, stride, from_left=tokenizer.habits.from_left):
        yield Window(*tokenizer.framed(question, context.part(first, count))), Piece(first, count, at)
