"""Tell a process that hangs from one that is busy or gets no CPU. Pure: what was seen in, a verdict out.

A process that watches others looks at them every `LOOK_EVERY_S`. One whose counter of beats stands still has missed
that look, and hangs after `MISSES` misses in a row: after 1 to 1.5 s. A look does not count

* if the watching process itself was late: then the whole machine or control group is short of CPU;
* if the process wants to run and got less than `STARVED` of a CPU: it is throttled, or the machine is loaded;
* while the process has asked for patience, because it runs code that may hold the interpreter's lock.

A process that computes between two beats hangs only when it has used `BUSY_S` of CPU time for it. One that a signal
has stopped, and that has not run at all since the last look, has no excuse. Whatever the evidence, `most_s` without a
beat are too much.
"""

from dataclasses import dataclass

LOOK_EVERY_S = 0.5
LATE = 1.6
"""Factor of `LOOK_EVERY_S` from which a look was late."""
MISSES = 2
STARVED = 0.4
BUSY_S = 0.8


@dataclass(frozen=True, slots=True)
class Seen:
    """A process at one look."""

    beats: int
    stopped: bool = False
    """By a signal or a debugger, at this moment."""
    cpu_s: float = 0.0
    """CPU time of the process so far."""
    wants: bool = False
    """Whether any of its threads runs or waits for a CPU or a disk."""
    main_cpu_s: float = 0.0
    """CPU time of the main thread, which beats; precise, so that it shows whether the thread ran at all."""
    main_wants: bool = False
    patient: bool = False


@dataclass(slots=True)
class Watch:
    """Of one process."""

    most_s: float
    misses: int = 0
    """In a row."""
    silent_s: float = 0.0
    """Time without a beat, of the looks that were not late."""
    _last: Seen | None = None
    _at: float = 0.0
    _main_at_beat: float = 0.0

    @property
    def beats(self) -> int:
        """At the last look."""
        return self._last.beats if self._last else -1

    def look(self, now: float, seen: Seen) -> bool:
        """Whether it hangs."""
        last, elapsed = self._last, now - self._at
        self._last, self._at = seen, now
        if last is None or seen.beats != last.beats:
            self.misses, self.silent_s, self._main_at_beat = 0, 0.0, seen.main_cpu_s
            return False
        if elapsed > LATE * LOOK_EVERY_S:
            return False
        self.silent_s += elapsed
        still = seen.stopped and seen.main_cpu_s == last.main_cpu_s
        if still or not (seen.stopped or seen.patient or _starved(last, seen, elapsed)):
            self.misses += 1
        computing = seen.main_wants and seen.main_cpu_s - self._main_at_beat < BUSY_S
        return (self.misses >= MISSES and not computing) or self.silent_s > self.most_s


def _starved(last: Seen, seen: Seen, elapsed: float) -> bool:
    """Whether it would have gone on with more CPU."""
    short = STARVED * elapsed
    if seen.main_wants and seen.main_cpu_s - last.main_cpu_s < short:
        return True
    return seen.wants and seen.cpu_s - last.cpu_s < short
