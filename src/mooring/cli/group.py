"""The table of commands, those of other packages, and the click group `moor`, whose help imports none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import click

import mooring
from mooring.cli.border import State
from mooring.errors import UsageError
from mooring.spelling import nearest


@dataclass(frozen=True, slots=True)
class Entry:
    """A command's module and help, known without importing it."""

    module: str
    help: str
    attribute: str = "command"
    """Name of the click command in the module."""


COMMANDS: Mapping[str, Entry] = {
    "serve": Entry("mooring.cli.serve", "Serve a model over HTTP."),
    "run": Entry("mooring.cli.run", "Run a model on texts: any task."),
    "ask": Entry("mooring.cli.ask", "Answer one question from a text."),
    "eval": Entry("mooring.cli.eval", "Evaluate a model on labeled examples."),
    "batch": Entry("mooring.cli.batch", "Answer a whole corpus of files, resumably."),
    "build": Entry("mooring.cli.build", "Quantize a model and check that its accuracy holds."),
    "image": Entry("mooring.cli.image", "Build the container image from this installation."),
    "pack": Entry("mooring.cli.pack", "Pack a model into a model.tar.gz."),
    "doctor": Entry("mooring.cli.doctor", "Check a model for problems on SageMaker before uploading it."),
    "deploy": Entry("mooring.cli.deploy", "Deploy a model to a SageMaker endpoint."),
    "transform": Entry("mooring.cli.transform", "Run a batch transform job over an S3 prefix."),
    "destroy": Entry("mooring.cli.deploy", "Remove a deployment and its resources.", "destroy"),
    "bench": Entry("mooring.cli.bench", "Measure a running server under load."),
}
HIDDEN: Mapping[str, Entry] = {"worker": Entry("mooring.cli.serve", "Run a worker behind nginx.", "worker")}
"""Commands for internal use."""

GROUP = "mooring.commands"
"""Entry points of other packages' commands: the command's name, and a click command."""


@dataclass(frozen=True, slots=True)
class Package:
    """Where a command comes from, known without reading the metadata of what is installed."""

    distribution: str
    module: str
    folder: str
    """In a checkout of Mooring."""
    help: str


# Reading the entry points of an environment takes 60 ms, so `moor --help` lists what can be imported of these.
KNOWN: Mapping[str, Package] = {
    "local": Package("mooring-local", "mooring_local", "local", "Run a local SageMaker emulator."),
    "distil": Package("mooring-training", "mooring_training", "training", "Train small question-answering models."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Commands in the table's order, then those of other packages."""
        return list(_listed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        entry = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        if entry is None:
            return _load(cmd_name)
        command = getattr(import_module(entry.module), entry.attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, but suggests the nearest command for an unknown one."""
        name = args[0] if args else ""
        if args == ["help"]:
            click.echo(ctx.get_help())
            ctx.exit()
        if args and not name.startswith("-") and name not in COMMANDS and name not in HIDDEN:
            if (command := _load(name)) is not None:
                return name, command, args[1:]
            near = nearest(name, _listed(), cutoff=0.5)
            known = f"Did you mean `moor {near[0]}`?" if near else f"Commands: {', '.join(_listed())}."
            raise click.UsageError(f"Unknown command {name!r}. {known}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Use the table, since click would import every command for its help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_listed().items()))


def _listed() -> dict[str, str]:
    """Name → help of every command that is not hidden."""
    return {name: entry.help for name, entry in COMMANDS.items()} | _installed()


def _installed() -> dict[str, str]:
    """Name → help of the commands in `KNOWN` that are installed."""
    return {name: package.help for name, package in KNOWN.items() if find_spec(package.module) is not None}


def _load(name: str) -> click.Command | None:
    """Import the command; None if no package has it. Raises UsageError if its package is known and not installed."""
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        command = point.load()
        return command if isinstance(command, click.Command) else None
    if name not in KNOWN:
        return None
    from mooring.installation import package_hint

    package = KNOWN[name]
    raise UsageError(
        f"moor {name} is part of {package.distribution}, which is not installed.", hint=package_hint(package.folder)
    )


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every setting is also an environment variable: MOORING_PORT for --port. To get started, run `moor serve`.",
)
@click.version_option(mooring.__version__, prog_name="moor", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback with errors.")
@click.pass_context
def moor(ctx: click.Context, debug: bool) -> None:
    """Serve Hugging Face encoder models on CPUs: question answering and more."""
    ctx.ensure_object(State).debug |= debug
