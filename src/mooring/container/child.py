"""One worker process after another in one slot: started, heard, missed, started again. Used by `supervisor.py`."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mooring.container import link
from mooring.container.topology import Worker

PERMANENT = frozenset({2, 3})
"""Exit codes of `moor` that starting again does not change: a wrong setting, and a model that cannot be served."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
SETTLED_S = 30.0
"""A worker that lived so long after it was ready had no trouble starting."""
LINE_LIMIT = 1 << 22

Command = Callable[[Worker, int], tuple[Sequence[str], Mapping[str, str]]]
"""(worker, descriptor of its end of the line) → arguments and environment to start it with."""


@dataclass
class Slot:
    """A place for a worker, and who is in it."""

    worker: Worker
    pid: int = 0
    """0: nobody."""
    ready: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of the last one that was ready."""
    starts: int = 0
    reason: str = "It has not been started."
    """Why it is not ready."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when any of this has changed."""


def pause(lived_s: float, last_s: float) -> float:
    """How long to wait before the next start: twice as long as last time, from the beginning after a long life."""
    if lived_s >= SETTLED_S or last_s <= 0:
        return FIRST_PAUSE_S
    return min(LONGEST_PAUSE_S, 2 * last_s)


class Keeper:
    """Keeps one slot filled."""

    def __init__(
        self,
        slot: Slot,
        command: Command,
        on_death: Callable[[Slot, int, float], Awaitable[None]],
        on_ready: Callable[[Slot], None] = lambda _: None,
    ) -> None:
        """`on_death` is told the exit status (negative: the signal) and the pause before the next start."""
        self._on_ready = on_ready
        self.slot = slot
        self._command = command
        self._on_death = on_death
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> int:
        """Until `stop`, or until a worker could not start for a reason that will not go away: then its exit code."""
        wait = 0.0
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await self._live()
            if self._stopping.is_set():
                return 0
            if status in PERMANENT and not self.slot.ready:
                return status
            wait = pause(time.monotonic() - began, wait)
            self.slot.ready = False
            await self._on_death(self.slot, status, wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
        return 0

    async def _live(self) -> int:
        """One worker's life. The slot stays `ready` after it, if it was, for `run` to judge by."""
        ours, theirs = socket.socketpair()
        arguments, environ = self._command(self.slot.worker, theirs.fileno())
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *arguments, env=dict(environ), pass_fds=(theirs.fileno(),), start_new_session=True
            )
        self.slot.pid, self.slot.ready, self.slot.reason = self._process.pid, False, "The model is loading."
        self.slot.starts += 1
        if self._stopping.is_set():
            self.signal(signal.SIGTERM)
        reader, writer = await asyncio.open_connection(sock=ours, limit=LINE_LIMIT)
        hearing = asyncio.ensure_future(self._hear(reader))
        try:
            status = await self._process.wait()
            await hearing
        finally:
            hearing.cancel()
            writer.close()
            self.slot.pid = 0
            self._process = None
            self.slot.changed.set()
        return status

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = link.decode(line)
            if message is None:
                continue
            if message["kind"] == link.READY:
                self.slot.facts, self.slot.ready, self.slot.reason = message["facts"], True, ""
                self._on_ready(self.slot)
            elif message["kind"] == link.FAILED:
                self.slot.reason = str(message["message"])
            self.slot.changed.set()

    def signal(self, number: signal.Signals) -> None:
        """Send the worker a signal, if there is one."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def stop(self) -> None:
        """Tell the worker to end, and start none again."""
        self._stopping.set()
        self.signal(signal.SIGTERM)
