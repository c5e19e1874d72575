"""Make questions out of raw text: hide a span in one sentence, and look for it in another paragraph that has it too.

The idea is that of Splinter (recurring-span selection, Ram et al. 2021): spans that occur several times are mostly
names, dates and terms, as answers are. Splinter replaces all but one occurrence within a passage by a special token.
Here one occurrence becomes a question, its sentence with "what" instead of the span, so that inputs have the form of
question answering and train its head.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mooring_training.questions import Question
from mooring_training.similar import STOP_WORDS, Ranking

LONGEST = 6
"""Words of a span."""
SHORTEST_SENTENCE = 6
"""Words of a sentence that says enough to be a question."""
MOST_PLACES = 20
"""A span in more paragraphs than this is the topic of the article."""

_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"(])")


@dataclass(frozen=True, slots=True)
class _Place:
    """One occurrence: characters of a paragraph."""

    paragraph: int
    start: int
    end: int


def texts_of(questions: Sequence[Question]) -> dict[str, list[str]]:
    """Article → its distinct paragraphs, in order."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for one in questions:
        found[one.article][one.context] = None
    return {article: list(paragraphs) for article, paragraphs in found.items()}


def recurring(articles: Mapping[str, Sequence[str]], count: int, rng: np.random.Generator) -> list[Question]:
    """Make questions and draw at most `count` of them. Those about one span differ in the place it was taken from."""
    every = [one for article, paragraphs in articles.items() for one in _of_article(article, paragraphs)]
    return [every[place] for place in sorted(rng.permutation(len(every))[:count].tolist())]


def _of_article(article: str, paragraphs: Sequence[str]) -> Iterator[Question]:
    """One question per occurrence of a recurring span, about the most similar other paragraph with that span."""
    ranking = Ranking(paragraphs)
    for span, places in _spans(paragraphs).items():
        for place in places:
            question = _cloze(paragraphs[place.paragraph], place)
            others = [other for other in places if other.paragraph != place.paragraph]
            if question is None or not others:
                continue
            scores = ranking.scores(question)
            best = max(others, key=lambda other: (scores[other.paragraph], -other.paragraph, -other.start))
            if not scores[best.paragraph]:
                continue  # nothing but the span connects the two
            context = paragraphs[best.paragraph]
            identity = f"{article}-{span}-{place.paragraph}-{place.start}"
            yield Question(identity, question, context, article, (context[best.start : best.end],), best.start)


def _spans(paragraphs: Sequence[str]) -> dict[str, list[_Place]]:
    """Spans with their places in two paragraphs or more. None that only occurs within a longer one."""
    places: defaultdict[tuple[str, ...], list[_Place]] = defaultdict(list)
    for number, text in enumerate(paragraphs):
        words = list(_WORD.finditer(text))
        for first, last in _ranges(text, words):
            key = tuple(word[0] for word in words[first : last + 1])
            places[key].append(_Place(number, words[first].start(), words[last].end()))
    kept = {
        key: found for key, found in places.items() if 2 <= len({place.paragraph for place in found}) <= MOST_PLACES
    }
    for key, found in list(kept.items()):
        size = len(key)
        for shorter in {key[first:end] for first in range(size) for end in range(first + 1, size + 1)} - {key}:
            if len(kept.get(shorter, ())) == len(found):
                del kept[shorter]
    return {" ".join(key): found for key, found in kept.items()}


def _ranges(text: str, words: Sequence[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """First and last word of each possible span: a name, a number or several words, within a clause.

    The words at its ends are no stop words.
    """
    telling = [word[0].lower() not in STOP_WORDS and (len(word[0]) > 1 or word[0].isdigit()) for word in words]
    special = [word[0] != word[0].lower() or word[0].isdigit() for word in words]
    for first in range(len(words)):
        if not telling[first]:
            continue
        for last in range(first, min(first + LONGEST, len(words))):
            if last > first and text[words[last - 1].end() : words[last].start()].strip():
                break  # punctuation
            if telling[last] and (last > first or special[first]):
                yield first, last


def _cloze(text: str, place: _Place) -> str | None:
    """The sentence around a place, with "what" instead; None if it says too little, or has the span twice."""
    ends = [match.end() for match in _END.finditer(text)]
    start = max((end for end in ends if end <= place.start), default=0)
    end = min((end for end in ends if end >= place.end), default=len(text))
    if len(_WORD.findall(text[start:end])) < SHORTEST_SENTENCE:
        return None
    before, span, after = text[start : place.start], text[place.start : place.end], text[place.end : end]
    if any(re.search(rf"(?<!\w){re.escape(span)}(?!\w)", part) for part in (before, after)):
        return None
    return f"{before}what{after}".strip()
