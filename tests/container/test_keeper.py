"""One slot with real processes that are no workers: what they leave behind, and what they say that is no message."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mooring.container.child import End, Keeper, Slot
from mooring.container.topology import Worker

pytestmark = pytest.mark.wire


def ends(script: str, count: int = 1) -> tuple[list[End], Slot]:
    """How the first `count` processes of this Python ended; `LINE` in it is the descriptor of their line."""
    seen: list[End] = []
    slot = Slot(Worker(1, 1))

    async def main() -> None:
        enough = asyncio.Event()

        def on_end(_: Slot, end: End, __: float) -> None:
            seen.append(end)
            if len(seen) == count:
                enough.set()

        def command(_: Worker, line: int, __: int) -> tuple[list[str], dict[str, str]]:
            return [sys.executable, "-c", script.replace("LINE", str(line))], dict(os.environ)

        keeper = Keeper(slot, command, on_end=on_end)
        keeping = asyncio.ensure_future(keeper.run())
        await asyncio.wait_for(enough.wait(), 30)
        keeper.stop()
        await keeping

    asyncio.run(main())
    return seen, slot


READY = 'import os; os.write(LINE, b\'{"kind": "ready", "facts": {}}\\n\')'


def test_starts_that_fail_are_counted_until_one_is_ready() -> None:
    """With what the process said."""
    failed = 'import os; os.write(LINE, b\'{"kind": "failed", "type": "X", "message": "No."}\\n\'); os._exit(3)'
    seen, slot = ends(failed, 2)
    assert [(end.status, end.lived_s, end.kind, end.message) for end in seen] == [(3, None, "X", "No.")] * 2
    assert (slot.failures, slot.reason) == (2, "A worker cannot start: No.")
    [end], slot = ends(READY)
    assert end.lived_s is not None
    assert (slot.failures, end.status) == (0, 0)


def test_a_child_that_a_worker_leaves_behind_holds_up_nobody(tmp_path: Path) -> None:
    """It has the line open, and the socket of the dead; it is ended."""
    note = tmp_path / "pid"
    script = f"""
import os, pathlib, time
if os.fork() == 0:
    pathlib.Path({str(note)!r}).write_text(str(os.getpid()))
    time.sleep(60)
while not pathlib.Path({str(note)!r}).exists(): time.sleep(0.01)
time.sleep(0.1)
"""
    [end], _ = ends(script)
    assert end.status == 0
    give_up = time.monotonic() + 30
    while _runs(int(note.read_text())):
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("line", "understood"),
    [("b'x' * (1 << 23) + b'\\n'", False), ('b\'{"kind": "ready"}\\n\'', False), ("b'\\xff\\n[]\\n7\\n'", True)],
)
def test_a_worker_that_cannot_be_understood_is_ended(line: str, understood: bool) -> None:
    """A line that is too long, or says too little; what is no message at all is passed over."""
    patience = "" if understood else "time.sleep(60)"
    [end], slot = ends(f"import os, time; os.write(LINE, {line}); {patience}")
    assert end.status == (0 if understood else -9)
    assert ("messages are unreadable" in slot.reason) is not understood


@pytest.mark.parametrize("error", [OSError("No descriptor is left."), RuntimeError("No thread is left.")])
def test_a_process_that_cannot_be_made_is_a_start_that_failed(error: Exception) -> None:
    """And no end of the keeping."""
    slot = Slot(Worker(1, 1))
    pauses: list[float] = []

    async def main() -> None:
        twice = asyncio.Event()

        def on_end(_: Slot, __: End, wait: float) -> None:
            pauses.append(wait)
            if len(pauses) == 2:
                twice.set()

        keeper = Keeper(slot, _raising(error), on_end=on_end)
        keeping = asyncio.ensure_future(keeper.run())
        await asyncio.wait_for(twice.wait(), 30)
        keeper.stop()
        await keeping

    asyncio.run(main())
    assert pauses == [0.1, 0.2]
    assert str(error) in slot.reason


def _raising(error: Exception) -> Callable[[Worker, int, int], tuple[list[str], dict[str, str]]]:
    def command(_: Worker, __: int, ___: int) -> tuple[list[str], dict[str, str]]:
        raise error

    return command


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
