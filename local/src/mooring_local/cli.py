"""`moor local` runs the local SageMaker; `moor local env` prints the variables that point clients at it."""

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
"""Timeout of the request by which `moor local env` checks that the server is running."""


def default_folder() -> Path | None:
    """The default data folder by the XDG rules; None for a user without a home folder."""
    data = user_data()
    return data / "local" if data is not None else None


_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Folder for objects, logs and state.  [default: ~/.local/share/mooring/local]",
)
_port = click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port of the server.  [default: 4567]")
_host = click.option("--host", metavar="ADDRESS", help="Address of the server.  [default: 127.0.0.1]")


@click.group("local", short_help="Run a local SageMaker emulator.", invoke_without_command=True)
@_port
@_host
@_data
@click.option("--instant", is_flag=True, help="No simulated delays; the same as --time-scale 0.")
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 10),
    metavar="X",
    help="Fraction of SageMaker's real delays to simulate.  [default: 0.003]",
)
@click.option(
    "--engine",
    type=click.Choice(["none", "docker"]),
    default="none",
    help="Docker or Podman, to run containers of any image; none runs Mooring as processes.  [default: none]",
)
@click.option("--instances", is_flag=True, help="Start every instance of a variant, up to 8, not just one.")
@click.option("--expose", is_flag=True, help="Allow a --host that other machines can reach. They can run code here.")
@setting_options("log_level", "log_format")
@click.pass_context
def command(ctx: click.Context, /, **flags: Any) -> None:
    """Run a local SageMaker emulator at http://127.0.0.1:4567: endpoints, batch transform, S3 and what the SDKs need.

    boto3, the SageMaker SDK and `moor deploy` work with it unchanged, without an AWS account or a network:

    \b
        moor local &
        eval "$(moor local env)"

    `moor local env --help` explains the variables. Ctrl-C stops the server and everything it runs. What you created
    stays in the data folder, and endpoints start again with the next run.
    """
    if ctx.invoked_subcommand is None:
        _serve(flags)


def _serve(flags: dict[str, Any]) -> None:
    from mooring.cli.options import settings_from
    from mooring.observe.logs import configure_logs
    from mooring_local.fleet.phases import DEFAULT_SCALE
    from mooring_local.server import LocalSageMaker, Options

    # Only these two: this command's --host and --port are not the settings of those names.
    settings = settings_from({name: flags[name] for name in ("log_level", "log_format")})
    configure_logs(settings.log_level, settings.log_format)
    if flags["instant"] and flags["time_scale"] is not None:
        raise UsageError("--instant conflicts with --time-scale.", hint="Pass only one of them.")
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
    """Print the addresses and the command that configures clients. A closed stdout is not an error."""
    line = " ".join(["moor local env", *_named(url, options)])
    runs = {"none": "processes of this installation", "docker": "containers of any image"}[options.engine]
    rows = [
        ("address", f"{url}, for boto3, the SageMaker SDK, the AWS CLI and moor deploy"),
        ("endpoints", f"{runs}, delays at {options.time_scale:g} of SageMaker's own"),
        ("data", str(options.data)),
        ("page", f"{url}/_mooring/"),
        ("try", f'eval "$({line})" && aws sagemaker list-endpoints'),
    ]
    with contextlib.suppress(OSError):
        click.echo(click.style(f"Mooring {mooring.__version__}", bold=True) + " is ready: local SageMaker emulator.")
        for label, value in rows:
            head, comma, rest = (value, "", "") if label == "try" else value.partition(", ")
            click.echo(f"  {click.style(f'{label:<10}', dim=True)} {click.style(head, bold=True)}{comma}{rest}")
        if sys.stdout.isatty():
            click.echo(click.style("  Press Ctrl-C to stop.", dim=True))
        sys.stdout.flush()


def _named(url: str, options: Any) -> list[str]:
    """The options that `moor local env` needs for this server, quoted for a shell."""
    host, port = _parted(url)
    named = [] if host == DEFAULT_HOST else [f"--host {host}"]
    named += [] if port == DEFAULT_PORT else [f"--port {port}"]
    return named + ([] if options.data == default_folder() else [f"--data {_quoted(str(options.data))}"])


def _parted(url: str) -> tuple[str, int]:
    """Host and port of a URL made by `Address.url`."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


@command.command("env", short_help="Print the environment variables for clients.")
@_port
@_host
@_data
@click.option("--region", default="us-east-1", metavar="NAME", help="AWS region for clients.  [default: us-east-1]")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of shell commands.")
@click.pass_context
def env(ctx: click.Context, /, region: str, as_json: bool, **where: Any) -> None:
    """Print shell commands that point boto3, the AWS CLI and the SageMaker SDK at the local SageMaker.

    \b
        eval "$(moor local env)"

    Also writes a configuration file for the SageMaker SDK into the data folder. It sets a default bucket and role, so
    that the SDK does not call the real STS.
    """
    from mooring.web.listen import Address
    from mooring_local.surroundings import LEFT_OVER, variables, write_sdk_configuration

    # `moor local --port 5000 env` means the same as `moor local env --port 5000`.
    before = ctx.parent.params if ctx.parent is not None else {}
    given = {name: before.get(name) if value is None else value for name, value in where.items()}
    host = DEFAULT_HOST if given["host"] is None else str(given["host"])
    port = DEFAULT_PORT if given["port"] is None else int(given["port"])
    if port == 0:
        raise UsageError("Clients cannot connect to --port 0.", hint="Pass the port that `moor local` printed.")
    url = Address(host).url(port)
    if not _answers(url):
        click.echo(f"# No local SageMaker is running at {url}. Start one: moor local --port {port}", err=True)
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
            "No data folder: HOME is not set, and this user has no home folder.",
            hint="Choose one with --data FOLDER.",
        )
    return folder.absolute()


def _answers(url: str) -> bool:
    """Whether a local SageMaker, and not some other program, listens at that address."""
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
