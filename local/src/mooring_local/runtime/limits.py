"""What the platform allows one invocation. Settings for tests; nobody else changes them."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. contract.md §0.1 and §1.5 have the sources, which contradict each other."""

    body: int = 25 * MEGABYTE
    serverless_body: int = 4 * MEGABYTE
    """Of requests and of answers."""
    answer: int = 25 * MEGABYTE
    inline: int = 128_000
    """The body of an asynchronous request."""
    asynchronous_body: int = 1024 * MEGABYTE
    invoke_s: float = 60.0
    stream_s: float = 480.0
    load_s: float = 360.0
    """Of one model of a multi-model endpoint."""
