"""SageMaker's limits per kind of endpoint, from the developer guide and the API reference.

Where these contradict each other (25 MB or 6 MB for a request), the guide's newer and larger figure is used: the
service itself decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["real-time", "serverless", "async", "multi-model", "batch"]

MEGABYTE = 1024 * 1024
GIGABYTE = 1024 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes and seconds; None for no known limit."""

    request_bytes: int
    response_s: int
    image_bytes: int | None = None
    """Unpacked."""
    model_bytes: int | None = None
    """Packed and unpacked together, since both are on the disk for a while."""


LIMITS: Mapping[Kind, Limits] = {
    "real-time": Limits(25 * MEGABYTE, 60),
    "serverless": Limits(4 * MEGABYTE, 60, image_bytes=10 * GIGABYTE, model_bytes=5 * GIGABYTE),
    "async": Limits(1 * GIGABYTE, 3600),
    "multi-model": Limits(25 * MEGABYTE, 60),
    "batch": Limits(100 * MEGABYTE, 3600),
}

SERVERLESS_MEMORY_MB = tuple(range(1024, 6145, 1024))
SERVERLESS_CONCURRENCY = 200
ENVIRONMENT_ENTRIES = 100
ENVIRONMENT_TEXT = 1024
"""Maximum characters of a variable's name, and of its value."""
ENVIRONMENT_BYTES = 32 * 1024
TAGS = 50
NAME_LENGTH = 63
INLINE_ASYNC_BYTES = 128_000
