"""When to retry an invocation, and after which pause. Pure: the caller sleeps.

A busy endpoint answers 429 or 503. SageMaker wraps the model's own status in a 424, which boto3 never retries. Invalid
requests (any other 4xx) are never retried.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

BUSY = frozenset({429, 503})
_BUSY_CODES = frozenset({"ThrottlingException", "Throttling", "ServiceUnavailable", "ModelNotReadyException"})
_LOST = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ConnectionClosedError"})
"""botocore's errors for requests without an answer. Retrying is safe, since a request does not change a model."""


@dataclass(frozen=True, slots=True)
class Retries:
    """`budget_s` is the total pause of a call; 0 never retries. Pauses are in seconds."""

    budget_s: float = 30.0
    first_s: float = 0.1
    longest_s: float = 8.0
    random: Callable[[], float] = field(default=random.random, repr=False)
    """From 0 to 1."""

    def pause(self, attempt: int) -> float:
        """Pause after attempt `attempt`, from 1: random, between half and all of a bound that doubles each time."""
        bound = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 30))
        return bound * (0.5 + 0.5 * self.random())


def worth_it(status: int, original_status: int | None, code: str) -> bool:
    """Whether a retry may succeed. `original_status` is the model's own, inside a 424."""
    if original_status is not None:
        return original_status in BUSY
    return status in BUSY or code in _BUSY_CODES


def was_lost(error: Exception) -> bool:
    """Whether the connection failed. A read timeout does not count: the model may still be computing."""
    return type(error).__name__ in _LOST
