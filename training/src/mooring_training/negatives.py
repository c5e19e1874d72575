"""Make questions without an answer from answerable ones: move them to other paragraphs that lack their answers.

How similar the new paragraph is decides how hard the question becomes. Similarity is that of question and paragraph
(`similar.py`), because what misleads a model is a paragraph that shares words with the question.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import msgspec
import numpy as np

from mooring.quality.squad import normalise
from mooring_training.questions import Question
from mooring_training.similar import Ranking


class Negatives(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many questions are moved, and how far. Shares are from 0 to 1."""

    share: float = 0.6
    """Moved questions per answerable question."""
    same_article: float = 0.7
    """Of those, how many stay within their article."""
    nearest: int = 4
    """The new paragraph is drawn from that many most similar ones; 0: from all."""


class Paragraphs:
    """The paragraphs of a set of questions, by article."""

    def __init__(self, questions: Sequence[Question]) -> None:
        pairs = dict.fromkeys((one.context, one.article) for one in questions)
        self._ranking = Ranking([context for context, _ in pairs])
        self._plain = [normalise(context) for context, _ in pairs]
        self._articles = np.array([article for _, article in pairs])

    def without_answer(self, question: Question, *, same_article: bool) -> Iterator[int]:
        """Paragraphs of the question's article, or of others, with none of its answers; most similar first, lazily.

        An answer counts as present if its words are, with or without SQuAD's normalization; ties keep the file's order.
        """
        answers = [(normalise(answer), answer.lower()) for answer in question.answers]
        candidates = np.flatnonzero((self._articles == question.article) == same_article)
        scores = self._ranking.scores(question.question)[candidates]
        for place in candidates[np.argsort(-scores, kind="stable")].tolist():
            text, plain = self._ranking.paragraphs[place], self._plain[place]
            found = any(words in plain or raw in text.lower() for words, raw in answers)
            if text != question.context and not found:
                yield place

    def moved(self, question: Question, place: int, suffix: str) -> Question:
        """The question on another paragraph, without an answer."""
        context = self._ranking.paragraphs[place]
        return replace(
            question,
            id=f"{question.id}-{suffix}",
            context=context,
            article=str(self._articles[place]),
            answers=(),
            start=0,
        )


def negatives(
    questions: Sequence[Question], paragraphs: Paragraphs, options: Negatives, rng: np.random.Generator
) -> Iterator[Question]:
    """A share of the answerable questions, each moved to one paragraph. Questions with no such paragraph stay out."""
    answerable = [one for one in questions if one.answerable]
    wanted = round(options.share * len(answerable))
    for number in range(wanted):
        if number % len(answerable) == 0:  # each once, before any twice
            order = rng.permutation(len(answerable))
        question = answerable[int(order[number % len(answerable)])]
        near = bool(rng.random() < options.same_article)
        best = _nearest(question, paragraphs, options.nearest, near) or _nearest(
            question, paragraphs, options.nearest, not near
        )
        if best:
            yield paragraphs.moved(question, best[int(rng.integers(len(best)))], f"moved{number}")


def _nearest(question: Question, paragraphs: Paragraphs, count: int, same_article: bool) -> list[int]:
    return list(islice(paragraphs.without_answer(question, same_article=same_article), count or None))


def judged_pairs(
    questions: Sequence[Question], everything: Sequence[Question], seed: int
) -> tuple[list[Question], list[Question]]:
    """(random, hard): each answerable question on a random other paragraph of its article, and on the most similar one.

    Neither has the answer. The paragraphs are those of `everything`, which includes the questions. Questions whose
    article has no such paragraph are left out of both.
    """
    paragraphs, rng = Paragraphs(everything), np.random.default_rng(seed)
    at_random, hard = [], []
    for question in questions:
        found = list(paragraphs.without_answer(question, same_article=True)) if question.answerable else []
        if found:
            at_random.append(paragraphs.moved(question, found[int(rng.integers(len(found)))], "random"))
            hard.append(paragraphs.moved(question, found[0], "hard"))
    return at_random, hard
