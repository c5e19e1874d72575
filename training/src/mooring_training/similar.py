"""Rank paragraphs by their similarity to a question: cosine of TF-IDF vectors.

Our own forty lines with numpy: scikit-learn and scipy would be 130 MB for this one product of sparse vectors.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WORD = re.compile(r"\w\w+")
STOP_WORDS = frozenset(
    _WORD.findall("""
    about after all also am an and any are as at be because been before being between both but by can could did do does
    doing down during each few for from further had has have having he her here hers him his how if in into is it its
    just me more most my no nor not now of off on once only or other our out over own same she should so some such than
    that the their them then there these they this those through to too under until up very was we were what when where
    which while who whom whose why will with would you your
    """)
)
"""Words that say nothing about what a text is about. Single letters are no words here."""


def words_of(text: str) -> list[str]:
    """The words that count, in lower case."""
    return [word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]


class Ranking:
    """The paragraphs of some articles as an inverted index. A term's weight is tf · (1 + ln((1 + n) / (1 + df)))."""

    def __init__(self, paragraphs: Sequence[str]) -> None:
        self.paragraphs = list(paragraphs)
        counts = [Counter(words_of(text)) for text in self.paragraphs]
        frequency = Counter(word for count in counts for word in count)
        total = len(self.paragraphs)
        self._idf = {word: 1 + np.log((1 + total) / (1 + seen)) for word, seen in frequency.items()}
        postings: dict[str, tuple[list[int], list[float]]] = {word: ([], []) for word in frequency}
        for place, count in enumerate(counts):
            norm = np.sqrt(sum((times * self._idf[word]) ** 2 for word, times in count.items()))
            for word, times in count.items():
                postings[word][0].append(place)
                postings[word][1].append(times * self._idf[word] / norm)
        self._postings = {word: (np.array(where), np.array(much)) for word, (where, much) in postings.items()}

    def scores(self, question: str) -> Floats:
        """Similarity of every paragraph to the question, 0 to 1; [n]."""
        found = np.zeros(len(self.paragraphs))
        weights = {word: times * self._idf.get(word, 0.0) for word, times in Counter(words_of(question)).items()}
        norm = np.sqrt(sum(weight**2 for weight in weights.values()))
        for word, weight in weights.items():
            if weight:
                where, much = self._postings[word]
                found[where] += much * weight / norm
        return found
