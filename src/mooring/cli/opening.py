"""Settings in, a model that can compute out, with its download shown and its warnings said. For `ask` and `eval`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mooring.cli.options import MODEL_OPTIONS
from mooring.cli.progress import download_bar
from mooring.errors import UsageError
from mooring.settings import BY_NAME, Settings, environment_notes

if TYPE_CHECKING:
    from mooring.wiring.model import OpenedModel


@contextmanager
def opened_model(settings: Settings) -> Iterator["OpenedModel"]:
    """Open the model that the settings name, for as long as the with-block lasts."""
    # Here and not above: `moor --help` must not load numpy and OpenVINO.
    from mooring.wiring.model import open_model

    with download_bar(settings.model or "the model") as progress:
        opened = open_model(settings, progress=progress)
    warn(*environment_notes(), *opened.warnings)
    try:
        yield opened
    finally:
        opened.backend.close()


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
