"""Shared by the SageMaker commands: progress on stderr, the AWS session, and the options that locate the account."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from mooring.errors import EndpointFailed

if TYPE_CHECKING:
    from mooring.deploy.narrator import Narrator
    from mooring.deploy.session import Session


@contextmanager
def narrated(*, quiet: bool = False) -> Iterator["Narrator"]:
    """Yields a narrator: a spinner on a terminal, else a line per step. `quiet` leaves only the notes."""
    from mooring.deploy.narrator import Lines

    if quiet:
        yield _Notes()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        steps = _Steps()
        try:
            yield steps
        finally:
            steps.close()


def show_log(error: EndpointFailed) -> None:
    """Print the end of the container's log on stderr."""
    for line in error.log:
        click.echo(click.style(f"  │ {line}", dim=True), err=True)


class _Notes:
    """Prints notes only."""

    def begin(self, title: str) -> None: ...

    def detail(self, text: str) -> None: ...

    def end(self, note: str = "") -> None: ...

    def note(self, text: str) -> None:
        """Print a line; a closed stderr is ignored."""
        with suppress(BrokenPipeError):
            click.echo(f"moor: {text}", err=True)


class _Steps:
    """A spinner with the step, its state and its duration so far."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status: Any = None
        self._title = ""
        self._began = 0.0

    def begin(self, title: str) -> None:
        """Start the spinner."""
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self.close()
        self._title, self._began = title, time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._status = Progress(*columns, console=self._console, transient=True)
        self._status.start()
        self._status.add_task(title, total=None)

    def detail(self, text: str) -> None:
        """Show `text` beside the title."""
        if self._status is not None:
            self._status.update(self._status.tasks[0].id, description=f"{self._title}: {text}")

    def end(self, note: str = "") -> None:
        """Stop, and print the step with its duration."""
        self.close()
        self._line("✓", "green", f"{self._title}{f', {note}' if note else ''}", time.monotonic() - self._began)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._line("!", "yellow", text)

    def close(self) -> None:
        """Stop the spinner."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, sign: str, colour: str, text: str, seconds: float | None = None) -> None:
        from rich.text import Text

        line = Text.assemble("  ", (sign, colour), f" {text}")
        if seconds is not None:
            line.append(f"  {seconds:.1f} s", "dim")
        self._console.print(line)


def place_options(function: Any) -> Any:
    """A decorator that adds --region, --profile and --endpoint-url."""
    options = (
        click.option("--region", metavar="NAME", help="AWS region.  [default: from the AWS configuration]"),
        click.option("--profile", metavar="NAME", help="AWS profile.  [default: from the AWS configuration]"),
        click.option("--endpoint-url", metavar="URL", help="SageMaker address, such as that of `moor local`."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def opened_session(flags: dict[str, Any]) -> "Session":
    """The session for the flags of `place_options`, which are removed from `flags`."""
    from mooring.deploy.session import Place, Session

    return Session(Place(flags.pop("region"), flags.pop("profile"), flags.pop("endpoint_url")))


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """Parse KEY=VALUE arguments. Raises BadParameter for one without a key."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE.", param_hint=option)
        found[key] = value
    return found
