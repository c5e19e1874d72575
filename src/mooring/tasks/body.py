"""Read decoded bodies in the shape of Hugging Face's pipelines, with errors that point at the field at fault.

Shared by the tasks. A body comes from anybody: everything here takes time linear in its size, and "Did you mean" looks
at a fixed number of keys.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from mooring.errors import InvalidRequest, echo
from mooring.spelling import nearest

COMPARED = 64
"""Keys of one request that are compared with names of ours, to find a misspelt one."""
MISSPELT = range(6, 17)
"""Lengths of keys that may be meant to be `parameters`."""
IGNORED = ("padding", "batch_size", "num_workers")
"""Parameters of every pipeline that say how it computes, not what it answers: accepted, and without effect here."""

BYTES_PER_TOKEN = 4
"""Of UTF-8, about: English has 4.6, and a Chinese character is 3 bytes and a token."""

Reader = Callable[[object, str], Any]
"""(value, JSON pointer) → the value, checked. Raises InvalidRequest."""
Readers = Mapping[str, Reader]
"""By a parameter's name."""


class Keys:
    """Finds parameters in the wrong place. Other keys are other services' and are left alone. For one request."""

    def __init__(self, parameters: Iterable[str], known: Iterable[str]) -> None:
        """`known` are the keys that `inputs` have."""
        self._parameters = frozenset(parameters)
        self._known = frozenset((*known, "inputs", "parameters"))
        self._left = COMPARED

    def check(self, given: Mapping[Any, object], at: str) -> None:
        """Raise InvalidRequest for a parameter's name, or for what looks like `parameters` itself."""
        for key in sorted(self._parameters & given.keys()):
            raise InvalidRequest(
                "this is a parameter; here it would have no effect.",
                pointer=f"{at}/{key}",
                hint=f'Send it in `parameters`: {{"inputs": …, "parameters": {{"{key}": …}}}}.',
            )
        for key in islice(given, COMPARED) if self._left else ():
            if key not in self._known and self._may_be_misspelt(key) and nearest(key, ("parameters",), cutoff=0.7):
                raise InvalidRequest(
                    "it would have no effect.", pointer=f"{at}/{pointed(key)}", hint="Is it meant to be `parameters`?"
                )

    def _may_be_misspelt(self, key: object) -> bool:
        if not self._left or not isinstance(key, str) or len(key) not in MISSPELT:
            return False
        self._left -= 1
        return True


def unwrapped(body: object, keys: Keys) -> tuple[object, object, str]:
    """`inputs`, `parameters` and the pointer to the inputs, of a body that is wrapped in `inputs` or not."""
    if not isinstance(body, dict):
        return body, None, ""
    if "inputs" in body:
        keys.check(body, "")
        return body["inputs"], body.get("parameters"), "/inputs"
    return {key: value for key, value in body.items() if key != "parameters"}, body.get("parameters"), ""


def read_parameters(given: object, readers: Readers) -> dict[str, Any]:
    """The parameters that were sent, checked; null asks for the default and is left out. Raises InvalidRequest."""
    at = "/parameters"
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidRequest(f"{kind(given)} where an object belongs: {echo(given)}.", pointer=at)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in IGNORED:
            continue
        if name not in readers:
            near = nearest(name, readers)
            known = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(readers)}."
            raise InvalidRequest("there is no such parameter.", pointer=f"{at}/{pointed(name)}", hint=known)
        if value is not None:
            values[name] = readers[name](value, f"{at}/{name}")
    return values


def text(value: object, at: str) -> str:
    """A text that is not blank."""
    if not isinstance(value, str):
        raise InvalidRequest(f"{kind(value)} where text belongs: {echo(value)}.", pointer=at)
    if not value or value.isspace():
        raise InvalidRequest("the text is empty." if not value else "the text is blank.", pointer=at)
    return value


def whole(value: object, at: str, least: int) -> int:
    """A whole number of at least `least`."""
    # true is an int to Python, and 2.0 one to nobody.
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidRequest(f"it must be a whole number of at least {least}, and is {echo(value)}.", pointer=at)
    return value


def count(value: object, at: str) -> int:
    """A whole number of at least 1."""
    return whole(value, at, 1)


def flag(value: object, at: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidRequest(f"it must be true or false, and is {echo(value)}.", pointer=at)
    return value


def like(key: str, item: Mapping[Any, object]) -> str:
    """The key that may have been meant, of the first few of an object that is refused anyway."""
    near = nearest(key, [name for name in islice(item, COMPARED) if isinstance(name, str)])
    return f", but {echo(near[0])}" if near else ""


def pointed(name: object) -> str:
    """A caller's key as part of a pointer (RFC 6901), cut as any echo."""
    return echo(name if isinstance(name, str) else str(name))[1:-1].replace("~", "~0").replace("/", "~1")


def kind(value: object) -> str:
    """JSON's name of the value's type, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def tokens_in(text: str) -> int:
    """About how many tokens a text has."""
    # Only a text beyond ASCII has to be looked at.
    length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-length // BYTES_PER_TOKEN)


def digest_of(text: str) -> bytes:
    """BLAKE2b of a text, 20 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).digest()
