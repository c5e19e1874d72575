"""Check a value against the constraints of its shape; messages are worded as on AWS.

Constraints come from botocore's models: required members, enums, patterns, lengths, ranges. botocore checks only some
of them before it sends a request; the service checks the rest.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

SHOWN = 1000
"""Characters of a value that a message quotes."""
HERE_TOO = {"Url": "file://", "S3ModelUri": "file://"}
"""Shapes that also accept this prefix: model data may be in a folder of this machine."""

_JAVA = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": " \u00a0\u2000-\u200a\u202f\u3000",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Print}": " -~",
    r"\p{ASCII}": r"\x00-\x7f",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
}
"""Java character classes (the patterns are Java's) and their Python equivalents. Letters are slightly wider here."""
_PIECE = re.compile("|".join((*map(re.escape, _JAVA), r"\\.", r"[\[\]]", ".")), re.DOTALL)


def violations(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """A message for each constraint that `value` breaks; `path`: its location in messages."""
    kind = shape.type_name
    if kind == "structure":
        yield from _members(shape, value, path)
    elif kind == "list":
        yield from _length(shape, value, path, len(value))
        yield from _elements(shape.member, value, path)
    elif kind == "map":
        yield from _length(shape, value, path, len(value))
        yield from _entries(shape, value, path)
    else:
        yield from (_said(value, path, what) for what in _broken(shape, value))


def _members(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    below = f"{path}." if path else ""
    required = set(shape.required_members)
    for name, member in shape.members.items():
        there = below + name[:1].lower() + name[1:]
        if name in value:
            yield from violations(member, value[name], there)
        elif name in required:
            yield f"Value null at '{there}' failed to satisfy constraint: Member must not be null"


def _elements(member: Any, values: list[Any], path: str) -> Iterator[str]:
    if member.type_name in ("structure", "list", "map"):
        for place, value in enumerate(values, start=1):
            yield from violations(member, value, f"{path}.{place}.member")
    elif any(list(_broken(member, value)) for value in values):
        yield _said(values, path, f"Member must satisfy constraint: [{', '.join(_demands(member))}]")


def _entries(shape: Any, values: Mapping[str, Any], path: str) -> Iterator[str]:
    if any(list(_broken(shape.key, key)) for key in values):
        yield _said(values, path, f"Map keys must satisfy constraint: [{', '.join(_demands(shape.key))}]")
    if shape.value.type_name in ("structure", "list", "map"):
        for key, value in values.items():
            yield from violations(shape.value, value, f"{path}.{key}.member")
    elif any(list(_broken(shape.value, value)) for value in values.values()):
        yield _said(values, path, f"Map value must satisfy constraint: [{', '.join(_demands(shape.value))}]")


def _length(shape: Any, value: Any, path: str, length: int) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and length > most:
        yield _said(value, path, f"Member must have length less than or equal to {most}")
    if least is not None and length < least:
        yield _said(value, path, f"Member must have length greater than or equal to {least}")


def _broken(shape: Any, value: Any) -> Iterator[str]:
    """The constraints that a scalar breaks."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("string", "blob"):
        size, noun = len(value), "length"
    elif shape.type_name in ("integer", "long", "float", "double"):
        size, noun = value, "value"
    else:
        return
    if most is not None and size > most:
        yield f"Member must have {noun} less than or equal to {most}"
    if least is not None and size < least:
        yield f"Member must have {noun} greater than or equal to {least}"
    if shape.type_name == "string":
        if shape.enum and value not in shape.enum:
            yield _enumerated(shape)
        pattern = shape.metadata.get("pattern")
        # Do not match values that are far too long: some patterns are slow.
        if pattern and len(value) <= 4 * (most or 65536) and not _matches(shape.name, pattern, value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


def _demands(shape: Any) -> list[str]:
    """All constraints of a scalar's shape, as listed in messages about collections."""
    noun = "length" if shape.type_name in ("string", "blob") else "value"
    bounds = (
        ("max", f"Member must have {noun} less than or equal to"),
        ("min", f"Member must have {noun} greater than or equal to"),
    )
    said = [f"{words} {shape.metadata[bound]}" for bound, words in bounds if bound in shape.metadata]
    if pattern := shape.metadata.get("pattern"):
        said.append(f"Member must satisfy regular expression pattern: {pattern}")
    return [*said, _enumerated(shape)] if getattr(shape, "enum", None) else said


def _enumerated(shape: Any) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _said(value: Any, path: str, what: str) -> str:
    return f"Value '{shown(value)}' at '{path}' failed to satisfy constraint: {what}"


def shown(value: Any) -> str:
    """The value as Java prints it, truncated."""
    if isinstance(value, list):
        text = f"[{', '.join(shown(one) for one in value[:100])}]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}={shown(one)}" for key, one in list(value.items())[:100]) + "}"
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _matches(shape: str, pattern: str, value: str) -> bool:
    prefix = HERE_TOO.get(shape)
    if prefix is not None and value.startswith(prefix):
        return True
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> "re.Pattern[str] | None":
    """The compiled pattern; None, and not checked, for the few that Python cannot parse."""
    try:
        return re.compile(_translated(pattern))
    except re.error:
        return None


def _translated(pattern: str) -> str:
    """A Java pattern in Python's syntax."""
    said, within = [], False
    for piece in _PIECE.findall(pattern):
        if piece in _JAVA:
            said.append(_JAVA[piece] if within else f"[{_JAVA[piece]}]")
        elif piece == r"\z":
            said.append(r"\Z")
        else:
            within = piece == "[" or (within and piece != "]")
            said.append(piece)
    return "".join(said)
