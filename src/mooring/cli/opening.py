"""Open a model for `moor ask` and `moor eval`: show its download and its warnings."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import TYPE_CHECKING

import click

from mooring.cli.options import MODEL_OPTIONS
from mooring.cli.progress import download_bar
from mooring.errors import UsageError
from mooring.settings import BY_NAME, Settings, environment_notes

if TYPE_CHECKING:
    from mooring.opened import OpenModel


@contextmanager
def opened_model(settings: Settings) -> Iterator["OpenModel"]:
    """Open the model that the settings name, for as long as the with-block lasts."""
    # Here and not above: `moor --help` must not load numpy and OpenVINO.
    from mooring.opened import open_with

    if settings.run_code:
        from mooring.observe.logs import configure_logs

        configure_logs("warning", settings.log_format)  # lines of the user's code, and what it raises
    with ExitStack() as stack:
        if settings.run_code:
            stack.enter_context(redirect_stdout(sys.stderr))  # what it prints is no part of the answer
        with download_bar(settings.model or "the model") as progress:
            opened = stack.enter_context(open_with(settings, progress))
        warn(*environment_notes(), *opened.info.get("warnings", ()))
        yield opened


def no_model_here(flags: Mapping[str, object]) -> None:
    """Raise UsageError for flags of a model that is opened here, where `--url` says that a server has one."""
    for name in ("model", *MODEL_OPTIONS):
        if flags.get(name) is not None:
            flag = BY_NAME[name].flag
            raise UsageError(
                f"{flag} has no effect with --url: the server there has a model already.", hint=f"Leave {flag} out."
            )


def warn(*warnings: str) -> None:
    """Each on a line of stderr."""
    for warning in warnings:
        click.echo(f"moor: warning: {warning}", err=True)


def cut_short() -> None:
    """What follows Ctrl-C where there is something to show already."""
    click.echo("moor: interrupted; these are the figures until then", err=True)
