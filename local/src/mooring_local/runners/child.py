"""A child process: start it, read its output, signal it and wait for it.

Not asyncio's subprocess: in some Python versions it does not report the exit while a grandchild holds the pipe.
"""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path


class Child:
    """A child process, made by `start`."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: asyncio.StreamReader, pipe: asyncio.ReadTransport):
        self._process = process
        self._pipe = pipe
        self.output = output
        """Its stdout and stderr, interleaved as written."""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its exit code, negative for a signal."""
        threading.Thread(target=self._wait, args=(asyncio.get_running_loop(),), daemon=True).start()

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; does nothing if the process has exited."""
        self._process.send_signal(number)

    def close(self) -> None:
        """Close the pipes."""
        self._pipe.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        status = self._process.wait()
        try:
            loop.call_soon_threadsafe(self._tell, status)
        except RuntimeError:  # the event loop is already closed
            return

    def _tell(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)


async def start(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Child:
    """Start in a new session, so that Ctrl-C reaches only `moor local`, which stops it gracefully. Raises OSError."""
    process, ours = _spawn(command, environ, folder)
    output = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    # uvloop closes the descriptor before the file: the number may be reused in between.
    file = os.fdopen(ours, "rb", 0, closefd=isinstance(loop, asyncio.BaseEventLoop))
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), file)
    return Child(process, output, pipe)


def _spawn(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """The process, and our end of its pipe."""
    ours, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            env=environ,
            cwd=folder,
            stdin=subprocess.PIPE,  # `leashed.py` exits when this pipe closes
            stdout=theirs,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return process, ours
