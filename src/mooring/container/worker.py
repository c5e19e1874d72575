"""One worker: a process that answers at a unix socket behind nginx, and tells the supervisor when. For `moor worker`.

Started by `supervisor.py` with its settings as variables. Before anything heavy is loaded it takes its own cores and
steps down to a plain user.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mooring.container import link
from mooring.container.privileges import step_down
from mooring.model.identity import Identity
from mooring.observe.lean import uncollected, without
from mooring.settings import load_settings


@dataclass(frozen=True, slots=True)
class Post:
    """Where this worker stands."""

    slot: int
    socket: Path
    cores: tuple[int, ...] = ()
    """Empty: whichever are free."""
    user: str | None = None
    expected: Identity = field(default_factory=dict)
    """Digests that this worker must serve; empty for the first worker."""
    models: Path | None = None
    """File with the models to load before taking traffic, of a multi-model server."""


def serve(post: Post, reporter: link.Reporter) -> None:
    """Until told to stop. Raises what opening the model raises, ModelChanged if it is not what is expected."""
    if post.cores:
        os.sched_setaffinity(0, post.cores)
    if post.user is not None:
        step_down(post.user)
    reporter.watch()
    settings = load_settings()
    # Here and not above: cores and user must be settled before OpenVINO looks at them.
    with without("rich"):  # as `moor serve`
        from mooring.observe.logs import configure_logs
    from mooring.observe.metrics import share

    share(post.slot)
    configure_logs(settings.log_level, settings.log_format)
    with uncollected():
        from mooring.wiring.server import Duty, serve_worker

    duty = Duty(post.expected, post.models, lambda name: reporter.say(link.LOADING, model=name))
    serve_worker(settings, post.socket, duty, ready=lambda facts: reporter.say(link.READY, facts=dict(facts)))
