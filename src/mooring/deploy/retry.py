"""When an invocation is worth another try, and after how long. Pure: the caller sleeps. Called by `invoke.py`.

An endpoint that is full says 429 or 503. SageMaker wraps the model's own status in a 424, which boto3 never retries;
what the request itself is wrong about (any other 4xx) is never tried again.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

BUSY = frozenset({429, 503})
_BUSY_CODES = frozenset({"ThrottlingException", "Throttling", "ServiceUnavailable", "ModelNotReadyException"})
_LOST = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ConnectionClosedError"})
"""botocore's errors for requests that got no answer at all; asking twice changes nothing at a model."""


@dataclass(frozen=True, slots=True)
class Retries:
    """`budget_s` is for all waiting of one call together; 0 never tries again. Pauses are in seconds."""

    budget_s: float = 30.0
    first_s: float = 0.1
    longest_s: float = 8.0
    random: Callable[[], float] = field(default=random.random, repr=False)
    """From 0 to 1."""

    def pause(self, attempt: int) -> float:
        """After attempt `attempt`, from 1: between half and all of a bound that doubles, so that callers scatter."""
        bound = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 30))
        return bound * (0.5 + 0.5 * self.random())


def worth_it(status: int, original_status: int | None, code: str) -> bool:
    """Whether the same request may be answered a little later. `original_status` is the model's own, inside a 424."""
    if original_status is not None:
        return original_status in BUSY
    return status in BUSY or code in _BUSY_CODES


def was_lost(error: Exception) -> bool:
    """Whether the connection was to blame. A read that timed out is not: the model may still be at it."""
    return type(error).__name__ in _LOST
