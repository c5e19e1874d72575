"""`moor local`: a SageMaker on this machine until it is told to stop; `moor local env`: what leads programs to it."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

import mooring
from mooring.cli.options import setting_options
from mooring.errors import UsageError
from mooring.settings.places import user_data

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 4567
ASK_S = 0.5
"""How long `moor local env` waits for an answer from the server that it describes."""


def default_folder() -> Path | None:
    """Where the XDG rules put a program's data; None for a user without a home."""
    data = user_data()
    return data / "local" if data is not None else None


_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="What it keeps.  [default: ~/.local/share/mooring/local]",
)
_port = click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="[default: 4567]")
_host = click.option("--host", metavar="ADDRESS", help="[default: 127.0.0.1]")


@click.group("local", short_help="Run a SageMaker on this machine.", invoke_without_command=True)
@_port
@_host
@_data
@click.option("--instant", is_flag=True, help="Wait for nothing but the model itself. Short for --time-scale 0.")
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 10),
    metavar="X",
    help="Of the time that the real platform takes over its phases, wait this part.  [default: 0.003]",
)
@click.option(
    "--engine",
    type=click.Choice(["none", "docker"]),
    default="none",
    help="What runs endpoints: processes of this installation, or containers of any image.  [default: none]",
)
@click.option("--instances", is_flag=True, help="Run as many of an endpoint as it asks for, up to 8; else one for all.")
@click.option("--expose", is_flag=True, help="Allow a --host that others can reach. They can run code here, then.")
@setting_options("log_level", "log_format")
@click.pass_context
def command(ctx: click.Context, /, **flags: Any) -> None:
    """Run a SageMaker at http://127.0.0.1:4567: endpoints, batch jobs, S3 and what the SDKs ask on the way.

    boto3, the SageMaker SDK and `moor deploy` work against it unchanged, with no account and no network:

    \b
        moor local &
        eval "$(moor local env)"

    `moor local env --help` says which variables those are. Ctrl-C ends it and everything that it runs; what was
    created is kept in the data folder, and endpoints come back at the next start.
    """
    if ctx.invoked_subcommand is None:
        _serve(flags)


def _serve(flags: dict[str, Any]) -> None:
    from mooring.cli.options import settings_from
    from mooring.observe.logs import configure_logs
    from mooring_local.fleet.phases import DEFAULT_SCALE
    from mooring_local.server import LocalSageMaker, Options

    # Not all of them: the server's --host and --port are no flags of this command.
    settings = settings_from({name: flags[name] for name in ("log_level", "log_format")})
    configure_logs(settings.log_level, settings.log_format)
    if flags["instant"] and flags["time_scale"] is not None:
        raise UsageError("--instant and --time-scale contradict each other.", hint="Leave one of them out.")
    scale = DEFAULT_SCALE if flags["time_scale"] is None else flags["time_scale"]
    options = Options(
        data=_folder(flags["data"]),
        host=DEFAULT_HOST if flags["host"] is None else flags["host"],
        port=DEFAULT_PORT if flags["port"] is None else flags["port"],
        time_scale=0.0 if flags["instant"] else scale,
        engine=flags["engine"],
        all_instances=flags["instances"],
        exposed=flags["expose"],
    )
    LocalSageMaker(options).run(lambda url: _banner(url, options))


def _banner(url: str, options: Any) -> None:
    """What it is, where, and the line that leads programs to it. A stdout that takes nothing is no reason to end."""
    line = " ".join(["moor local env", *_named(url, options)])
    runs = {"none": "processes of this installation", "docker": "containers of any image"}[options.engine]
    rows = [
        ("address", f"{url}, for boto3, the SageMaker SDK, the AWS CLI and moor deploy"),
        ("endpoints", f"{runs}, phases at {options.time_scale:g} of the real platform's time"),
        ("data", str(options.data)),
        ("page", f"{url}/_mooring/"),
        ("try", f'eval "$({line})" && aws sagemaker list-endpoints'),
    ]
    with contextlib.suppress(OSError):
        click.echo(click.style(f"Mooring {mooring.__version__}", bold=True) + " is ready: a SageMaker on this machine.")
        for label, value in rows:
            head, comma, rest = (value, "", "") if label == "try" else value.partition(", ")
            click.echo(f"  {click.style(f'{label:<10}', dim=True)} {click.style(head, bold=True)}{comma}{rest}")
        if sys.stdout.isatty():
            click.echo(click.style("  Ctrl-C ends it.", dim=True))
        sys.stdout.flush()


def _named(url: str, options: Any) -> list[str]:
    """What `moor local env` has to be told, as a shell takes it."""
    host, port = _parted(url)
    named = [] if host == DEFAULT_HOST else [f"--host {host}"]
    named += [] if port == DEFAULT_PORT else [f"--port {port}"]
    return named + ([] if options.data == default_folder() else [f"--data {_quoted(str(options.data))}"])


def _parted(url: str) -> tuple[str, int]:
    """Host and port of an address that we wrote ourselves."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


@command.command("env", short_help="Print the variables that lead programs to it.")
@_port
@_host
@_data
@click.option("--region", default="us-east-1", metavar="NAME", help="[default: us-east-1]")
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of shell commands.")
@click.pass_context
def env(ctx: click.Context, /, region: str, as_json: bool, **where: Any) -> None:
    """Print shell commands that point boto3, the AWS CLI and the SageMaker SDK at the local SageMaker.

    \b
        eval "$(moor local env)"

    Writes the SageMaker SDK's own configuration file into the data folder, too: with a default bucket and a default
    role in it, the SDK asks no fixed address of the real STS.
    """
    from mooring.web.listen import Address
    from mooring_local.surroundings import LEFT_OVER, variables, write_sdk_configuration

    # `moor local --port 5000 env` means the same as `moor local env --port 5000`.
    before = ctx.parent.params if ctx.parent is not None else {}
    given = {name: before.get(name) if value is None else value for name, value in where.items()}
    host = DEFAULT_HOST if given["host"] is None else str(given["host"])
    port = DEFAULT_PORT if given["port"] is None else int(given["port"])
    if port == 0:
        raise UsageError("0 is no port that a program could be led to.", hint="Give the one that `moor local` printed.")
    url = Address(host).url(port)
    if not _answers(url):
        click.echo(f"# No local SageMaker answers at {url}. Start one: moor local --port {port}", err=True)
    configuration = write_sdk_configuration(_folder(given["data"]), region)
    exports = variables(url, region, configuration)
    if as_json:
        click.echo(json.dumps(exports, indent=2))
        return
    left = [name for name in os.environ if name in LEFT_OVER or name.startswith("AWS_ENDPOINT_URL_")]
    click.echo("".join(f"unset {name}\n" for name in sorted(left)), nl=False)
    for name, value in exports.items():
        click.echo(f"export {name}={_quoted(value)}")


def _folder(given: Path | None) -> Path:
    folder = given or default_folder()
    if folder is None:
        raise UsageError(
            "There is no folder to keep data in: HOME is not set, and this user has no home folder.",
            hint="Name one: --data FOLDER.",
        )
    return folder.absolute()


def _answers(url: str) -> bool:
    """Whether a local SageMaker is there; another program at that port is not one."""
    import http.client

    connection = http.client.HTTPConnection(*_parted(url), timeout=ASK_S)
    try:
        connection.request("POST", "/", b"{}", {"X-Amz-Target": "SageMaker.ListEndpoints"})
        return b'"Endpoints"' in connection.getresponse().read(65536)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _quoted(value: str) -> str:
    import shlex

    return shlex.quote(value)
