"""The table of commands and the group `moor` made of it. `moor --help` imports none of the commands' modules."""

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
    """Where a command is and what it is for, known without importing it."""

    module: str
    """Its attribute `command` is the click command."""
    help: str


COMMANDS: Mapping[str, Entry] = {
    "serve": Entry("mooring.cli.serve", "Serve a model over HTTP."),
    "ask": Entry("mooring.cli.ask", "Answer one question from a text."),
    "eval": Entry("mooring.cli.eval", "Judge a model on a SQuAD file: exact match and F1."),
    "build": Entry("mooring.cli.build", "Make a fast model folder and prove that it still answers right."),
    "image": Entry("mooring.cli.image", "Build the container image from this installation."),
    "pack": Entry("mooring.cli.pack", "Make a model.tar.gz of a model."),
    "doctor": Entry("mooring.cli.doctor", "Find what would fail on SageMaker, before anything is uploaded."),
    "deploy": Entry("mooring.cli.deploy", "Put a model behind a SageMaker endpoint."),
    "transform": Entry("mooring.cli.transform", "Answer everything in an S3 prefix: a batch job."),
    "destroy": Entry("mooring.cli.destroy", "Remove a deployment and everything that belongs to it."),
    "bench": Entry("mooring.cli.bench", "Put a running server under load."),
}
HIDDEN: Mapping[str, Entry] = {"worker": Entry("mooring.cli.worker", "Started by `moor serve` behind nginx.")}
"""Commands that people do not call."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the table's order, which is the order of use; then those of other packages."""
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
        """As click, but an unknown command is answered with the nearest one that there is."""
        name = args[0] if args else ""
        if args == ["help"]:
            click.echo(ctx.get_help())
            ctx.exit()
        if args and not name.startswith("-") and name not in COMMANDS and name not in HIDDEN:
            if (command := packages.load(name)) is not None:
                return name, command, args[1:]
            near = nearest(name, _listed(), cutoff=0.5)
            known = f"Did you mean `moor {near[0]}`?" if near else f"There are: {', '.join(_listed())}."
            raise click.UsageError(f"There is no command {name!r}. {known}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table: click would import every command for its help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_listed().items()))


def _listed() -> dict[str, str]:
    """Name → help of every command that people call."""
    return {name: entry.help for name, entry in COMMANDS.items()} | packages.installed()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every setting is also an environment variable, MOORING_PORT for --port. `moor serve` alone is a start.",
)
@click.version_option(mooring.__version__, prog_name="moor", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.pass_context
def moor(ctx: click.Context, debug: bool) -> None:
    """Mooring answers questions from texts, with a Hugging Face model, on a CPU."""
    ctx.ensure_object(State).debug |= debug
