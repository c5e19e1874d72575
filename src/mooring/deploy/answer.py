"""What an endpoint answers: `Answer`, `AsyncAnswer` for one that appears later in S3, and when to ask again.

A busy endpoint answers 429 or 503. SageMaker wraps the model's own status in a 424, which boto3 never retries. Invalid
requests (any other 4xx) are never retried.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mooring.deploy.faults import asked, is_hidden
from mooring.deploy.session import Session
from mooring.deploy.wait import pause_after
from mooring.errors import DeadlineExceeded, InvokeError, echo

_KEYS = ("score", "start", "end", "answer")


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A span of the context, which also works as a dict: `said.text`, `said["answer"]`.

    `start` and `end` are in characters; an empty `answer` means "no answer".
    """

    score: float
    start: int
    end: int
    answer: str

    @property
    def text(self) -> str:
        """The answer."""
        return self.answer

    def __str__(self) -> str:
        return self.answer

    def __eq__(self, other: object) -> bool:
        """Equal to an `Answer` or a dict with the same values."""
        if isinstance(other, Answer | dict):
            return dict(self) == dict(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self[key] for key in _KEYS))

    def __getitem__(self, key: str) -> Any:
        if key not in _KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)

    def __contains__(self, key: object) -> bool:
        return key in _KEYS

    def keys(self) -> tuple[str, ...]:
        """Makes `dict(answer)` work, with `answer[key]`."""
        return _KEYS

    def items(self) -> list[tuple[str, Any]]:
        """As a dict's."""
        return [(key, self[key]) for key in _KEYS]

    def values(self) -> list[Any]:
        """As a dict's."""
        return [self[key] for key in _KEYS]

    def get(self, key: str, default: Any = None) -> Any:
        """As a dict's."""
        return self[key] if key in _KEYS else default


def decoded(body: bytes) -> Any:
    """Decode JSON as `read` does. Raises InvokeError if `body` is not JSON."""
    try:
        return read(json.loads(body))
    except ValueError as error:
        raise InvokeError(f"The answer is not JSON: {echo(body)}.") from error


def read(value: Any) -> Any:
    """Decoded JSON with every answer turned into an `Answer`. Other values stay as they are."""
    if isinstance(value, list):
        return [read(each) for each in value]
    if isinstance(value, dict) and value.keys() == set(_KEYS):
        return Answer(value["score"], value["start"], value["end"], value["answer"])
    return value


@dataclass(frozen=True)
class AsyncAnswer:
    """An answer that is not there yet, and where in S3 it will appear."""

    session: Session = field(repr=False)
    inference_id: str
    output_path: str
    failure_path: str | None = None

    def result(self, timeout_s: float = 900.0) -> Any:
        """Wait for the answer, decoded as `Predictor.predict` does. Raises InvokeError or DeadlineExceeded."""
        began = time.monotonic()
        while True:
            body = self._fetch(self.output_path)
            if body is not None:
                return decoded(body)
            if self.failure_path and (failure := self._fetch(self.failure_path)) is not None:
                raise InvokeError(
                    f"The request {self.inference_id} failed: {failure.decode(errors='replace')[:500]}",
                    hint=self.failure_path,
                )
            waited = time.monotonic() - began
            if waited + pause_after(waited) > timeout_s:
                raise DeadlineExceeded(
                    f"No answer to the request {self.inference_id} within {timeout_s:g} s.",
                    hint=f"It may still appear at {self.output_path}.",
                )
            time.sleep(pause_after(waited))

    async def aresult(self, timeout_s: float = 900.0) -> Any:
        """`result` without blocking the event loop."""
        return await asyncio.to_thread(self.result, timeout_s)

    def _fetch(self, uri: str) -> bytes | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3 = self.session.client("s3")

        def fetch() -> bytes:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body

        return asked(f"Looking for the answer at {uri}", fetch, is_hidden)


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
