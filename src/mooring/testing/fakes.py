"""A clock and a task for tests. Import them from `mooring.testing`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mooring.backends.base import Outputs, Window
from mooring.errors import InvalidRequest, echo
from mooring.tasks.base import Prepared


class ManualClock:
    """A clock for `clock` parameters, which advances only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds


class FakeTask:
    """A task whose requests are tuples of window lengths, and whose answers show what was computed.

    The body `{"inputs": [40, 12]}`, or the list alone, asks for two windows of 40 and 12 tokens. The answer is
    `{"windows": [40, 12], "scores": [...]}` with each window's first start logit.
    """

    @property
    def name(self) -> str:
        """A real name, since the web layer looks tasks up by it."""
        return "question-answering"

    def parse(self, body: object) -> tuple[int, ...]:
        """Lengths of at least 1. Raises InvalidRequest for anything else."""
        inputs = body["inputs"] if isinstance(body, dict) and "inputs" in body else body
        if isinstance(inputs, int):
            inputs = [inputs]
        if not isinstance(inputs, (list, tuple)):
            raise InvalidRequest(f"must be a list of lengths, not {echo(inputs)}", pointer="/inputs")
        for place, length in enumerate(inputs):
            if not isinstance(length, int) or length < 1:
                raise InvalidRequest(f"must be a length of at least 1, not {echo(length)}", pointer=f"/inputs/{place}")
        return tuple(inputs)

    def estimate(self, request: Any) -> int:
        """The sum of the lengths."""
        return max(1, int(sum(request)))

    def key(self, request: Any) -> bytes:
        """The lengths."""
        return repr(tuple(request)).encode()

    def prepare(self, request: Any) -> Prepared:
        """Windows of the given lengths. Ids start at the length, so that windows of equal length are equal."""
        windows = [
            Window(np.arange(length, 2 * length, dtype=np.int32), np.zeros(length, np.int32)) for length in request
        ]
        return Prepared(windows=windows, state=request)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """The request and the first number of each window."""
        return {"windows": list(prepared.state), "scores": [float(row[0][0]) for row in outputs]}

    def probe(self) -> Any:
        """One window of eight tokens."""
        return (8,)
