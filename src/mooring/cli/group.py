"""The table of commands and the click group `moor`. `moor --help` imports none of the commands' modules."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click

import mooring
from mooring.cli import packages
from mooring.cli.border import State
from mooring.spelling import nearest


@dataclass(frozen=True, slots=True)
class Entry:
    """A command's module and help, known without importing it."""

    module: str
    """Has the click command as its attribute `command`."""
    help: str


COMMANDS: Mapping[str, Entry] = {
    "serve": Entry("mooring.cli.serve", "Serve a model over HTTP."),
    "ask": Entry("mooring.cli.ask", "Answer one question from a text."),
    "eval": Entry("mooring.cli.eval", "Evaluate a model on a SQuAD file: exact match and F1."),
    "build": Entry("mooring.cli.build", "Quantize a model and check that its accuracy holds."),
    "image": Entry("mooring.cli.image", "Build the container image from this installation."),
    "pack": Entry("mooring.cli.pack", "Pack a model into a model.tar.gz."),
    "doctor": Entry("mooring.cli.doctor", "Check a model for problems on SageMaker before uploading it."),
    "deploy": Entry("mooring.cli.deploy", "Deploy a model to a SageMaker endpoint."),
    "transform": Entry("mooring.cli.transform", "Run a batch transform job over an S3 prefix."),
    "destroy": Entry("mooring.cli.destroy", "Remove a deployment and its resources."),
    "bench": Entry("mooring.cli.bench", "Measure a running server under load."),
}
HIDDEN: Mapping[str, Entry] = {"worker": Entry("mooring.cli.worker", "Run a worker behind nginx.")}
"""Commands for internal use."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Commands in the table's order, then those of other packages."""
        return list(_listed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        entry = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        if entry is None:
            return packages.load(cmd_name)
        command = import_module(entry.module).command
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
            if (command := packages.load(name)) is not None:
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
    return {name: entry.help for name, entry in COMMANDS.items()} | packages.installed()


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
