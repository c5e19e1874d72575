"""Stop between two steps: a signal in the middle of one would leave weights and moments that belong to no step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether SIGINT or SIGTERM has arrived."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def set(self, number: int, _frame: FrameType | None = None) -> None:
        """Remember the signal. A second one interrupts at once."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Signals only set the flag while the block runs."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.set) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
