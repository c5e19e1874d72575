"""SageMaker's limits for one invocation. Only tests change them."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. Sources, which contradict each other: contract.md §0.1 and §1.5."""

    body: int = 25 * MEGABYTE
    serverless_body: int = 4 * MEGABYTE
    """Requests and responses of serverless endpoints."""
    answer: int = 25 * MEGABYTE
    inline: int = 128_000
    """The body of an asynchronous request."""
    asynchronous_body: int = 1024 * MEGABYTE
    invoke_s: float = 60.0
    stream_s: float = 480.0
    load_s: float = 360.0
    """Loading one model of a multi-model endpoint."""
