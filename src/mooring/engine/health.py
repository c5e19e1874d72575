"""Whether the model really answers, judged from what the worker thread last did.

`Vitals` is written by the worker's threads and the engine, read by `judge`; the engine hands the verdict to the web's
/ping.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Health:
    """`reason` is "" when ready, else one sentence."""

    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Busy:
    """A batch that is computing."""

    since: float
    """On the engine's clock."""
    rows: int
    """Its windows."""


@dataclass(slots=True)
class Vitals:
    """Facts, read by any thread."""

    phase: str = "new"
    """new, starting, serving, draining or stopped."""
    died: str = ""
    """Why the worker thread ended by itself; "" while it lives. Final."""
    failed: str = ""
    """Why the last batch failed; "" when it passed. A batch or a probe that passes clears it."""
    busy: dict[int, Busy] = field(default_factory=dict)
    """What computes now, by the number of the worker's thread; each thread writes its own."""


BEGINNING = {"new": "The engine has not been started.", "starting": "The model is warming up."}
ENDING = {"draining": "The server is going down.", "stopped": "The server has stopped."}


def judge(vitals: Vitals, now: float, stuck_s: float) -> Health:
    """Ready only when nothing speaks against it; what cannot mend by itself comes first."""
    life = judge_life(vitals, now, stuck_s)
    if not life.ready:
        return life
    if vitals.phase in ENDING:
        return Health(False, ENDING[vitals.phase])
    if vitals.failed:
        return Health(False, f"The last batch failed: {vitals.failed}")
    return Health(vitals.phase not in BEGINNING, BEGINNING.get(vitals.phase, ""))


def judge_life(vitals: Vitals, now: float, stuck_s: float) -> Health:
    """What cannot mend by itself: the thread has ended, or one batch takes longer than a batch can."""
    if vitals.died:
        return Health(False, f"The worker thread ended: {vitals.died}")
    if stuck := _stuck(vitals, now, stuck_s):
        return Health(False, f"A batch of {stuck.rows} windows has been computing for {now - stuck.since:.0f} s.")
    return Health(True)


def _stuck(vitals: Vitals, now: float, stuck_s: float) -> Busy | None:
    """The batch that has been computing for longer than a batch can."""
    busy = min(list(vitals.busy.values()), key=lambda batch: batch.since, default=None)
    return busy if busy is not None and now - busy.since > stuck_s else None


def can_probe(vitals: Vitals, now: float, stuck_s: float) -> bool:
    """Would a probe tell anything? Only after a failed batch, and only when somebody is there to compute it."""
    alive = vitals.phase == "serving" and not vitals.died and not _stuck(vitals, now, stuck_s)
    return alive and bool(vitals.failed)


class Prober:
    """Asks the model one real question, once however many want to know."""

    def __init__(self, vitals: Vitals, ask: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """`ask` answers the task's probe or raises, within its own time limit."""
        self._vitals = vitals
        self._ask = ask
        self._asking: asyncio.Task[None] | None = None

    async def prove(self) -> None:
        """Leave in the vitals what a probe shows. Does not raise."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._try())
            self._asking.add_done_callback(self._over)
        # Shielded: the first who asked may go away while others wait.
        await asyncio.shield(self._asking)

    async def _try(self) -> None:
        try:
            await self._ask()
        except Exception as error:  # Border: whatever breaks a probe is the reason that /ping shows.
            self._vitals.failed = f"a probe found: {str(error) or type(error).__name__}"

    def _over(self, _: "asyncio.Task[None]") -> None:
        self._asking = None
