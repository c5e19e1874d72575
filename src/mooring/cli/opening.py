"""Open a model for `moor ask` and `moor eval`, with a progress bar for the download and its warnings."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
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
    """Open the model that the settings name and close it after the with-block."""
    # Here and not above: `moor --help` must not load numpy and OpenVINO.
    from mooring.opened import open_with

    if settings.run_code:
        from mooring.observe.logs import configure_logs

        configure_logs("warning", settings.log_format)  # logs and exceptions of the user's code
    with ExitStack() as stack:
        if settings.run_code:
            stack.enter_context(redirect_stdout(sys.stderr))  # stdout is for the answer alone
        with download_bar(settings.model or "the model") as progress:
            opened = stack.enter_context(open_with(settings, progress))
        warn(*environment_notes(), *opened.info.get("warnings", ()))
        yield opened


def no_model_here(flags: Mapping[str, object]) -> None:
    """Raise UsageError for flags about loading a model, which have no effect with --url."""
    for name in ("model", *MODEL_OPTIONS):
        if flags.get(name) is not None:
            flag = BY_NAME[name].flag
            raise UsageError(
                f"{flag} has no effect with --url: the server has its own model.", hint=f"Leave out {flag}."
            )


def warn_of_no_answer(parameters: Mapping[str, object], model: object) -> None:
    """Warn if "no answer" is allowed and nothing says that the model learned it. `model` are its facts, as in /info."""
    if not parameters.get("handle_impossible_answer") or not isinstance(model, Mapping) or not model.get("task"):
        return
    if (known := model.get("no_answer")) is not True:
        how = "was" if known is False else "may have been"
        warn(
            f"{model.get('name')} {how} trained on answerable questions only, and may then find an answer where there "
            "is none. `moor distil judge` measures it."
        )


def warn(*warnings: str) -> None:
    """Print each warning on a line of stderr."""
    for warning in warnings:
        click.echo(f"moor: warning: {warning}", err=True)


def cut_short() -> None:
    """Say that the printed figures are partial, after Ctrl-C."""
    click.echo("moor: interrupted; the figures cover the run up to then", err=True)


def check_readable(file: Path) -> None:
    """Raise UsageError before anything that takes time."""
    try:
        file.open("rb").close()
    except OSError as error:
        hint = "Check the path and the file's permissions."
        raise UsageError(f"Cannot read {file}: {error.strerror or error}.", hint=hint) from error
