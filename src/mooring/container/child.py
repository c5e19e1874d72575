"""Keep a worker running in a slot: start its process, read its messages, restart it."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mooring.container import link
from mooring.container.topology import Worker
from mooring.observe import pulse
from mooring.observe.logs import timestamp
from mooring.observe.pulse import Pulse

PERMANENT = frozenset({2, 3})
"""Exit codes of `moor` for an invalid setting and for a model that cannot be served."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
REFUSED_PAUSE_S = 60.0
"""Longest pause if the model was refused, since opening it takes CPU time from the ready workers."""
SETTLED_S = 30.0
"""After this time in service, a restart begins with the shortest pause again."""
LAST_WORDS_S = 1.0
"""How long to keep reading a dead worker's socket, which a detached child process may hold open."""
LINE_LIMIT = 1 << 22

Command = Callable[[Worker, int, int], tuple[Sequence[str], Mapping[str, str]]]
"""(worker, descriptors of its socket end and of its shared memory) → arguments and environment to start it with."""

_NAMES: Mapping[int, str] = {number: number.name for number in signal.Signals}
_HINTS: Mapping[int, str] = {
    signal.SIGKILL: "probably out of memory",
    signal.SIGBUS: "probably a full disk, or a file truncated while it was read",
}


@dataclass(frozen=True, slots=True)
class End:
    """How a worker's process ended."""

    status: int
    """Exit code; negative for a signal."""
    lived_s: float | None = None
    """Seconds since it was ready; None if it never was."""
    kind: str = ""
    """Class of the error that ended it, if it reported one."""
    message: str = ""
    """Text of that error, with its hint."""
    hung: str = ""
    """Why process 1 has killed it; empty if it has not."""
    loading: str = ""
    """Name of the model that a multi-model worker was reloading; empty for none."""

    @property
    def refused(self) -> bool:
        """Whether it did not start because of its settings or its model."""
        return self.lived_s is None and self.status in PERMANENT

    @property
    def how(self) -> str:
        """The exit code or signal, as text."""
        return f"signal {_NAMES.get(-self.status, -self.status)}" if self.status < 0 else f"exit code {self.status}"

    @property
    def hint(self) -> str:
        """The usual cause of the signal; empty if there is none."""
        return "" if self.hung else _HINTS.get(-self.status, "")

    def reason(self, slot: int) -> str:
        """Why the slot has no ready worker, as a sentence."""
        if self.lived_s is None and self.message:
            return f"A worker cannot start: {self.message}"
        if self.hung:
            return f"{self.hung} It was killed and is restarting."
        how = f"{self.how}; {self.hint}" if self.hint else self.how
        if self.lived_s is None:
            return f"Worker {slot} died during startup ({how})."
        said = f": {self.message}" if self.message else "."
        return f"Worker {slot} died ({how}) and is restarting{said}"


@dataclass
class Slot:
    """A place for a worker, and the state of its current process."""

    worker: Worker
    pid: int = 0
    """0 for none."""
    ready: bool = False
    leaving: bool = False
    """Whether the process was told to stop. It is not ready any more, and finishes what it has."""
    silent: str = ""
    """How long it has not reacted, as a sentence; empty while it does."""
    pulse: Pulse | None = None
    """Memory shared with the current process, or the last one."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """`/info` of the last worker that was ready."""
    starts: int = 0
    failures: int = 0
    """Consecutive starts that ended before the worker was ready."""
    last: End | None = None
    """How the previous worker ended; None while a worker is ready, and during the first start."""
    since: str = field(default_factory=timestamp)
    """When the last ready worker was lost, in UTC; before that, when the slot was opened."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the slot has changed."""

    def lose(self) -> None:
        """The process has ended."""
        if self.ready and not self.silent:
            self.since = timestamp()
        self.pid, self.ready, self.leaving, self.silent = 0, False, False, ""
        self.changed.set()

    def leave(self) -> None:
        """The process was told to stop, and no longer accepts requests."""
        self.since = timestamp()
        self.ready, self.leaving = False, True
        self.changed.set()

    def note_silence(self, sentence: str) -> None:
        """Whether it reacts at present."""
        if sentence and not self.silent:
            self.since = timestamp()
        self.silent = sentence

    @property
    def reason(self) -> str:
        """Why no worker is ready here, or does not react; empty otherwise."""
        if self.ready:
            return self.silent
        if self.leaving:
            return f"Worker {self.worker.slot} was told to stop (SIGTERM) and is being replaced."
        return self.last.reason(self.worker.slot) if self.last else "The model is loading."


def pause(lived_s: float | None, last_s: float, longest_s: float = LONGEST_PAUSE_S) -> float:
    """Seconds to wait before the next start: double the last pause, or the shortest one after a long life."""
    if (lived_s or 0.0) >= SETTLED_S or last_s <= 0:
        return FIRST_PAUSE_S
    return min(longest_s, 2 * last_s)


class Keeper:
    """Keeps a worker running in a slot."""

    def __init__(
        self,
        slot: Slot,
        command: Command,
        verdict: Callable[[Slot, End], int | None] = lambda _, __: None,
        on_end: Callable[[Slot, End, float], None] = lambda _, __, ___: None,
        on_ready: Callable[[Slot], None] = lambda _: None,
    ) -> None:
        """`verdict` returns the exit code with which to stop the whole service, or None to restart the worker.

        `on_end` is called before a restart, with the pause in seconds. `on_ready` is called while `slot.last` still
        says how the previous worker ended.
        """
        self.slot = slot
        self._command = command
        self._verdict = verdict
        self._on_end = on_end
        self._on_ready = on_ready
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._ready_at: float | None = None
        self._said: Mapping[str, Any] = {}
        self._hung = ""
        self._loading = ""

    async def run(self) -> int:
        """Run until `stop` (returns 0) or until `verdict` returns an exit code."""
        wait = 0.0
        while not self._stopping.is_set():
            end = await self._live()
            if self._stopping.is_set():
                return 0
            self.slot.last = end
            self.slot.failures = self.slot.failures + 1 if end.lived_s is None else 0
            if (code := self._verdict(self.slot, end)) is not None:
                return code
            wait = pause(end.lived_s, wait, REFUSED_PAUSE_S if end.refused else LONGEST_PAUSE_S)
            self._on_end(self.slot, end, wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
        return 0

    async def _live(self) -> End:
        """Run one worker until it ends."""
        self._ready_at, self._said, self._hung, self._loading = None, {}, "", ""
        try:
            process, reader, writer = await self._spawn()
        except (OSError, RuntimeError) as error:  # out of descriptors, memory, threads or disk space
            return End(1, kind=type(error).__name__, message=f"Cannot create the process: {error}.")
        self._process, self.slot.pid = process, process.pid
        self.slot.starts += 1
        if self._stopping.is_set():
            self.signal(signal.SIGTERM)
        hearing = asyncio.ensure_future(self._hear(reader))
        try:
            status = await process.wait()
        finally:
            # At once: a dead worker must not be shown as ready while its last messages are read.
            self.slot.lose()
            self._process = None
            # Child processes may hold the message socket, and the HTTP socket, on which nothing accepts connections.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait({hearing}, timeout=LAST_WORDS_S)
            hearing.cancel()
            writer.close()
            self.slot.lose()  # again: they may include "ready"
        lived = None if self._ready_at is None else time.monotonic() - self._ready_at
        kind, text = (str(self._said.get(key, "")) for key in ("type", "message"))
        return End(status, lived, kind, text, self._hung, self._loading)

    async def _spawn(self) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        try:
            with theirs, _shared(self.slot) as memory:
                arguments, environ = self._command(self.slot.worker, theirs.fileno(), memory)
                process = await asyncio.create_subprocess_exec(
                    *arguments, env=dict(environ), pass_fds=(theirs.fileno(), memory), start_new_session=True
                )
            return process, *await asyncio.open_connection(sock=ours, limit=LINE_LIMIT)
        except BaseException:
            ours.close()
            raise

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(link.decode(line) or {})
        except Exception as error:  # Border: a worker with unreadable messages must be replaced.
            self._said = {"message": f"Its messages are unreadable ({type(error).__name__})."}
            self.signal(signal.SIGKILL)

    def _take(self, message: Mapping[str, Any]) -> None:
        slot = self.slot
        if message.get("kind") == link.READY:
            slot.facts, slot.ready = message["facts"], True
            self._ready_at = time.monotonic()
            self._on_ready(slot)
            slot.failures, slot.last = 0, None
        elif message.get("kind") == link.LEAVING:
            slot.leave()
        elif message.get("kind") == link.FAILED:
            self._said = message
        elif message.get("kind") == link.LOADING:
            self._loading = str(message["model"])
        slot.changed.set()

    def signal(self, number: signal.Signals) -> None:
        """Send the worker a signal, if there is one."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill(self, reason: str) -> None:
        """End a worker that hangs, so that another one is started. `reason` is a sentence."""
        self._hung = reason
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the worker and do not restart it."""
        self._stopping.set()
        self.signal(signal.SIGTERM)


@contextlib.contextmanager
def _shared(slot: Slot) -> Iterator[int]:
    """New memory to share with the next process of a slot. Raises OSError."""
    descriptor = pulse.create()
    try:
        before, slot.pulse = slot.pulse, Pulse(descriptor)
        if before is not None:
            before.close()
        yield descriptor
    finally:
        os.close(descriptor)
