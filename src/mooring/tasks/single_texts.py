"""Read the inputs of tasks on single texts: a text, an object with `text`, or a list of either."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.tasks.body import Keys, digest_of, kind, text, unwrapped

KEYS = ("text",)
EXAMPLE = 'Send {"inputs": "…"}, or a list of texts as `inputs`.'


@dataclass(frozen=True, slots=True)
class Texts:
    """At least one text, each non-blank."""

    texts: tuple[str, ...]
    listed: bool
    """Whether they came as a list, which may hold a single text."""


def read_inputs(body: object, parameters: Iterable[str], most: int) -> tuple[Texts, object]:
    """The texts of a body and its unread parameters, whose known names are `parameters`. Raises as `read_items`."""
    keys = Keys(parameters, KEYS)
    inputs, given, at = unwrapped(body, keys)
    return read_items(inputs, at, keys, most), given


def read_items(inputs: object, at: str, keys: Keys, most: int) -> Texts:
    """The texts at the JSON pointer `at`. Raises InvalidRequest, or PayloadTooLarge for more than `most` texts."""
    listed = isinstance(inputs, list)
    items: list[Any] = inputs if isinstance(inputs, list) else [inputs]
    if not items:
        raise InvalidRequest("the list is empty.", pointer=at, hint=EXAMPLE)
    if len(items) > most:
        raise PayloadTooLarge(
            f"The request has {len(items)} texts; the limit is {most}.", hint="Split it into several requests."
        )
    read = (_text(item, f"{at}/{place}" if listed else at, keys) for place, item in enumerate(items))
    return Texts(tuple(read), listed)


def _text(item: object, at: str, keys: Keys) -> str:
    if isinstance(item, str):
        return text(item, at)
    if not isinstance(item, dict):
        raise InvalidRequest(f"expected a text, found {kind(item)}: {echo(item)}.", pointer=at, hint=EXAMPLE)
    keys.check(item, at)
    if "text" not in item:
        raise InvalidRequest("missing `text`.", pointer=at, hint=EXAMPLE)
    return text(item["text"], f"{at}/text")


def key_of(texts: Texts, parameters: object) -> bytes:
    """BLAKE2b of the parameters, the shape and each text's own digest."""
    digest = hashlib.blake2b(repr((parameters, texts.listed)).encode(), digest_size=20)
    for one in texts.texts:
        digest.update(digest_of(one))
    return digest.digest()
