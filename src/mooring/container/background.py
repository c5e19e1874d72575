"""Background tasks of process 1: restart them when they fail; collect orphans. For `supervisor.py` and `crew.py`."""

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
    """Run `work` until it returns; run it again whenever it raises."""
    while True:
        try:
            return await work()
        except Exception as error:  # Border: process 1 must not end because of a bug in one of its tasks.
            structlog.get_logger("mooring.container").error("background task failed; restarting it", exc_info=error)
            await asyncio.sleep(AGAIN_S)


async def collect_orphans(own: Callable[[], set[int]]) -> None:
    """Forever: collect the exit status of ended children, whose parents died before them, as process 1 has to.

    Except `own` ones, which are waited for elsewhere.
    """
    while True:
        await asyncio.sleep(COLLECT_EVERY_S)
        with contextlib.suppress(ChildProcessError):
            _collect(own())


def _collect(own: set[int]) -> None:
    while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if found.si_pid in own:
            return  # the kernel shows the same one until it is collected; next time it will be
        os.waitpid(found.si_pid, os.WNOHANG)
