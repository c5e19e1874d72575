"""Which requests dead workers were working on: only these may have killed them.

A request that waited in the queue of a dead worker is innocent and may be retried any number of times. One that two
workers died of is not given to a third.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from mooring.container.child import Slot

Life = tuple[int, int]
"""A worker process: its slot, and the how-manieth start in it."""

MOST = 10_000
"""Requests to remember. Each is needed for seconds."""


@dataclass(slots=True)
class _Record:
    deaths: set[Life] = field(default_factory=set)
    begun: bool = False


class Suspects:
    """Remembers what dead workers noted in their shared memory, and reads that of the latest worker of each slot.

    nginx may ask about a request before its worker is known to be dead.
    """

    def __init__(self, slots: Mapping[int, Slot]) -> None:
        """`slots` is read each time."""
        self._slots = slots
        self._records: OrderedDict[bytes, _Record] = OrderedDict()

    def died(self, slot: Slot) -> None:
        """Remember what the worker that just died in a slot was working on."""
        if slot.pulse is None:
            return
        for one in slot.pulse.at_work():
            self._record(one).deaths.add(_life(slot))
        for one in slot.pulse.claimed():
            self._record(one).begun = True
        while len(self._records) > MOST:
            self._records.popitem(last=False)

    def deaths(self, one: bytes) -> int:
        """How many workers died while they worked on this request."""
        known = self._records[one].deaths if one in self._records else set()
        now = {_life(slot) for slot in self._slots.values() if slot.pulse is not None and one in slot.pulse.at_work()}
        return len(known | now)

    def begun(self, one: bytes) -> bool:
        """Whether the user's code has begun on this request."""
        if one in self._records and self._records[one].begun:
            return True
        return any(slot.pulse is not None and one in slot.pulse.claimed() for slot in self._slots.values())

    def _record(self, one: bytes) -> _Record:
        found = self._records.setdefault(one, _Record())
        self._records.move_to_end(one)
        return found


def _life(slot: Slot) -> Life:
    return slot.worker.slot, slot.starts
