"""Decide which regular expressions of a tokenizer.json may run on texts of requests.

The `tokenizers` library matches with a backtracking engine: `(x+x+)+y` takes seconds for 25 characters, and `a+b`
takes quadratic time. Accepted are patterns that take linear time by their form, and those of well-known tokenizers.
"""

import re

MAX_PATTERN = 256
"""Most characters of a pattern that is judged by its form."""

KNOWN = frozenset(
    (
        # GPT-2
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        # GPT-4 (cl100k), Llama 3
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+",
        # Qwen 2
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+",
    )
)
"""Measured to take linear time, although their form does not show it."""

_PART = re.compile(
    r"(?P<atom>[^\\^$.|?*+()\[\]{}]|\.|\\[^A-Za-z0-9]|\\[sSdDwWnrt]|\\[pP]\{\^?[A-Za-z_]{1,40}\}"
    r"|\[\^?(?:[^\[\]\\&]|\\[^A-Za-z0-9]|\\[sSdDwWnrt]|\\[pP]\{\^?[A-Za-z_]{1,40}\})+\])"
    r"|(?P<many>[*+]|\?|\{[1-9][0-9]?(?:,(?:[1-9][0-9]?)?)?\})|(?P<bar>\|)|(?P<start>\^)|(?P<end>\$)"
)


def is_linear(pattern: str) -> bool:
    """Whether finding all matches takes time linear in the text.

    True for alternatives of single characters and classes in a row, of which only the last may be repeated: then a
    repetition is never given back. An alternative may begin with ^ and, without repetition, end with $.
    """
    if pattern in KNOWN:
        return True
    if not pattern or len(pattern) > MAX_PATTERN:
        return False
    at, atoms, ended = 0, 0, False
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None:
            return False
        kind = part.lastgroup
        if kind == "bar":
            if not atoms:
                return False
            atoms, ended = 0, False
        elif ended or (kind == "start" and at and pattern[at - 1] != "|"):
            return False
        elif kind == "atom":
            atoms += 1
        elif kind == "many":
            # What matches the empty string matches everywhere.
            if not atoms or (atoms == 1 and part[0] in "?*"):
                return False
            ended = True
        elif kind == "end":
            ended = True
        at = part.end()
    return atoms > 0
