"""Programs that a test starts: gone when the test is done with them, however it ends, with all that they started."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil  # type: ignore[import-untyped]


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """The program, its output piped as text unless `options` of Popen say otherwise, killed in the end if it runs."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **{**piped, **options}) as process:
        try:
            yield process
        finally:
            kill(process)


@contextmanager
def ready(command: Sequence[str], **options: Any) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """A server of ours that has said that it is ready, and the lines it said it with. Otherwise as `started`."""
    with started(command, **options) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("  try"):
                break
        yield process, lines


def kill(process: "subprocess.Popen[Any]") -> None:
    """It and everything below it, at once. What has ended by itself is left alone."""
    if process.poll() is not None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
