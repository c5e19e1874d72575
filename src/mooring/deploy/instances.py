"""Architecture and memory of an instance type, from its name.

Names have a scheme: family letters, generation, attribute letters (g: Graviton), size. A name that does not match is
unknown, which is not an error: new types appear all the time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Architecture = str
"""The name that container images use: "amd64" or "arm64"."""

_NAME = re.compile(r"ml\.([a-z]+)(\d+)([a-z]*)(?:-[a-z0-9]+)?\.([a-z0-9]+)")
_PER_LARGE_GIB: Mapping[str, float] = {"c": 4, "m": 8, "r": 16, "t": 8}
"""Memory of the size `large` (2 cores), by family."""
_SIZES: Mapping[str, float] = {"medium": 0.5, "large": 1, "xlarge": 2}
_ACCELERATED = frozenset({"g", "p", "inf", "trn"})


@dataclass(frozen=True, slots=True)
class Instance:
    """Facts from a type's name; None if unknown."""

    type: str
    architecture: Architecture | None = None
    memory_bytes: int | None = None
    accelerated: bool = False


def describe(name: str) -> Instance:
    """E.g. "ml.c7g.large" → arm64 and 4 GiB; "ml.m7i-flex.xlarge" → amd64 and 16 GiB."""
    found = _NAME.fullmatch(name)
    if found is None:
        return Instance(name)
    family, _, attributes, size = found.groups()
    accelerated = family in _ACCELERATED
    architecture = "arm64" if "g" in attributes else "amd64"
    base = _PER_LARGE_GIB.get(family)
    factor = _SIZES.get(size) or _multiple(size)
    memory = round(base * factor * 1024**3) if base and factor and not accelerated else None
    return Instance(name, architecture, memory, accelerated)


def _multiple(size: str) -> float | None:
    """`4xlarge` is eight times `large`."""
    found = re.fullmatch(r"(\d+)xlarge", size)
    return 2.0 * int(found[1]) if found else None
