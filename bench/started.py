"""`moor serve` with a stopwatch: the same command, and when it reached which point. Started by `parts/start.py`.

    python -m bench.started BEGAN FILE [arguments of moor serve]

BEGAN is `time.monotonic()` of whoever started the process. FILE gets one JSON object: point → seconds since BEGAN.
"""

import time

RUNNING = time.monotonic()

import functools  # noqa: E402 - the first line of Python is a point by itself
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

POINTS = ("python runs", "imported", "model read", "compiled", "warmed", "first probe answered")
"""In the order of time; what comes between one and the next is a stage."""


def main() -> None:
    """Put marks around what the server calls, and serve."""
    began, target, arguments = float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    seen = {POINTS[0]: RUNNING - began}

    def mark(point: str) -> None:
        if point not in seen:
            seen[point] = time.monotonic() - began

    def finish() -> None:
        mark(POINTS[-1])
        target.write_text(json.dumps(seen), encoding="utf-8")

    import mooring.cli
    import mooring.cli.serve
    import mooring.wiring.server
    from mooring.engine.engine import Engine
    from mooring.engine.worker import Worker
    from mooring.graph.runtime import import_openvino

    core = import_openvino().Core
    mark("imported")
    for name in ("compile_model", "import_model"):
        marked = after(getattr(core, name), lambda: mark("compiled"), before=lambda: mark("model read"))
        setattr(core, name, marked)
    start = Worker.start

    def starting(self: Worker, warm: Any, later: Any, on_warm: Callable[[Exception | None], None]) -> None:
        def warmed(error: Exception | None) -> None:
            mark("warmed")
            on_warm(error)

        start(self, warm, later, warmed)

    Worker.start = starting  # type: ignore[method-assign]
    begin = Engine.start

    async def begun(self: Engine) -> None:
        await begin(self)
        finish()

    Engine.start = begun  # type: ignore[method-assign]
    sys.exit(mooring.cli.run(["serve", *arguments]))


def after(function: Any, then: Callable[[], None], before: Callable[[], None] = lambda: None) -> Any:
    """The function, with something done before and after each call."""

    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        before()
        result = function(*arguments, **named)
        then()
        return result

    return wrapped


if __name__ == "__main__":
    main()
