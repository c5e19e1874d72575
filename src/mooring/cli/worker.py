"""`moor worker`: a worker process behind nginx. Internal: started by `moor serve --front nginx`."""

from pathlib import Path
from typing import Any

import click

from mooring.cli.border import explain


@click.command("worker", hidden=True)
@click.option("--slot", type=int, required=True)
@click.option("--socket", type=click.Path(path_type=Path), required=True)
@click.option("--line", type=int, required=True)
@click.option("--cores", default="")
@click.option("--user")
@click.option("--models", type=click.Path(path_type=Path))
@click.option("--expect", type=(str, str), multiple=True)
def command(line: int, cores: str, expect: tuple[tuple[str, str], ...], **options: Any) -> int:
    """Serve on a Unix socket for a supervisor."""
    from mooring.container import link
    from mooring.container.worker import Post, serve

    reporter = link.Reporter(line)
    try:
        numbers = tuple(int(core) for core in cores.split(",") if core)
        serve(Post(cores=numbers, expected=dict(expect), **options), reporter)
    except Exception as error:  # Border: process 1 logs each reason once; printed here, it would appear at every retry.
        complaint = explain(error)
        text = f"{complaint.message} {complaint.hint}".strip()
        reporter.say(link.FAILED, type=type(error).__name__, message=text)
        return complaint.code
    return 0
