"""Runs a function in a forked process that may take only so much memory, time and operations."""

import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

MEMORY, PER_BYTE = 96 << 20, 32
"""A reader may take this much address space, and this much for each byte of its input."""
OPERATIONS = 400_000
"""Calls of functions, Python's and C's, and one for each byte of the input."""
SECONDS = 10
"""Of CPU: for loops without calls, in C or Rust. A bound on operations is checked first."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    kind: str
    """Class of the error, "" if it returned, "ended" if the process did."""
    said: str


class TooManyError(BaseException):
    """Nothing that is tested catches it."""


def limited(work: Callable[[], object], size: int) -> Outcome:
    """Run it with the limits for an input of `size` bytes."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, json.dumps(_outcome(work, size)).encode()[:60_000])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return Outcome(*json.loads(said)) if said else Outcome("ended", f"with {os.waitstatus_to_exitcode(status)}")


def _outcome(work: Callable[[], object], size: int) -> tuple[str, str]:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = taken + MEMORY + PER_BYTE * size
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    calls = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls > OPERATIONS + size:
            sys.setprofile(None)
            raise TooManyError(f"more than {OPERATIONS + size} operations\n" + "".join(traceback.format_stack()[-3:]))

    sys.setprofile(count)
    try:
        work()
    except BaseException as error:
        sys.setprofile(None)
        return type(error).__name__, str(error)
    finally:
        sys.setprofile(None)
    return "", ""
