"""The state of the service: written by the supervisor and the crew, read by the front."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mooring.container.child import Slot
from mooring.container.suspects import Suspects
from mooring.errors import Draining, ModelChanged, MooringError, NotReady


@dataclass
class Board:
    """Workers, their readiness and the supervisor's state."""

    slots: dict[int, Slot] = field(default_factory=dict)
    needed: int = 1
    """Number of workers that must be ready before /ping first returns 200."""
    was_ready: bool = False
    """Whether the service has been ready once. After that, a worker that cannot start is retried forever."""
    draining: bool = False
    fatal: str = ""
    """Why the service is giving up; empty otherwise."""
    topology: dict[str, Any] = field(default_factory=dict)
    """For /info."""
    standby: int | None = None
    """Slot of the standby, which gets requests only if no active worker is there."""

    def __post_init__(self) -> None:
        self.suspects = Suspects(self.slots)

    @property
    def ready(self) -> list[Slot]:
        """Slots with a ready worker, in order."""
        return [slot for slot in self.slots.values() if slot.ready]

    @property
    def path(self) -> list[Slot]:
        """Slots whose workers get the requests now: the active ones, or the standby if none of them reacts."""
        there = [slot for slot in self.ready if not slot.silent]
        return [slot for slot in there if slot.worker.slot != self.standby] or there

    @property
    def degraded(self) -> list[Mapping[str, Any]]:
        """Workers that should answer but do not, each with the reason and the start time (UTC)."""
        lost = [slot for slot in self.slots.values() if not slot.ready and (slot.last or slot.leaving)]
        missing = [slot for slot in self.slots.values() if self.was_ready and (slot in lost or slot.silent)]
        return [{"worker": slot.worker.slot, "reason": slot.reason, "since": slot.since} for slot in missing]

    @property
    def outdated(self) -> bool:
        """Whether every worker is down because the model's files were replaced. Only restarting the service helps."""
        ends = [slot.last for slot in self.slots.values()]
        return bool(ends) and all(end is not None and end.kind == ModelChanged.__name__ for end in ends)

    @property
    def ending(self) -> bool:
        """Whether the service shuts down or gives up."""
        return self.draining or bool(self.fatal)

    def red(self) -> MooringError | None:
        """Why /ping fails, as far as is known without asking the workers; None if it depends on them."""
        if self.draining:
            return Draining("The server is going down.")
        if self.fatal:
            return NotReady(self.fatal)
        enough = self.needed if not self.was_ready else 1
        return NotReady(self.missing()) if len(self.ready) < enough or not self.path else None

    def missing(self, slot: int | None = None) -> str:
        """Why the workers, or the one in `slot`, are not ready."""
        slots = [one for number, one in self.slots.items() if slot in (None, number)]
        reasons = {one.reason for one in slots if one.reason}
        return " ".join(sorted(reasons)) or "The model is loading."

    def coming(self, slot: int | None = None) -> bool:
        """Whether a worker (or the one in `slot`) is ready, or expected soon since its last start did not fail."""
        return any(one.ready or not one.failures for number, one in self.slots.items() if slot in (None, number))
