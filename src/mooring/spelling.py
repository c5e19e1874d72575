"""Find the known word that a misspelt one was meant to be, for "Did you mean …?".

The comparison takes time quadratic in the length of the words, so words longer than `LONGEST` are not compared.
Callers bound the count: a request may make a fixed number of comparisons, however many keys it has.
"""

from collections.abc import Iterable

LONGEST = 64
"""Characters. No name of ours is longer, and nobody misspells a name into one this long."""


def nearest(word: object, known: Iterable[str], *, count: int = 1, cutoff: float = 0.6) -> list[str]:
    """Up to `count` of the `known` words that are like `word`, the most similar first.

    `cutoff` is the least similarity, from 0 (anything) to 1 (equal).
    """
    if not isinstance(word, str) or len(word) > LONGEST:
        return []
    from difflib import get_close_matches  # few commands need it, and every one imports this module

    return get_close_matches(word, [one for one in known if len(one) <= LONGEST], n=count, cutoff=cutoff)
