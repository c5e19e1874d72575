"""Holds for every test: in CI, what could run and was skipped is a failure."""

import os
import shutil
import signal
import tempfile
from collections.abc import Generator

import hypothesis
import pytest

pytest_plugins = ["mooring.testing.plugin", "tests.support.small_disk"]


def pytest_configure(config: pytest.Config) -> None:
    """Make a run independent of where it was started: in the background, on a busy machine, with a user's own cache."""
    # A job in the background inherits an ignored SIGINT, and so would every program that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # It hides what a program does not flush.
    os.environ.pop("PYTHONUNBUFFERED", None)
    # How long an example takes says how busy the machine is.
    hypothesis.settings.register_profile("mooring", deadline=None)
    hypothesis.settings.load_profile("mooring")
    # What a user's cache is for is kept for this run alone; the workers of pytest-xdist share the first process's.
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.mkdtemp(prefix="mooring-tests-")
    os.environ["XDG_CACHE_HOME"] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With TESTS_NO_SKIP=1 a skip fails with its reason."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("TESTS_NO_SKIP") == "1":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and nothing may be skipped here: {report.longrepr}"
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """The same for whole modules."""
    if report.skipped and os.environ.get("TESTS_NO_SKIP") == "1":
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and nothing may be skipped here: {report.longrepr}"
