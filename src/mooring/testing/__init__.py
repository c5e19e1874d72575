"""Stand-ins for the slow and the uncertain parts, and a real server, for Mooring's own tests and for yours.

`FakeBackend` computes without a model and can be held, slowed or broken; `FakeTask` needs no tokenizer; `ManualClock`
moves when told to. Put together they make a whole engine, in process and deterministic:

    engine = Engine(FakeTask(), FakeBackend(), Limits())

`running_server` is the real thing in a process of its own, ready or an error that says why not:

    with running_server() as server:
        server.ask("Who wrote it?", "Ada wrote it.")

With `pytest_plugins = ["mooring.testing.plugin"]` in a conftest.py tests get it as the fixture `mooring_server`.
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
