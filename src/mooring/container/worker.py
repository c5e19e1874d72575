"""A worker: a process that serves on a Unix socket behind nginx and reports to the supervisor.

It gets its settings as environment variables. Before it loads anything heavy, it sets its cores and drops root.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mooring.container import link
from mooring.container.privileges import step_down
from mooring.model.identity import Identity
from mooring.observe import pulse
from mooring.observe.memory import uncollected, without
from mooring.settings import load_settings


@dataclass(frozen=True, slots=True)
class Post:
    """A worker's place and duties."""

    slot: int
    socket: Path
    pulse: int
    """Descriptor of the memory shared with process 1."""
    cores: tuple[int, ...] = ()
    """Empty for any."""
    user: str | None = None
    expected: Identity = field(default_factory=dict)
    """Digests that this worker must serve; empty for the first worker."""
    models: Path | None = None
    """File with the models that a multi-model worker loads before it takes traffic."""


def serve(post: Post, reporter: link.Reporter) -> None:
    """Serve until told to stop. Raises what opening the model raises, or ModelChanged if it is not as expected."""
    if post.cores:
        os.sched_setaffinity(0, post.cores)
    if post.user is not None:
        step_down(post.user)
    reporter.watch()
    shared = pulse.adopt(post.pulse)
    settings = load_settings()
    # Imported late: cores and user must be set before OpenVINO reads them.
    with without("rich"):  # as `moor serve`
        from mooring.observe.logs import configure_logs
    from mooring.observe.metrics import share

    share(post.slot)
    configure_logs(settings.log_level, settings.log_format)
    with uncollected():
        from mooring.wiring.server import Duty, serve_worker

    duty = Duty(
        post.expected,
        post.models,
        on_loading=lambda name: reporter.say(link.LOADING, model=name),
        on_drain=lambda: reporter.say(link.LEAVING),
        beat=shared.beat,
    )
    serve_worker(settings, post.socket, duty, ready=lambda facts: reporter.say(link.READY, facts=dict(facts)))
