"""Test doubles and a real server, for Mooring's own tests and for yours.

`FakeBackend` computes without a model and can be blocked, slowed or broken; `FakeTask` needs no tokenizer;
`ManualClock` advances only when told to. Together they make a deterministic engine in this process:

    engine = Engine(FakeTask(), FakeBackend(), Limits())

`running_server` starts a real server in another process and waits until it is ready:

    with running_server() as server:
        server.ask("Who wrote it?", "Ada wrote it.")

With `pytest_plugins = ["mooring.testing.plugin"]` in a conftest.py, tests get it as the fixture `mooring_server`.
"""

from mooring.backends.fake import SMALL_GRID, FakeBackend, Gate
from mooring.testing.fakes import FakeTask, ManualClock
from mooring.testing.server import RunningServer, ServerFailed, running_server

__all__ = [
    "SMALL_GRID",
    "FakeBackend",
    "FakeTask",
    "Gate",
    "ManualClock",
    "RunningServer",
    "ServerFailed",
    "running_server",
]
