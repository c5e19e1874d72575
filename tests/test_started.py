"""Programs that tests start end with the test."""

import re
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.support.started import started

TESTS = Path(__file__).parent
ALL_TESTS = (TESTS, TESTS.parent / "local" / "tests")
OWN_FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(300)
"""


def test_a_failed_test_leaves_no_process_behind() -> None:
    """Neither the program nor what it started in a session of its own."""
    pids = []

    def fails() -> None:
        with started([sys.executable, "-c", OWN_FAMILY]) as process:
            assert process.stdout is not None
            pids.extend([process.pid, int(process.stdout.readline())])
            raise AssertionError

    with pytest.raises(AssertionError):
        fails()
    parent, child = pids
    assert not psutil.pid_exists(parent)
    end = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_test_starts_programs_this_way() -> None:
    """A bare Popen outlives a test that fails before it ends the program."""
    own = {TESTS / "support" / "started.py", Path(__file__)}
    files = [path for folder in ALL_TESTS for path in folder.rglob("*.py") if path not in own]
    bare = [path for path in files if re.search(r"^[^'\"\n]*\bPopen\(", path.read_text(encoding="utf-8"), re.MULTILINE)]
    assert bare == []
