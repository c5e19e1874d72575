"""Call a function at a given time, to some tens of microseconds. Called by `loops.py`.

Event loop timers have millisecond resolution, and up to 1 ms of lateness would count as latency: too much if an answer
takes 6 ms. On Linux a kernel timer (timerfd) is more precise and costs nothing while waiting.
"""

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Any

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Spec(ctypes.Structure):
    """The kernel's itimerspec."""

    _fields_ = (("interval", _Time), ("value", _Time))


class Alarm:
    """Calls `ring` once per `set` on a running event loop; `time.perf_counter` is the clock."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._file = _open()
        if self._file >= 0:
            self._loop.add_reader(self._file, self._rang)

    def set(self, at: float) -> None:
        """Ring at `at`, replacing any earlier setting; at once if it has passed."""
        if self._file >= 0:
            ns = max(1, int((time.monotonic() + at - time.perf_counter()) * 1e9))
            seconds, rest = divmod(ns, 1_000_000_000)
            spec = _Spec(_Time(0, 0), _Time(seconds, rest))
            _LIBC.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(spec), None)
            return
        if self._later is not None:
            self._later.cancel()
        self._later = self._loop.call_later(max(0.0, at - time.perf_counter()), self._ring)

    def close(self) -> None:
        """Cancel the alarm."""
        if self._later is not None:
            self._later.cancel()
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _rang(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:  # it was set again in between
            return
        self._ring()


_LIBC: Any = ctypes.CDLL(None) if sys.platform == "linux" else None


def _open() -> int:
    """A timerfd descriptor, or -1 if unsupported."""
    if sys.platform != "linux" or not hasattr(_LIBC, "timerfd_create"):
        return -1
    return int(_LIBC.timerfd_create(_CLOCK_MONOTONIC, _FLAGS))
