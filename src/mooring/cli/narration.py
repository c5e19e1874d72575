"""Shared by the SageMaker commands: the log of a failure, the AWS session, and the options that locate the account."""

from typing import TYPE_CHECKING, Any

import click

from mooring.errors import EndpointFailed

if TYPE_CHECKING:
    from mooring.deploy.session import Session


def show_log(error: EndpointFailed) -> None:
    """Print the end of the container's log on stderr."""
    for line in error.log:
        click.echo(click.style(f"  │ {line}", dim=True), err=True)


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
