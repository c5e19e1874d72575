"""Cut a tokenized question and context into windows that fit the model.

Pure. Windows are those of transformers 4.57 with truncation="only_second": each has the whole question and a piece of
the context; pieces overlap by `stride` tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mooring.backends.base import Window
from mooring.errors import InvalidRequest
from mooring.tokenization.text import TextTokenizer, Tokens


@dataclass(frozen=True, slots=True)
class Piece:
    """The context tokens of a window."""

    first: int
    """Index of the first token in the context."""
    count: int
    at: int
    """Index of that token in the window."""


def pieces(
    question: int, context: int, specials: int, max_seq_len: int, stride: int, *, from_left: bool = False
) -> list[tuple[int, int]]:
    """(first, count) of each window's context tokens, given the numbers of tokens; at least one window.

    `from_left`: counted from the end of the context, its last piece first (transformers' truncation_side "left").
    Raises InvalidRequest if the context must be cut and the question leaves no room to advance by a token.
    """
    room = max_seq_len - specials - question
    if context <= room:
        return [(0, context)]
    if room <= stride:
        raise InvalidRequest(
            f"the question has {question} tokens, so a window of {max_seq_len} tokens has {max(room, 0)} left "
            f"for the context; a doc_stride of {stride} needs at least {stride + 1}.",
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


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Tokens of each text that fit into `room` together if the longer text is cut first.

    As transformers' truncation "longest_first"; if both are too long, the second keeps the odd token.
    """
    if first + second <= room:
        return first, second
    short, long = min(first, second), max(first, second)
    long = short if short > room else max(short, room - short)
    if short + long > room:
        short = room // 2
        long = short + room % 2
    return (short, long) if first <= second else (long, short)
