"""Background tasks of process 1: restart them when they fail, and reap orphaned processes."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

AGAIN_S = 1.0
COLLECT_EVERY_S = 1.0


async def persist(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` until it returns, and restart it whenever it raises."""
    while True:
        try:
            return await work()
        except Exception as error:  # Border: a bug in a task must not end process 1.
            structlog.get_logger("mooring.container").error("background task failed; restarting it", exc_info=error)
            await asyncio.sleep(AGAIN_S)


async def collect_orphans(own: Callable[[], set[int]]) -> None:
    """Forever reap orphaned processes that have ended, as process 1 must. `own` children are waited for elsewhere."""
    while True:
        await asyncio.sleep(COLLECT_EVERY_S)
        with contextlib.suppress(ChildProcessError):
            _collect(own())


def _collect(own: set[int]) -> None:
    while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if found.si_pid in own:
            return  # the kernel reports this one until it is reaped
        os.waitpid(found.si_pid, os.WNOHANG)
