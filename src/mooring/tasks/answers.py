"""Turn a request's spans into answers: character offsets, text and score.

Called by `question_answering.py`. Semantics are those of transformers 4.57's question-answering pipeline: spans are
widened to whole words, and those with the same text, ignoring case, are one answer whose score is their sum. Two
differences: `top_k` above 1 always gives a list, where the pipeline gives an object for a single answer; and spans
with a score of 0, which lie outside the text, are not answers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mooring.errors import InvalidRequest
from mooring.tasks.spans import Flags, Indices, Spans
from mooring.tasks.windows import Piece
from mooring.tokenization.text import NO_WORD, Tokens

Answer = dict[str, Any]
"""(score, start, end, answer)."""


class Places:
    """The offsets of a context's tokens in its text."""

    def __init__(self, context: Tokens, *, align_to_words: bool) -> None:
        self._starts, self._ends = context.places[:, 0], context.places[:, 1]
        self._firsts = self._lasts = np.arange(len(context))
        if align_to_words and len(context):
            self._firsts, self._lasts = _word_bounds(context)

    def characters(self, starts: Indices, ends: Indices, piece: Piece) -> tuple[list[int], list[int]]:
        """Start and end (exclusive) in characters, of spans of context tokens (ends inclusive) in one window.

        A word that the window's edge cuts is widened up to the edge.
        """
        first = np.maximum(self._firsts[starts], piece.first)
        last = np.minimum(self._lasts[ends], piece.first + piece.count - 1)
        return self._starts[first].tolist(), self._ends[last].tolist()


def _word_bounds(context: Tokens) -> tuple[Indices, Indices]:
    """The first and last token of each token's word; the token itself if it has no word."""
    words = context.words
    begins = np.ones(len(words), bool)
    begins[1:] = (words[1:] != words[:-1]) | (words[1:] == NO_WORD)
    firsts = np.flatnonzero(begins)
    number = np.cumsum(begins) - 1
    lasts = np.append(firsts[1:], len(words)) - 1
    return firsts[number], lasts[number]


def collect(
    text: str, places: Places, windows: Sequence[tuple[Piece, Spans]], room: int, *, add: bool = True
) -> tuple[list[Answer], int]:
    """All answers of a context, with spans of the same text merged, in order of first occurrence.

    The score of an answer is the sum of its spans', or without `add` the best one's.

    `windows` gives each window's piece of the context and its spans, [K] each. Candidates may have `room` characters
    in total; the remainder is returned too. Raises InvalidRequest if they need more.
    """
    found: dict[str, Answer] = {}
    for piece, spans in windows:
        starts, ends = spans.starts - piece.at, spans.ends - piece.at
        good = (starts >= 0) & (ends < piece.count) & (spans.scores > 0)
        firsts, lasts = places.characters(starts[good] + piece.first, ends[good] + piece.first, piece)
        room -= sum(lasts) - sum(firsts)
        if room < 0:
            raise InvalidRequest(
                "the candidate answers are too long in total: the text has words of thousands of characters.",
                hint="Ask for fewer answers (top_k) or shorter ones (max_answer_len), or ask fewer questions at once.",
            )
        for start, end, score in zip(firsts, lasts, spans.scores[good].tolist(), strict=True):
            said = text[start:end]
            answer = found.setdefault(said.lower(), {"score": 0.0, "start": start, "end": end, "answer": said})
            if add:
                answer["score"] += score
            elif score > answer["score"]:
                answer.update(score=score, start=start, end=end, answer=said)
    return list(found.values()), room


def best(answers: list[Answer], top_k: int, null: float | None, *, numbered: bool = False) -> Answer | list[Answer]:
    """The `top_k` answers with the highest scores: one object for a `top_k` of 1, else a list of 1 to `top_k`.

    `null` is the score of "no answer", None if not requested. `numbered`: the answers have a context_index.
    """
    nothing: Answer = {"score": null or 0.0, "start": 0, "end": 0, "answer": ""}
    nothing |= {"context_index": None} if numbered else {}
    if null is not None:
        answers = [*answers, nothing]
    ranked = sorted(answers, key=lambda answer: -answer["score"])[:top_k]
    if not ranked:  # contexts without a token
        ranked = [nothing]
    # Depends on the request, never on the number of answers: clients must know the type in advance.
    return ranked[0] if top_k == 1 else ranked


def allowed_tokens(ids: Sequence[Any], pieces: Sequence[Piece], length: int, cls_id: int | None) -> Flags:
    """[W, L]: the tokens that take part in the softmax: the context's and every CLS token."""
    allowed = np.zeros((len(pieces), length), bool)
    for row, (window, piece) in enumerate(zip(ids, pieces, strict=True)):
        allowed[row, piece.at : piece.at + piece.count] = True
        if cls_id is not None:
            allowed[row, : len(window)] |= window == cls_id
    return allowed
