"""Run nginx as a child process: start, restart, reload and stop it.

Its access log arrives through a pipe, so that its responses are counted and logged like all others.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import structlog

from mooring.container.child import SETTLED_S, pause
from mooring.container.folders import Folders
from mooring.container.nginx_log import without_requests
from mooring.container.privileges import die_with_parent
from mooring.errors import BackendError

QUIT_AGAIN_S = 0.5
"""Pause between signals to a master that has not ended."""
FIRST_TRIES = 3
"""How often to start nginx until the service has been ready once."""

Line = Mapping[str, Any]
"""One request: method, route, status, seconds, id (nginx's), request_id, windows, and tried: see `Tries`."""


@dataclass(frozen=True, slots=True)
class Tries:
    """The workers to which nginx gave a request, from the connection times in its log.

    "0.000, -" is a worker that accepted it and one that was not there. After a colon follows process 1, which decides
    whether to retry, and after the next colon the workers of the next round.
    """

    tried: int
    took: int
    rounds: int

    @classmethod
    def read(cls, text: str) -> "Tries":
        """Parse nginx's $upstream_connect_time."""
        rounds = text.split(" : ")[::2]
        times = [part.strip() for one in rounds for part in one.split(",") if part.strip()]
        return cls(len(times), sum(time != "-" for time in times), len(rounds))


def spent_s(text: str) -> float:
    """Seconds that workers and process 1 have taken so far, from nginx's $upstream_response_time."""
    parts = text.replace(" : ", ",").split(",")
    return sum(float(part) for part in parts if part.strip().replace(".", "", 1).isdecimal())


def find_nginx() -> str | None:
    """Path of the nginx program, or None."""
    return shutil.which("nginx") or next((p for p in ("/usr/sbin/nginx",) if os.access(p, os.X_OK)), None)


class Nginx:
    """`configure` and `check`, `keep`, then `reload` or `finish`."""

    def __init__(self, program: str, folders: Folders, user: str | None, on_line: Callable[[Line], None]) -> None:
        """`user` is the user that nginx's workers run as."""
        self._program = program
        self._folders = folders
        self._user = user
        self._on_line = on_line
        self._text = ""
        self._process: asyncio.subprocess.Process | None = None
        self._read, self._write = os.pipe()
        os.set_inheritable(self._write, True)
        self._errors, self._stderr = os.pipe()
        self._finishing = asyncio.Event()
        self._log = structlog.get_logger("mooring.container").bind()

    @property
    def log_path(self) -> str:
        """Path of the access log in the configuration: the pipe, as nginx sees it."""
        return f"/proc/self/fd/{self._write}"

    @property
    def pids(self) -> set[int]:
        """Process id of nginx, if it runs."""
        return {self._process.pid} if self._process is not None else set()

    @property
    def listens(self) -> bool:
        """Whether nginx listens: it writes its pid file after it has bound its port."""
        try:
            number = int((self._folders.run / "nginx.pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        return number in self.pids

    @property
    def _configuration(self) -> Path:
        return self._folders.run / "nginx.conf"

    def configure(self, text: str) -> None:
        """Write the configuration for the next start or reload. Raises OSError."""
        self._text = text
        self._folders.make(self._user)
        self._configuration.write_text(text, encoding="utf-8")

    async def check(self) -> None:
        """Raise BackendError with nginx's message if it does not accept its configuration."""
        process = await asyncio.create_subprocess_exec(
            *self._command("-t", "-q"), pass_fds=(self._write,), stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        if process.returncode:
            raise BackendError(f"nginx does not accept its configuration: {said.decode(errors='replace').strip()}")

    def _command(self, *more: str) -> tuple[str, ...]:
        # -e: by default nginx first opens a log in a place that may be read-only.
        return (self._program, *more, "-e", "stderr", "-p", str(self._folders.run), "-c", str(self._configuration))

    async def keep(self, proven: Callable[[], bool]) -> int:
        """Run nginx and restart it when it dies, until `finish` (returns 0).

        Until `proven` it is restarted only a few times; then its exit status is returned, never 0.
        """
        reading = (
            asyncio.ensure_future(_lines(self._read, self._take)),
            asyncio.ensure_future(_lines(self._errors, self._repeat)),
        )
        wait, tries, said = 0.0, 0, None
        try:
            while True:
                began = time.monotonic()
                status = await self._live()
                if self._finishing.is_set():
                    return 0
                tries += 1
                if tries >= FIRST_TRIES and not proven():
                    return status or 1
                lived = time.monotonic() - began
                wait = pause(lived, wait)
                # nginx itself logs the reason at every attempt.
                log = self._log.error if status != said or lived >= SETTLED_S else self._log.debug
                log("nginx died", status=status, again_in_s=wait)
                said = status
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._finishing.wait(), wait)
                if self._finishing.is_set():
                    return 0
        finally:
            for task in reading:
                task.cancel()
            os.close(self._write)
            os.close(self._stderr)

    async def _live(self) -> int:
        try:
            self.configure(self._text)
            # A master that was killed leaves it, and the next one could not listen on it.
            self._folders.nginx.unlink(missing_ok=True)
            process = await asyncio.create_subprocess_exec(
                *self._command(),
                pass_fds=(self._write,),
                stderr=self._stderr,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except (OSError, RuntimeError) as error:  # out of descriptors, memory, threads or disk space
            self._log.error("nginx cannot be started", reason=str(error))
            return 1
        self._process = process
        try:
            return await process.wait()
        finally:
            # If only the master was killed, its workers still hold the port: let them finish and release it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGQUIT)
            self._process = None

    def reload(self) -> None:
        """Reload the configuration. In-flight requests finish with the old one."""
        self._signal(signal.SIGHUP)

    async def finish(self, timeout_s: float) -> bool:
        """Shut down gracefully. Returns whether nginx ended in time; if not, it is killed."""
        self._finishing.set()
        process = self._process
        if process is None:
            return True
        ended = asyncio.ensure_future(process.wait())
        until = time.monotonic() + timeout_s
        # Repeatedly: a master that is just starting acts on a signal only when the next one arrives.
        while not ended.done() and time.monotonic() < until:
            self._signal(signal.SIGQUIT)
            await asyncio.wait({ended}, timeout=min(QUIT_AGAIN_S, until - time.monotonic()))
        if ended.done():
            return True
        ended.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _take(self, line: bytes) -> None:
        """A line of the access log."""
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self._on_line(msgspec.json.decode(line))

    def _repeat(self, line: bytes) -> None:
        """A line of the error log."""
        level, message = without_requests(line.decode(errors="replace"))
        self._log.error("nginx", level_there=level, message=message)


async def _lines(pipe: int, take: Callable[[bytes], None]) -> None:
    """Give every line of a pipe to `take`, and close it in the end. nginx blocks while its log's pipe is full."""
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    source = os.fdopen(pipe, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    try:
        while line := await reader.readline():
            take(line)
    finally:
        transport.close()
