"""Fit a text or a pair of texts into one window: refuse or cut what is too long. For tasks that cannot split a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.backends.base import Window
from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.tasks.body import Readers, flag, whole
from mooring.tasks.windows import longest_first
from mooring.tokenization.text import Ids, TextTokenizer

SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Fit:
    """What to do with a text that is longer than the model reads."""

    longest: int
    """In tokens, including special tokens."""
    truncate: bool
    from_left: bool
    """Whether to cut at the beginning."""


def side(value: object, at: str) -> str:
    """Read "left" or "right" in any case: clients of Text Embeddings Inference send "Right"."""
    if not isinstance(value, str) or value.lower() not in SIDES:
        raise InvalidRequest(f"it must be left or right, not {echo(value)}.", pointer=at)
    return value.lower()


TRUNCATION: Readers = {
    "truncate": flag,
    "truncation": flag,
    "truncation_direction": side,
    "max_length": lambda value, at: whole(value, at, 1),
}
"""Parameters about texts that are too long; `truncate` is the name in Text Embeddings Inference."""


def fit_of(values: dict[str, Any], longest: int, tokenizer: TextTokenizer, *, truncate: bool) -> Fit:
    """Take the parameters of `TRUNCATION` out of `values`; `truncate` is the server's default."""
    limit = values.pop("max_length", None)
    if limit is not None and limit > longest:
        raise InvalidRequest(
            f"{limit} exceeds this model's limit of {longest} tokens.", pointer="/parameters/max_length"
        )
    asked = [values.pop(name) for name in ("truncate", "truncation") if name in values]
    direction = values.pop("truncation_direction", None)
    from_left = tokenizer.habits.from_left if direction is None else direction == "left"
    return Fit(limit or longest, asked[0] if asked else truncate, from_left)


def fitted(
    tokenizer: TextTokenizer,
    fit: Fit,
    which: str,
    first: Ids,
    second: Ids | None = None,
    outputs: tuple[int, ...] | None = None,
) -> tuple[Window, bool]:
    """The window, and whether some of the text is not in it; the longer text of a pair is cut first.

    `which` names the text in the error, e.g. "Text 2"; `outputs` are the window's. Raises PayloadTooLarge if it may not
    be cut.
    """
    # Counted before the window is made: a text may be much longer than a window.
    specials = (tokenizer.frame if second is None else tokenizer.template).specials
    length = specials + len(first) + (0 if second is None else len(second))
    if length > fit.longest:
        if not fit.truncate:
            raise too_long(which, length, fit)
        room = max(0, fit.longest - specials)
        if second is None:
            first = ending(first, room, fit)
        else:
            left, right = longest_first(len(first), len(second), room)
            first, second = ending(first, left, fit), ending(second, right, fit)
    return Window(*tokenizer.framed_ids(first, second), outputs=outputs), length > fit.longest


def fitted_first(tokenizer: TextTokenizer, fit: Fit, which: str, first: Ids, second: Ids) -> tuple[Window, bool]:
    """As `fitted`, but only the first text is cut. Raises PayloadTooLarge also if the second leaves no room for it."""
    length = tokenizer.template.specials + len(first) + len(second)
    if length <= fit.longest:
        return Window(*tokenizer.framed_ids(first, second)), False
    if not fit.truncate:
        raise too_long(which, length, fit)
    room = fit.longest - tokenizer.template.specials - len(second)
    if room < 1:
        raise PayloadTooLarge(
            f"{which} has {length} tokens; the limit is {fit.longest}. {len(second)} of them cannot be cut.",
            hint="Shorten the labels or the hypothesis template.",
        )
    return Window(*tokenizer.framed_ids(ending(first, room, fit), second)), True


def windows_of(
    tokenizer: TextTokenizer, texts: Sequence[str], fit: Fit, outputs: tuple[int, ...] | None = None
) -> tuple[list[Window], int]:
    """One window for each text, and the number of texts that were cut off. Raises PayloadTooLarge, InvalidRequest."""
    windows, cut = [], 0
    for number, ids in enumerate(tokenizer.ids_of(texts), 1):
        which = "The text" if len(texts) == 1 else f"Text {number}"
        window, was_cut = fitted(tokenizer, fit, which, ids, outputs=outputs)
        windows.append(window)
        cut += was_cut
    return windows, cut


def ending(ids: Ids, count: int, fit: Fit) -> Ids:
    """At most `count` tokens, without the ends that are cut off."""
    return ids[max(0, len(ids) - count) :] if fit.from_left else ids[:count]


def too_long(which: str, count: int, fit: Fit) -> PayloadTooLarge:
    """The error for a window of `count` tokens; `which` names its text."""
    return PayloadTooLarge(
        f"{which} has {count} tokens; the limit is {fit.longest}.",
        hint="Shorten it, send `truncate` (or `truncation`) to cut it, or start the server with --too-long truncate.",
    )
