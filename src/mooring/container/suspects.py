"""Which requests dead workers were working on: only these may have killed them.

A request that waited in the queue of a dead worker is innocent and may be retried any number of times. So are all
requests of a worker that somebody else has killed: with SIGKILL, while the kernel killed nobody for want of memory. A
request that two workers died of is not given to a third.
"""

import signal
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from mooring.container.child import End, Slot
from mooring.observe.memory import oom_kills

Life = tuple[int, int]
"""A worker process: its slot, and the number of starts there, including its own."""

MOST = 10_000
"""Requests to remember. Each is needed for seconds."""


@dataclass(slots=True)
class _Record:
    deaths: set[Life] = field(default_factory=set)
    begun: bool = False
    accepted: bool = False


class Suspects:
    """Remembers what dead workers noted in their shared memory."""

    def __init__(self, slots: Mapping[int, Slot]) -> None:
        """`slots` is read each time."""
        self._slots = slots
        self._oom_kills = (oom_kills(), oom_kills())
        self._records: OrderedDict[bytes, _Record] = OrderedDict()

    def look(self) -> None:
        """Call it regularly, so that it is known whether the kernel has killed processes lately."""
        self._oom_kills = (self._oom_kills[1], oom_kills())

    def died(self, slot: Slot, end: End) -> None:
        """Remember what the worker that just died in a slot was working on."""
        if slot.pulse is None:
            return
        by_another = end.status == -signal.SIGKILL and not end.hung and not self._short_of_memory()
        for one in set() if by_another else slot.pulse.at_work():
            self._record(one).deaths.add((slot.worker.slot, slot.starts))
        for one in slot.pulse.claimed():
            self._record(one).begun = True
        for one in slot.pulse.accepted():
            self._record(one).accepted = True
        while len(self._records) > MOST:
            self._records.popitem(last=False)

    def deaths(self, one: bytes) -> int:
        """How many workers died of this request, as far as known."""
        return len(self._records[one].deaths) if one in self._records else 0

    def held(self, one: bytes) -> bool:
        """Whether a worker that is not known to be dead has this request.

        nginx may ask before process 1 has heard of the death.
        """
        return any(slot.pid and slot.pulse is not None and slot.pulse.has(one) for slot in self._slots.values())

    def begun(self, one: bytes) -> bool:
        """Whether the user's code has begun on this request, in a dead worker or a living one."""
        if one in self._records and self._records[one].begun:
            return True
        return any(slot.pulse is not None and slot.pulse.has_claimed(one) for slot in self._slots.values())

    def accepted(self, one: bytes) -> bool:
        """Whether a worker that died had accepted this request. Then the next one must not refuse it."""
        return one in self._records and self._records[one].accepted

    def _short_of_memory(self) -> bool:
        before, now = self._oom_kills[0], oom_kills()
        return before is None or now is None or now > before

    def _record(self, one: bytes) -> _Record:
        found = self._records.setdefault(one, _Record())
        self._records.move_to_end(one)
        return found
