"""Keep the background tasks of process 1 running. Used by `supervisor.py` and `crew.py`."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")

AGAIN_S = 1.0


async def persist(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` until it returns; run it again whenever it raises."""
    while True:
        try:
            return await work()
        except Exception as error:  # Border: process 1 must not end because of a bug in one of its tasks.
            structlog.get_logger("mooring.container").error("background task failed; restarting it", exc_info=error)
            await asyncio.sleep(AGAIN_S)
