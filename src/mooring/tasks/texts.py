"""Read requests of one or more texts, and make one window for each. Shared by tasks that cannot split a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.backends.base import Window
from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.tasks.body import Readers, flag, kind, text, whole
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


def read_texts(inputs: object, at: str, most: int, example: str) -> tuple[tuple[str, ...], bool]:
    """The texts of `inputs`, and whether they came as a list; `{"text": …}` is a text. Raises InvalidRequest.

    Raises PayloadTooLarge for more than `most` texts.
    """
    if isinstance(inputs, dict) and "text" in inputs:
        inputs, at = inputs["text"], f"{at}/text"
        return (text(inputs, at),), False
    if isinstance(inputs, str):
        return (text(inputs, at),), False
    if not isinstance(inputs, list):
        raise InvalidRequest(f"expected a text, found {kind(inputs)}: {echo(inputs)}.", pointer=at, hint=example)
    if not inputs:
        raise InvalidRequest("the list is empty.", pointer=at, hint=example)
    if len(inputs) > most:
        raise PayloadTooLarge(
            f"The request has {len(inputs)} texts; the limit is {most}.", hint="Split it into several requests."
        )
    return tuple([_text(item, f"{at}/{place}") for place, item in enumerate(inputs)]), True


def _text(item: object, at: str) -> str:
    """A text of a list, which may be a row of CSV."""
    return text(item["text"], f"{at}/text") if isinstance(item, dict) and "text" in item else text(item, at)


def windows_of(
    tokenizer: TextTokenizer, texts: Sequence[str], fit: Fit, outputs: tuple[int, ...] | None = None
) -> tuple[list[Window], int]:
    """One window for each text, and the number of texts that were cut off. Raises PayloadTooLarge, InvalidRequest."""
    room = max(0, fit.longest - tokenizer.frame.specials)
    windows, cut = [], 0
    for number, ids in enumerate(tokenizer.ids_of(texts), 1):
        if len(ids) > room:
            if not fit.truncate:
                which = "The text" if len(texts) == 1 else f"Text {number}"
                raise too_long(which, len(ids) + tokenizer.frame.specials, fit)
            ids = ending(ids, room, fit)
            cut += 1
        windows.append(Window(*tokenizer.framed_ids(ids), outputs=outputs))
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
