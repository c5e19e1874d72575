"""Collects what is left of processes whose parents died, as process 1 of a container has to. For `supervisor.py`."""

import asyncio
import contextlib
import os
from collections.abc import Callable

EVERY_S = 1.0


async def bury(own: Callable[[], set[int]]) -> None:
    """For ever: collect the exit status of ended children, except `own` ones, which are waited for elsewhere."""
    while True:
        await asyncio.sleep(EVERY_S)
        with contextlib.suppress(ChildProcessError):
            _collect(own())


def _collect(own: set[int]) -> None:
    while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if found.si_pid in own:
            return  # the kernel shows the same one until it is collected; next time it will be
        os.waitpid(found.si_pid, os.WNOHANG)
