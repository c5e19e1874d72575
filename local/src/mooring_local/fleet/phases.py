"""Simulated delays: a fraction of the time that SageMaker needs for provisioning and other steps.

They are added to the real startup time of a model, so that programs that poll an endpoint see the same statuses as
on SageMaker.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

Phase = Literal["provision", "pull", "download", "serverless", "shift", "reweigh", "delete", "job"]

TYPICAL_S: Mapping[Phase, float] = {
    "provision": 90,  # an instance
    "pull": 60,  # the image
    "download": 20,  # the model
    "serverless": 100,  # all of these for a serverless variant
    "shift": 120,  # traffic to the new fleet, and the old one's end
    "reweigh": 60,
    "delete": 10,
    "job": 240,  # a transform job's instance
}
"""Seconds, as reported by users; not measured on an account."""

DEFAULT_SCALE = 0.003
"""Adds 0.5 s to a start."""


class Phases:
    """Waits `scale` times SageMaker's typical duration; 0 does not wait."""

    def __init__(
        self, scale: float = DEFAULT_SCALE, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._scale = scale
        self._sleep = sleep

    async def take(self, phase: Phase) -> None:
        """Wait for one phase."""
        if self._scale > 0:
            await self._sleep(self._scale * TYPICAL_S[phase])
