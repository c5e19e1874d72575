"""Draw text lengths from a named distribution, and make texts of those lengths. Pure, seeded.

Called by `bodies.py` for `moor bench --lengths`.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mooring.errors import UsageError, echo

MOST_WORDS = 50_000
FORMS = "120 (fixed), 16,64,256 (equally often), uniform:50-400, or lognormal:120,0.6 (median, sigma)"

TEXT = """A ship at anchor still swings with the wind and the tide. A ship on a mooring lies to a heavy block on the sea
bed, and a chain from the block to a buoy keeps the ship from drifting away. The block may be granite, cast iron or
concrete; in mud a mushroom anchor of 200 kilograms holds more than a stone of twice its weight. From the block a heavy
ground chain runs to a swivel, and from there a lighter riser goes up to the buoy. The harbour master of Falmouth has
every mooring lifted in April, measures the links, and condemns a chain that has lost a quarter of its thickness. Most
wear happens where the chain touches the bottom, since each tide drags it over the sand. A diver needs forty minutes for
one inspection. In 1987 a gale of 94 knots broke eleven moorings in a single night, and nine of the boats were found on
the beach below the church in the morning. Since then the pennants have been made of nylon, which stretches by a third
before it parts. Visitors pay twelve pounds a night and may stay for three days. Those who pick up a private buoy by
mistake are asked, politely and by radio, to move on."""
"""Written for this project. The default source of words."""

QUESTIONS = (
    "What keeps the ship from drifting away?",
    "How heavy is a mushroom anchor?",
    "Where does most wear happen?",
    "When are the moorings lifted?",
    "How long does a diver need?",
    "What have the pennants been made of since then?",
    "How many moorings did the gale break?",
    "What do visitors pay?",
)
"""Questions for texts without any."""

Chance = Callable[[random.Random], float]


@dataclass(frozen=True, slots=True)
class Lengths:
    """A distribution of text lengths in words."""

    said: str
    draw: Chance

    def sample(self, chance: random.Random) -> int:
        """Draw a number of words, from 1 to MOST_WORDS."""
        return min(MOST_WORDS, max(1, round(self.draw(chance))))


def parse_lengths(text: str) -> Lengths:
    """Read one of FORMS. Raises UsageError."""
    name, colon, rest = text.strip().partition(":")
    try:
        return Lengths(text.strip(), _KINDS[name](rest) if colon else _choice(name))
    except (KeyError, ValueError) as error:
        why = "" if isinstance(error, KeyError) or "convert" in str(error) or "literal" in str(error) else f": {error}"
        raise UsageError(f"{echo(text)} is not a valid value for --lengths{why}.", hint=f"Use {FORMS}.") from error


def _choice(text: str) -> Chance:
    values = [_words(part) for part in text.split(",")]
    return lambda chance: chance.choice(values)


def _uniform(text: str) -> Chance:
    low, dash, high = text.partition("-")
    first, last = _words(low), _words(high if dash else low)
    if first > last:
        raise ValueError("the smaller number must come first")
    return lambda chance: chance.randint(first, last)


def _lognormal(text: str) -> Chance:
    middle, _, spread = text.partition(",")
    mu, sigma = float(_words(middle)), float(spread or "nan")
    if not 0 < sigma <= 3:
        raise ValueError("sigma must be above 0 and at most 3")
    return lambda chance: mu * chance.lognormvariate(0, sigma)


_KINDS: dict[str, Callable[[str], Chance]] = {"uniform": _uniform, "lognormal": _lognormal, "fixed": _choice}


def _words(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_WORDS:
        raise ValueError(f"a text must have 1 to {MOST_WORDS:,} words")
    return count


def sentences_of(text: str) -> list[str]:
    """A text's sentences, split at periods."""
    return [" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+", text) if part.strip()]


class Writer:
    """Makes texts of given lengths from sentences in random order."""

    def __init__(self, sentences: Sequence[str], chance: random.Random) -> None:
        """`sentences` is not empty."""
        self._sentences = list(sentences)
        self._chance = chance

    def write(self, words: int) -> str:
        """Random whole sentences; the last one is cut."""
        found: list[str] = []
        while len(found) < words:
            found += self._chance.choice(self._sentences).split()
        return " ".join(found[:words])
