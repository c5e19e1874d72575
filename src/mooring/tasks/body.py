"""Read decoded bodies in the format of Hugging Face's pipelines; errors point to the invalid field.

Shared by the tasks. Bodies are untrusted: everything here takes time linear in their size, and "Did you mean" examines
a fixed number of keys.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from mooring.errors import InvalidRequest, echo
from mooring.spelling import nearest

COMPARED = 64
"""Most keys of one request that are compared with known names to find misspellings."""
MISSPELT = range(6, 17)
"""Lengths of keys that may be misspellings of `parameters`."""
IGNORED = ("padding", "batch_size", "num_workers")
"""Pipeline parameters that affect how it computes, not the answer: accepted, without effect."""

BYTES_PER_TOKEN = 4
"""Approximate UTF-8 bytes per token: English has 4.6; a Chinese character is 3 bytes and one token."""

Reader = Callable[[object, str], Any]
"""(value, JSON pointer) → the checked value. Raises InvalidRequest."""
Readers = Mapping[str, Reader]
"""Parameter name → reader."""


class Keys:
    """Finds misplaced parameters in one request. Other keys may be meant for other services and are ignored."""

    def __init__(self, parameters: Iterable[str], known: Iterable[str]) -> None:
        """`known` are the valid keys of `inputs`."""
        self._parameters = frozenset(parameters)
        self._known = frozenset((*known, "inputs", "parameters"))
        self._left = COMPARED

    def check(self, given: Mapping[Any, object], at: str) -> None:
        """Raise InvalidRequest for a parameter name, or for a misspelling of `parameters`."""
        for key in sorted(self._parameters & given.keys()):
            raise InvalidRequest(
                "this is a parameter, and has no effect here.",
                pointer=f"{at}/{key}",
                hint=f'Send it in `parameters`: {{"inputs": …, "parameters": {{"{key}": …}}}}.',
            )
        for key in islice(given, COMPARED) if self._left else ():
            if key not in self._known and self._may_be_misspelt(key) and nearest(key, ("parameters",), cutoff=0.7):
                raise InvalidRequest(
                    "this key has no effect.", pointer=f"{at}/{pointed(key)}", hint="Did you mean `parameters`?"
                )

    def _may_be_misspelt(self, key: object) -> bool:
        if not self._left or not isinstance(key, str) or len(key) not in MISSPELT:
            return False
        self._left -= 1
        return True


def unwrapped(body: object, keys: Keys) -> tuple[object, object, str]:
    """`inputs`, `parameters` and the pointer to the inputs, of a body with or without the key `inputs`."""
    if not isinstance(body, dict):
        return body, None, ""
    if "inputs" in body:
        keys.check(body, "")
        return body["inputs"], body.get("parameters"), "/inputs"
    return {key: value for key, value in body.items() if key != "parameters"}, body.get("parameters"), ""


def read_parameters(given: object, readers: Readers) -> dict[str, Any]:
    """The checked parameters; null means the default and is left out. Raises InvalidRequest."""
    at = "/parameters"
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidRequest(f"expected an object, found {kind(given)}: {echo(given)}.", pointer=at)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in IGNORED:
            continue
        if name not in readers:
            near = nearest(name, readers)
            known = f"Did you mean {near[0]}?" if near else f"Parameters: {', '.join(readers)}."
            raise InvalidRequest("unknown parameter.", pointer=f"{at}/{pointed(name)}", hint=known)
        if value is not None:
            values[name] = readers[name](value, f"{at}/{name}")
    return values


def text(value: object, at: str) -> str:
    """Read a non-blank text."""
    if not isinstance(value, str):
        raise InvalidRequest(f"expected text, found {kind(value)}: {echo(value)}.", pointer=at)
    if not value or value.isspace():
        raise InvalidRequest("the text is empty." if not value else "the text is blank.", pointer=at)
    return value


def whole(value: object, at: str, least: int) -> int:
    """Read an integer of at least `least`."""
    # In Python true is an int; 2.0 is not.
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidRequest(f"it must be an integer of at least {least}, not {echo(value)}.", pointer=at)
    return value


def count(value: object, at: str) -> int:
    """Read an integer of at least 1."""
    return whole(value, at, 1)


def flag(value: object, at: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InvalidRequest(f"it must be true or false, not {echo(value)}.", pointer=at)
    return value


def like(key: str, item: Mapping[Any, object]) -> str:
    """A probably misspelled key among the first few of an object that is refused anyway."""
    near = nearest(key, [name for name in islice(item, COMPARED) if isinstance(name, str)])
    return f" (found {echo(near[0])})" if near else ""


def pointed(name: object) -> str:
    """A client's key as part of a JSON pointer (RFC 6901), shortened like any echo."""
    return echo(name if isinstance(name, str) else str(name))[1:-1].replace("~", "~0").replace("/", "~1")


def kind(value: object) -> str:
    """The JSON type of the value, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def tokens_in(text: str) -> int:
    """Estimated number of tokens of a text."""
    # Only non-ASCII texts need encoding.
    length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-length // BYTES_PER_TOKEN)


def charged(tokens: int, longest: int) -> int:
    """The cost of a text of that many tokens, of which at most `longest` are computed, in computed tokens.

    Tokenizing what is then cut or refused is not free: about an eighth of computing it.
    """
    return min(longest, tokens) + max(0, tokens - longest) // 8


def digest_of(text: str) -> bytes:
    """BLAKE2b of a text, 20 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).digest()
