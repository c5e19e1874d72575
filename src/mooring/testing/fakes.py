"""A clock and a task for tests. Reached through `mooring.testing`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mooring.backends.base import Outputs, Window
from mooring.errors import InvalidRequest, echo
from mooring.tasks.base import Prepared


class ManualClock:
    """A clock for the `clock` parameters: seconds that pass only when a test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class FakeTask:
    """A request is a tuple of window lengths; its answer tells what was computed.

    The body `{"inputs": [40, 12]}`, or the list alone, asks for two windows of 40 and 12 tokens. The answer is
    `{"windows": [40, 12], "scores": [...]}` with each window's first start logit.
    """

    @property
    def name(self) -> str:
        """A real name, since the web layer looks tasks up by it."""
        return "question-answering"

    def parse(self, body: object) -> tuple[int, ...]:
        """Lengths of at least 1; anything else is an InvalidRequest."""
        inputs = body["inputs"] if isinstance(body, dict) and "inputs" in body else body
        if isinstance(inputs, int):
            inputs = [inputs]
        if not isinstance(inputs, (list, tuple)):
            raise InvalidRequest(f"a list of lengths is needed, not {echo(inputs)}", pointer="/inputs")
        for place, length in enumerate(inputs):
            if not isinstance(length, int) or length < 1:
                raise InvalidRequest(
                    f"a length of at least 1 is needed, not {echo(length)}", pointer=f"/inputs/{place}"
                )
        return tuple(inputs)

    def estimate(self, request: Any) -> int:
        """The sum of the lengths."""
        return max(1, int(sum(request)))

    def key(self, request: Any) -> bytes:
        """The lengths."""
        return repr(tuple(request)).encode()

    def prepare(self, request: Any) -> Prepared:
        """Windows of the wanted lengths; the ids count from the length, so that windows of one length are alike."""
        windows = [
            Window(np.arange(length, 2 * length, dtype=np.int32), np.zeros(length, np.int32)) for length in request
        ]
        return Prepared(windows=windows, state=request)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """What was asked and the first number of each window."""
        return {"windows": list(prepared.state), "scores": [float(row[0][0]) for row in outputs]}

    def probe(self) -> Any:
        """One window of eight tokens."""
        return (8,)
