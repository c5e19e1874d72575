"""Find and replace nginx processes that hang or were stopped.

nginx's workers share one listening socket, so no request can be addressed to one of them. But a connection stays with
the worker that accepted it: process 1 keeps one open to each worker, on a Unix socket of nginx's own, and asks on it
at every look. The answer is the worker's pid (`nginx.conf.in`). `watch.py` judges workers that do not answer. A worker
that has accepted none of these connections yet is only checked for having been stopped.

A worker that hangs is killed, and nginx's master starts another. The connections of its clients are lost. A stopped
master is continued: without it, workers are not replaced.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from mooring.container.watch import LOOK_EVERY_S, Seen, Watch
from mooring.observe.threads import children_of, main_cpu_s, read_process

_QUESTION = b"GET / HTTP/1.1\r\nHost: nginx\r\n\r\n"
FIRST_ANSWER_S = 0.25
MOST_S = 30.0
"""Longest time without an answer, whatever the evidence."""


class _Line:
    """A connection to one of nginx's workers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.pid = 0
        """Of the worker; 0 before the first answer."""
        self.answers = 0
        self._asked = 0
        self._first = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    @property
    def open(self) -> bool:
        """Whether it can be used."""
        return not self._reading.done()

    @property
    def idle(self) -> bool:
        """Whether the last question was answered."""
        return self._asked == self.answers

    def ask(self) -> None:
        """Send a question, unless the last one is still unanswered."""
        if self.idle:
            self._asked += 1
            self._writer.write(_QUESTION)

    async def answered(self) -> None:
        """Wait for the first answer, or the end of the connection."""
        await self._first.wait()

    def close(self) -> None:
        """Give it up."""
        self._reading.cancel()
        self._writer.close()

    async def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                self.pid = int(await self._reader.readexactly(int(length)))
                self.answers += 1
                self._first.set()
        self._first.set()


class NginxWatch:
    """Looks at all of nginx's processes."""

    def __init__(self, masters: Callable[[], set[int]], socket: Path, ready: Callable[[], bool]) -> None:
        """`masters` has the master's pid while nginx runs; `socket` answers with a worker's pid."""
        self._masters = masters
        self._socket = socket
        self._ready = ready
        self._lines: dict[int, _Line] = {}
        self._watches: dict[int, Watch] = {}
        self._log = structlog.get_logger("mooring.container").bind()

    async def keep(self) -> None:
        """Look for ever."""
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                if self._ready():
                    await self._look()
        finally:
            for line in self._lines.values():
                line.close()

    async def _look(self) -> None:
        masters = self._masters()
        workers = [pid for master in masters for pid in children_of(master)]
        for pid, line in list(self._lines.items()):
            if pid not in workers or not line.open:
                self._lines.pop(pid).close()
        self._watches = {pid: watch for pid, watch in self._watches.items() if pid in {*masters, *workers}}
        for pid in masters:
            if self._hangs(pid):
                self._log.error("nginx was stopped; continuing it", pid=pid)
                self._signal(pid, signal.SIGCONT)
        for pid in workers:
            if self._hangs(pid):
                self._log.error("nginx worker hangs; replacing it", pid=pid)
                self._signal(pid, signal.SIGKILL)
            elif pid in self._lines:
                self._lines[pid].ask()
        if any(pid not in self._lines for pid in workers):
            await self._connect()

    def _hangs(self, pid: int) -> bool:
        process = read_process(pid)
        if process is None or process.state == "Z":
            return False
        watch = self._watches.setdefault(pid, Watch(MOST_S))
        line = self._lines.get(pid)
        # Without a connection, only one that is stopped counts as silent.
        beats = line.answers if line is not None else watch.beats + (not process.stopped)
        cpu_s = main_cpu_s(pid, process.cpu_s)  # it has one thread
        return watch.look(time.monotonic(), Seen(beats, process.stopped, cpu_s, process.wants, cpu_s, process.wants))

    async def _connect(self) -> None:
        """Open a connection, and keep it if a worker without one has accepted it."""
        line = None
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(FIRST_ANSWER_S):
                line = _Line(*await asyncio.open_unix_connection(str(self._socket)))
                line.ask()
                await line.answered()
        if line is None:
            return
        if line.open and line.answers and line.pid not in self._lines:
            self._lines[line.pid] = line
        else:
            line.close()

    def _signal(self, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
