"""A process of ours: started, heard, signalled, waited for. Used by `process.py`.

Not asyncio's own: there, in some versions of Python, a process has not ended as long as a grandchild holds its pipe.
"""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path


class Child:
    """Made by `start`."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: asyncio.StreamReader, pipe: asyncio.ReadTransport):
        self._process = process
        self._pipe = pipe
        self.output = output
        """Its stdout and stderr, in the order in which it wrote."""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its exit code, negative for a signal."""
        threading.Thread(target=self._wait, args=(asyncio.get_running_loop(),), daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Nothing happens if it has ended."""
        self._process.send_signal(number)

    def close(self) -> None:
        """Listen no longer."""
        self._pipe.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        status = self._process.wait()
        try:
            loop.call_soon_threadsafe(self._tell, status)
        except RuntimeError:  # the event loop was closed without waiting for it
            return

    def _tell(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)


async def start(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Child:
    """In a session of its own: Ctrl-C in the terminal is for `moor local`, which ends it in order. Raises OSError."""
    process, ours = _spawn(command, environ, folder)
    output = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    # uvloop closes the descriptor and then the file: in between the number may have become somebody else's.
    file = os.fdopen(ours, "rb", 0, closefd=isinstance(loop, asyncio.BaseEventLoop))
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), file)
    return Child(process, output, pipe)


def _spawn(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """The process, and the end of its pipe that is ours."""
    ours, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            env=environ,
            cwd=folder,
            stdin=subprocess.PIPE,  # the leash: `leashed.py` ends when it is cut
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
