"""Judge whether the model answers, from the recent activity of the worker threads.

The worker threads and the engine write `Vitals`; `judge` reads them for /ping.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from mooring.engine.overdue import LOOK_S, Busy, Overdue, Pace
from mooring.observe.threads import own_activity


@dataclass(frozen=True, slots=True)
class Health:
    """`reason` is "" if ready, else one sentence."""

    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Tokenizing or decoding that runs in a lane. Times on the engine's clock."""

    what: str
    since: float
    until: float
    """Then it exceeds any plausible time."""


@dataclass(slots=True)
class Vitals:
    """The engine's state. Any thread may read it."""

    phase: str = "new"
    """new, starting, serving, draining or stopped."""
    died: str = ""
    """Why the worker thread died; "" while it lives. Final."""
    failed: str = ""
    """Why the last batch failed; a successful batch or probe clears it."""
    hangs: str = ""
    """Why a running batch will not end; "" if none is known to hang."""
    busy: dict[int, Busy] = field(default_factory=dict)
    """Running batches by worker thread number; each thread writes its own entry."""
    steps: dict[int, Step] = field(default_factory=dict)
    """Running steps by thread id; each thread of the lanes writes its own entry."""
    pace: Pace = field(default_factory=Pace)
    """Of the batches so far."""


BEGINNING = {"new": "The engine has not been started.", "starting": "The model is warming up."}
ENDING = {"draining": "The server is shutting down.", "stopped": "The server has stopped."}


def judge(vitals: Vitals, now: float, stuck_s: float) -> Health:
    """Ready if nothing is wrong; permanent problems are reported first."""
    life = judge_life(vitals, now, stuck_s)
    if not life.ready:
        return life
    if vitals.phase in ENDING:
        return Health(False, ENDING[vitals.phase])
    if vitals.failed:
        return Health(False, f"The last batch failed: {vitals.failed}")
    return Health(vitals.phase not in BEGINNING, BEGINNING.get(vitals.phase, ""))


def judge_life(vitals: Vitals, now: float, stuck_s: float) -> Health:
    """Permanent problems: the worker thread has died, or a batch or a step hangs or exceeds any plausible time."""
    if vitals.died:
        return Health(False, f"The worker thread died: {vitals.died}")
    if vitals.hangs:
        return Health(False, vitals.hangs)
    if stuck := _stuck(vitals, now, stuck_s):
        return Health(False, f"A batch of {stuck.rows} windows has been computing for {now - stuck.since:.0f} s.")
    if late := next((step for step in list(vitals.steps.values()) if now > step.until), None):
        return Health(False, f"{late.what} a request has taken {now - late.since:.0f} s.")
    return Health(True)


def _stuck(vitals: Vitals, now: float, stuck_s: float) -> Busy | None:
    """The batch that exceeds any plausible time."""
    busy = min(list(vitals.busy.values()), key=lambda batch: batch.since, default=None)
    return busy if busy is not None and now - busy.since > stuck_s else None


def can_probe(vitals: Vitals, now: float, stuck_s: float) -> bool:
    """Whether a probe is useful: only after a failed batch, and only if the worker can compute it."""
    return vitals.phase == "serving" and bool(vitals.failed) and judge_life(vitals, now, stuck_s).ready


class Looking:
    """Looks for batches that hang, and records the reason in the vitals."""

    def __init__(self, vitals: Vitals, clock: Callable[[], float], *, alone: bool) -> None:
        """`alone` as in `Overdue`."""
        self._vitals = vitals
        self._clock = clock
        self._overdue = Overdue(own_activity, alone=alone)
        self._next: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look now and every `LOOK_S`."""
        self._vitals.hangs = self._overdue.look(list(self._vitals.busy.values()), self._clock())
        self._next = loop.call_later(LOOK_S, self.start, loop)

    def stop(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()


class Prober:
    """Probes the model with a real request; concurrent callers share one probe."""

    def __init__(self, vitals: Vitals, ask: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """`ask` answers the task's probe or raises, within its own time limit."""
        self._vitals = vitals
        self._ask = ask
        self._asking: asyncio.Task[None] | None = None

    async def prove(self) -> None:
        """Record the result of a probe in the vitals. Does not raise."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._try())
            self._asking.add_done_callback(self._over)
        # Shielded: the first caller may leave while others wait.
        await asyncio.shield(self._asking)

    async def _try(self) -> None:
        try:
            await self._ask()
        except Exception as error:  # Boundary: any error of a probe becomes the reason shown by /ping.
            self._vitals.failed = f"a probe failed: {str(error) or type(error).__name__}"

    def _over(self, _: "asyncio.Task[None]") -> None:
        self._asking = None
