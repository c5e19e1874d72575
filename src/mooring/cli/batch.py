"""`moor batch INPUT OUTPUT`: answer every record of a corpus, in this process or on a Ray cluster."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.batch_output import Meter, meter, show
from mooring.cli.border import FAILED, INTERRUPTED
from mooring.cli.opening import opened_model, warn
from mooring.cli.options import MODEL_OPTIONS, setting_options, settings_from
from mooring.cli.run_request import read_parameters
from mooring.errors import UsageError, echo
from mooring.settings import Settings

if TYPE_CHECKING:
    from mooring.batch.job import Summary
    from mooring.batch.plan import Order

SHARD_ROWS = 1000
ENGINES = ("local", "ray")
RAY_FLAGS = ("address", "actors")


@click.command("batch", short_help="Answer a whole corpus of files, resumably.")
@click.argument("source", metavar="INPUT")
@click.argument("output", metavar="OUTPUT")
@click.option("-m", "--model", metavar="MODEL", help="Folder, .tar.gz or Hub id.  [default: the embedded model]")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="ARGUMENT=COLUMN",
    help="Column of an argument of the task, if its name differs; repeatable.",
)
@click.option(
    "-p", "--parameter", "given", multiple=True, metavar="KEY=VALUE", help="Parameter of the task; repeatable."
)
@click.option(
    "--format",
    "write",
    type=click.Choice(["jsonl", "parquet"]),
    help="Format of the output.  [default: as INPUT; jsonl for CSV]",
)
@click.option(
    "--shard-rows",
    type=click.IntRange(min=1),
    default=SHARD_ROWS,
    show_default=True,
    metavar="N",
    help="Records per part of the output.",
)
@click.option(
    "--max-errors",
    type=click.IntRange(min=0),
    metavar="N",
    help="Maximum number of records with errors; above it the run stops.  [default: no limit]",
)
@click.option(
    "--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="This process, or a Ray cluster."
)
@click.option("--address", metavar="ADDRESS", help="Ray cluster to use.  [default: one on this machine]")
@click.option(
    "--actors",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes on Ray, each with the model and its share of the cores.  [default: one per machine]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@setting_options(*MODEL_OPTIONS, "task")
@click.pass_context
def command(ctx: click.Context, /, **flags: Any) -> None:
    """Answer every record of INPUT and write the answers to the folder OUTPUT.

    INPUT is a file, a folder or a quoted pattern of JSON Lines, CSV or Parquet, on disk or in S3. Columns named like
    the arguments of the task (question, context; text; …) are sent to the model, and the others are copied to the
    output. A record that cannot be answered has an error instead of an answer.

    Run the same command again to continue a job that was stopped or killed. Ctrl-C finishes the parts in progress.

    \b
    moor batch questions.jsonl answers
    moor batch 'reviews/*.csv' labels -m ./sst2 --map text=body
    moor batch s3://bucket/texts/ s3://bucket/vectors/ -m ./minilm --engine ray --address auto
    """
    from mooring.batch.plan import Order

    for name in RAY_FLAGS:
        if flags[name] is not None and flags["engine"] != "ray":
            raise UsageError(f"--{name} has no effect with --engine local.", hint="Add --engine ray, or leave it out.")
    as_json = flags.pop("as_json")
    ray = {name: flags.pop(name) for name in ("engine", *RAY_FLAGS)}
    order = Order(
        flags.pop("source"),
        flags.pop("output"),
        read_columns(flags.pop("columns")),
        read_parameters(flags.pop("given")),
        flags.pop("write"),
        flags.pop("shard_rows"),
    )
    max_errors = flags.pop("max_errors")
    with stopped_gently() as stop:
        summary, facts = _answered(order, settings_from(flags), max_errors, ray, stop)
    show(order.output, summary, facts, as_json=as_json, max_errors=max_errors)
    code = exit_code(summary, max_errors, interrupted=bool(stop))
    if code:
        ctx.exit(code)


def read_columns(given: Sequence[str]) -> dict[str, str]:
    """Columns from ARGUMENT=COLUMN. Raises UsageError."""
    found: dict[str, str] = {}
    for one in given:
        argument, equals, column = (part.strip() for part in one.partition("="))
        if not argument or not equals or not column:
            raise UsageError(
                f"Invalid --map {echo(one)}.", hint="Write --map ARGUMENT=COLUMN, such as --map question=q."
            )
        if argument in found:
            raise UsageError(f"--map names a column for {argument} twice.", hint="Leave out one of them.")
        found[argument] = column
    return found


def _answered(
    order: "Order", settings: Settings, max_errors: int | None, ray: dict[str, Any], stop: list[int]
) -> tuple["Summary", Mapping[str, Any]]:
    """Carry out the order. Returns the facts of the model as in `/info`, too."""
    from mooring.batch.job import Watch, run
    from mooring.batch.local import Local
    from mooring.batch.needs import need
    from mooring.batch.plan import find, manifest_of

    if ray["engine"] == "ray":
        need("ray", "ray", "--engine ray")
        from mooring.batch.cluster import check_address

        check_address(ray["address"])
    found = find(order)
    with ExitStack() as stack:
        stack.enter_context(found.output.reserved())
        model = stack.enter_context(opening := ExitStack()).enter_context(opened_model(settings))
        facts = dict(model.info)
        manifest = manifest_of(order, found, model)
        done = sum(one.records for one in manifest.done.values())
        shown: Meter = stack.enter_context(meter(manifest.records, done))
        watch = Watch(max_errors, lambda: bool(stop), warn)
        if ray["engine"] == "local":
            return run(manifest, found.output, Local(model, shown.advance), watch), facts
        opening.close()
        from mooring.batch.cluster import Cluster

        engine = Cluster(settings, ray["address"], ray["actors"], shown.advance)
        return run(manifest, found.output, engine, watch), facts


def exit_code(summary: "Summary", max_errors: int | None, *, interrupted: bool) -> int:
    """130 after Ctrl-C; 1 if records are not answered yet, none could be, or too many could not."""
    if interrupted and summary.left:
        return INTERRUPTED
    errors, records = summary.total.errors, summary.total.records
    over = max_errors is not None and errors > max_errors
    return FAILED if summary.left or over or errors == records else 0


@contextmanager
def stopped_gently() -> Iterator[list[int]]:
    """Yields a list that the first Ctrl-C makes true. The second one interrupts."""
    stop: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if stop:
            signal.default_int_handler(number, frame)
        stop.append(number)
        click.echo("moor: finishing the parts in progress; press Ctrl-C again to stop now", err=True)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
