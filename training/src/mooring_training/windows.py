"""Turn questions into training windows: token ids, the tokens that take part, and where the answer is.

Windows are those of the server: the question, then a piece of the paragraph, with the model's special tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from mooring.errors import UsageError
from mooring.tasks.windows import pieces
from mooring.tokenization.text import TextTokenizer, Tokens
from mooring_training.questions import Question

Ids = npt.NDArray[np.int32]

LONGEST_QUESTION = 64
"""Tokens; the rest of a question is cut."""


class Windows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long paragraphs are cut."""

    length: int = 320
    """Longest window in tokens."""
    choose: Literal["answer", "all"] = "answer"
    """answer: one window at a random place around the answer. all: every window, without an answer where it is not."""
    stride: int = 128
    """Tokens shared by neighboring windows, for `all`."""


@dataclass(frozen=True, slots=True)
class Window:
    """One training example. L tokens."""

    ids: Ids
    """[L]."""
    segments: Ids
    """[L]."""
    first: int
    """Position of the first token of the paragraph."""
    count: int
    """Tokens of the paragraph."""
    start: int
    """Position of the answer's first token; the position of [CLS], 0, if there is no answer here."""
    end: int
    """Position of its last token."""

    def __len__(self) -> int:
        return len(self.ids)


class Cutter:
    """Cuts questions into windows. Each paragraph is tokenized once."""

    def __init__(self, tokenizer: TextTokenizer, options: Windows) -> None:
        """Raises UsageError for a tokenizer without [CLS] as the first token, where "no answer" is."""
        if tokenizer.cls_id is None or tokenizer.template.before[:1].tolist() != [tokenizer.cls_id]:
            raise UsageError(
                "The tokenizer has no [CLS] as the first token, which stands for 'no answer'.",
                hint="Use a BERT-like model.",
            )
        self._tokenizer = tokenizer
        self._options = options
        self._known: dict[str, Tokens] = {}

    def windows(self, question: Question, rng: np.random.Generator) -> Iterator[Window]:
        """The training windows of one question; none if its answer has no token or does not fit."""
        asked = self._tokenizer.encode(question.question).part(0, LONGEST_QUESTION)
        context = self._known.get(question.context)
        if context is None:
            context = self._known[question.context] = self._tokenizer.encode(question.context)
        span = _tokens_of(context, question) if question.answerable else None
        if question.answerable and span is None:
            return
        counts = (len(asked), len(context), self._tokenizer.template.specials, self._options.length)
        if self._options.choose == "all":
            for first, count in pieces(*counts, self._options.stride):
                yield self._window(asked, context, (first, count), span)
            return
        room = counts[3] - counts[2] - counts[0]
        count = min(room, len(context))
        low, high = (0, len(context) - count) if span is None else (span[1] - count + 1, span[0])
        low, high = max(0, low), min(high, len(context) - count)
        if low <= high:
            yield self._window(asked, context, (int(rng.integers(low, high + 1)), count), span)

    def _window(self, asked: Tokens, context: Tokens, piece: tuple[int, int], span: tuple[int, int] | None) -> Window:
        first, count = piece
        ids, segments = self._tokenizer.framed(asked, context.part(first, count))
        template = self._tokenizer.template
        at = len(template.before) + len(asked) + len(template.between)
        inside = span is not None and first <= span[0] and span[1] < first + count
        start, end = (place - first + at for place in span) if span is not None and inside else (0, 0)
        return Window(ids, segments, at, count, start, end)


def _tokens_of(context: Tokens, question: Question) -> tuple[int, int] | None:
    """First and last token of the first answer; None if it has no token."""
    start, end = question.start, question.start + len(question.answers[0])
    touched = np.flatnonzero((context.places[:, 0] < end) & (context.places[:, 1] > start))
    return (int(touched[0]), int(touched[-1])) if len(touched) else None


def plan(lengths: Sequence[int], tokens: int, rng: np.random.Generator) -> list[list[int]]:
    """Batches of indices, in random order, each of at most `tokens` tokens with padding (or one window).

    Windows of similar length are put together within pools of fifty batches, so that little is padding.
    """
    order = rng.permutation(len(lengths))
    mean = max(1, int(np.mean(lengths))) if len(lengths) else 1
    pool = max(1, 50 * tokens // mean)
    batches: list[list[int]] = []
    for begin in range(0, len(order), pool):
        near = sorted(order[begin : begin + pool].tolist(), key=lambda place: lengths[place])
        batch: list[int] = []
        for place in near:
            if batch and lengths[place] * (len(batch) + 1) > tokens:
                batches.append(batch)
                batch = []
            batch.append(place)
        batches.append(batch)
    return [batches[place] for place in rng.permutation(len(batches))]
