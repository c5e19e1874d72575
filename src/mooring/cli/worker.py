"""`moor worker`: what `moor serve` behind nginx starts for itself; not for people."""

from pathlib import Path

import click


@click.command("worker", hidden=True)
@click.option("--slot", type=int, required=True)
@click.option("--socket", type=click.Path(path_type=Path), required=True)
@click.option("--line", type=int, required=True)
@click.option("--cores", default="")
@click.option("--user")
@click.option("--models", type=click.Path(path_type=Path))
def command(slot: int, socket: Path, line: int, cores: str, user: str | None, models: Path | None) -> None:
    """Answer at a unix socket for a supervisor."""
    from mooring.container.worker import Post, serve

    numbers = tuple(int(core) for core in cores.split(",") if core)
    serve(Post(slot, socket, line, numbers, user, models))
