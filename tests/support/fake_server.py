"""Serves fakes over a real socket: `python -m tests.support.fake_server '{"task": "text", …}'`.

Prints "listening" with the port once it is ready. Lines on stdin turn the backend's knobs and are echoed when done:
close, open, let, held (a batch waits), fail, windows (how many were computed), dropped. Logs go to stderr.
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from mooring.cli.streams import prepare
from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.errors import ModelNotFound, MooringError
from mooring.observe.logs import configure_logs
from mooring.observe.metrics import Metrics
from mooring.testing import FakeBackend, FakeTask
from mooring.web import connection, crowd, gathered, room
from mooring.web.app import create_app
from mooring.web.limits import WebLimits
from mooring.web.listen import Address
from mooring.web.server import ServerOptions, serve
from mooring.web.service import ByEngine, Served, Service
from tests.support.text_task import TextTask


def main() -> None:
    """Serve until told to stop."""
    prepare()
    options: dict[str, Any] = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    configure_logs(options.get("log_level", "info"), "json")
    for name, value in options.get("protocol", {}).items():
        for module in (connection, crowd, gathered, room):
            if hasattr(module, name):
                setattr(module, name, value)
    backend, metrics = FakeBackend(), Metrics()
    task = TextTask() if options.get("task") == "text" else FakeTask()
    loaded = threading.Event()
    if not options.get("load_slowly"):
        loaded.set()

    def open_model() -> Served[ByEngine]:
        while not loaded.wait(0.01):
            if service.stopping.is_set():
                raise InterruptedError
        if options.get("fail_to_load"):
            raise ModelNotFound("There is no model.")
        engine = Engine(task, backend, Limits(), observer=metrics)
        return Served(ByEngine(task, engine), engine, close=backend.close)

    service = Service(open_model)
    app = create_app(service, metrics, WebLimits(**options.get("limits", {})))
    threading.Thread(target=obey, args=(backend, metrics, loaded), daemon=True).start()
    unix = options.get("unix")
    address = Address(options.get("host", "127.0.0.1"), options.get("port", 0), Path(unix) if unix else None)
    try:
        serve(
            app,
            service,
            ServerOptions(
                address,
                drain_s=options.get("drain_s", 10),
                max_connections=options.get("max_connections", 0),
                late=options.get("late", False),
            ),
            on_ready=lambda port: say(f"listening {port}"),
        )
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
    except MooringError as error:
        say(f"refused {error}")
        sys.exit(1)
    say("ended")


def say(line: str) -> None:
    """Print a line in one piece: two threads do."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def obey(backend: FakeBackend, metrics: Metrics, loaded: threading.Event) -> None:
    """Read commands until stdin ends."""
    for line in sys.stdin:
        word = line.strip()
        said: object = ""
        if word == "close":
            backend.gate.close()
        elif word == "open":
            backend.gate.open()
        elif word == "let":
            backend.gate.let()
        elif word == "held":
            backend.gate.wait_held()
        elif word == "fail":
            backend.fail_next = 1
        elif word == "load":
            loaded.set()
        elif word == "windows":
            said = sum(len(batch) for batch in backend.batches)
        elif word == "dropped":
            said = dropped(metrics)
        say(f"{word} {said}")


def dropped(metrics: Metrics, within_s: float = 5.0) -> float:
    """How many windows were spared because a client left; waits for the first."""
    until = time.monotonic() + within_s
    while True:
        count = metrics.registry.get_sample_value("mooring_dropped_windows_total", {"reason": "cancelled"}) or 0.0
        if count or time.monotonic() > until:
            return count
        time.sleep(0.005)


if __name__ == "__main__":
    main()
