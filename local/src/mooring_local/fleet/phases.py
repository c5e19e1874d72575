"""How long the real platform takes over what is done here at once, and how much of that is waited for.

Starting a model takes the time it takes; these are the parts around it. Programs that wait for an endpoint meet the
statuses they will meet in earnest. Used by `fleet.py` and `batch/`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

Phase = Literal["provision", "pull", "download", "serverless", "shift", "reweigh", "delete", "job"]

TYPICAL_S: Mapping[Phase, float] = {
    "provision": 90,  # an instance
    "pull": 60,  # the image
    "download": 20,  # the model
    "serverless": 100,  # all of these, without an instance
    "shift": 120,  # traffic to the new fleet, and the old one's end
    "reweigh": 60,
    "delete": 10,
    "job": 240,  # a transform job's instance
}
"""Seconds, as users report them; nothing was measured on an account."""

DEFAULT_SCALE = 0.003
"""A thousandth or three: 0.5 s for what is around a start."""


class Phases:
    """Waits `scale` times as long as the real platform takes; 0 does not wait."""

    def __init__(
        self, scale: float = DEFAULT_SCALE, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._scale = scale
        self._sleep = sleep

    async def take(self, phase: Phase) -> None:
        """One phase's time."""
        if self._scale > 0:
            await self._sleep(self._scale * TYPICAL_S[phase])
