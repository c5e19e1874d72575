"""Find the known word that a misspelt one was meant to be, for "Did you mean …?".

The comparison takes time quadratic in the length of the words, so words longer than `LONGEST` are not compared.
Callers bound the count: a request may make a fixed number of comparisons, however many keys it has.
"""

from collections.abc import Iterable

LONGEST = 64
"""In characters. No known word is longer."""


def nearest(word: object, known: Iterable[str], *, count: int = 1, cutoff: float = 0.6) -> list[str]:
    """Up to `count` of the `known` words that are similar to `word`, the most similar first.

    `cutoff` is the minimum similarity, from 0 (anything) to 1 (equal).
    """
    if not isinstance(word, str) or len(word) > LONGEST:
        return []
    from difflib import get_close_matches  # imported late: few commands need it

    return get_close_matches(word, [one for one in known if len(one) <= LONGEST], n=count, cutoff=cutoff)
