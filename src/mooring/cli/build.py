"""`moor build MODEL -o OUT`: quantize a model and check its accuracy. Progress goes to stderr, the result to stdout."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli import explore
from mooring.cli.border import INTERRUPTED
from mooring.cli.build_output import report, table
from mooring.cli.options import setting_options, settings_from
from mooring.cli.progress import shown
from mooring.cli.streams import write_json

if TYPE_CHECKING:
    from mooring.build.explore import Explored
    from mooring.build.pipeline import Built, MakeTask, Order
    from mooring.build.recipe import Recipe
    from mooring.model.source import ResolvedModel
    from mooring.progress import Progress
    from mooring.settings import Settings

SETTINGS = ("task", "threads", "revision", "cache_dir", "hub_endpoint", "offline")
CODE = "run_code"


def _question_count(_context: click.Context, _parameter: click.Parameter, value: str | None) -> dict[str, int | None]:
    """Fields of `Order` for --questions: exactly N, all, or the defaults."""
    if value is None:
        return {}
    if value == "all":
        return {"questions": None}
    if value.isdecimal() and int(value) > 0:
        return {"questions": int(value), "most_questions": int(value)}
    raise click.BadParameter(f"{value!r} is not a positive whole number or 'all'.")


def _finite(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN, which fails every comparison."""
    if value is not None and math.isnan(value):
        raise click.BadParameter(f"{value} is not a number.")
    return value


def _recipe(_context: click.Context, _parameter: click.Parameter, value: str | None) -> "Recipe | None":
    from mooring.build.recipe import parse_recipe

    return None if value is None else parse_recipe(value)


@click.command("build", short_help="Quantize a model and check that its accuracy holds.")
@click.argument("model")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder to write. Optional with --explore.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "int8", "bf16", "fp32"]),
    default="auto",
    show_default=True,
    help="Precision to build. auto tries int8, mixed, then bf16 and keeps the first that passes the accuracy check.",
)
@click.option(
    "--recipe",
    callback=_recipe,
    metavar="NAME",
    help="Quantization recipe, as named in the table of --explore, such as smooth=0.8,ranges=percentile,exclude=1/16.  "
    "[default: smooth=0.95]",
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="Examples to calibrate int8 on: labeled for the task (SQuAD JSON, or docs/tasks.md), or one JSON request "
    "per line.",
)
@click.option(
    "--calibration-samples",
    type=click.IntRange(min=32),
    default=300,
    show_default=True,
    help="Number of questions to calibrate on.",
)
@click.option(
    "--judge",
    type=click.Path(path_type=Path),
    help="Questions for the accuracy check.  [default: held back from --calibration]",
)
@click.option(
    "--questions",
    callback=_question_count,
    metavar="N|all",
    help="Number of questions for the accuracy check.  [default: 2,000, then up to 8,000 while undecided]",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    callback=_finite,
    help="Largest accepted accuracy drop, in points: upper bound of the 95 % confidence interval.  [default: 0.5 F1; "
    "5 agreement without labels]",
)
@click.option("--no-gate", is_flag=True, help="Skip the accuracy check against fp32 (recorded in the manifest).")
@click.option(
    "--explore",
    is_flag=True,
    help="Build many recipes and print the accuracy, size and speed of each. With -o, write the best one.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="SVG chart to draw with --explore (needs matplotlib).",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed for the questions.")
@click.option("--force", is_flag=True, help="Replace OUT if `moor build` wrote it.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--run-code/--no-run-code",
    CODE,
    default=None,
    help="Copy the model's own code to OUT, for moor serve OUT --run-code, or leave it out.  "
    "[default: refuse a model with code]",
)
@setting_options(*SETTINGS)
def command(**options: Any) -> int:
    """Build MODEL (a folder, a .tar.gz or a Hub id) into the folder OUT, for `moor serve OUT`.

    int8 needs --calibration. Before writing the model, Mooring compares its answers with those of fp32, on questions
    not used for calibration. If the accuracy drops too much, it builds mixed precision or bf16 instead. The model's
    own code is not run.

    With --explore, many variants are built, compared on the same questions and shown in a table. Ctrl-C shows those
    that are done.
    """
    explore.check_options(options)
    quiet = options["as_json"] and not sys.stderr.isatty()
    explored, built = None, None
    with shown(quiet=quiet, build=True) as progress:
        order, make_task = _order(options, progress)
        if options["explore"]:
            explored = _explored(order, make_task, progress, options["plot"])
    if explored is not None and not options["as_json"]:
        explore.show(explored)
    interrupted = explored is not None and explored.interrupted
    if order.out is not None and not interrupted:
        with shown(quiet=quiet, build=True) as progress:
            built = _built(order, make_task, progress, explored)
    if options["as_json"]:
        write_json(_document(explored, built), indent=2)
    elif built is not None:
        from rich.console import Console

        Console().print(table(built))
    if interrupted:
        unbuilt = "; the rest was not tried" + (", and nothing was written" if order.out is not None else "")
        click.echo(f"moor: interrupted{unbuilt}", err=True)
    return INTERRUPTED if interrupted else 0


def _document(explored: "Explored | None", built: "Built | None") -> dict[str, Any]:
    """The JSON output: the build's report, or the exploration's with the build's in "built"."""
    made = report(built) if built else None
    return {**explore.report(explored), "built": made} if explored else made or {}


def _order(options: dict[str, Any], progress: "Progress") -> "tuple[Order, MakeTask]":
    # Here and not above: `moor --help` must not load numpy and OpenVINO.
    from mooring.build.pipeline import Order
    from mooring.model.source import resolve
    from mooring.wiring.model import make_task
    from mooring.wiring.source import source_options

    settings = settings_from({name: options[name] for name in (*SETTINGS, CODE)})
    progress.begin("Finding the model")
    found = resolve(options["model"], source_options(settings))
    order = Order(
        model=found,
        out=options["out"],
        precision=options["precision"],
        recipe=options["recipe"],
        calibration=options["calibration"],
        samples=options["calibration_samples"],
        judge=options["judge"],
        **options["questions"],
        max_drop=options["max_drop"],
        gate=not options["no_gate"],
        seed=options["seed"],
        force=options["force"],
        task=settings.task,
        threads=settings.threads,
        code=_code(settings, found, progress),
    )
    return order, make_task


def _code(settings: "Settings", found: "ResolvedModel", progress: "Progress") -> "dict[str, Path]":
    """The model's own code, if it is to be copied. Raises UsageError if it has code and no flag says what to do."""
    from mooring.model.code import code_files
    from mooring.wiring.handler import locate_code, refuse_unasked

    if settings.run_code is None:
        refuse_unasked(locate_code(settings, found), found)
    if not settings.run_code or found.kind not in ("folder", "archive"):
        return {}
    files = code_files(found.folder, found.top)
    if files:
        names = list(files)
        more = f" and {len(names) - 5} more files" if len(names) > 5 else ""
        progress.note(
            f"Copying the model's own code: {', '.join(names[:5])}{more}. The accuracy check does not run it. Code "
            "that loads model.safetensors itself will not find that file in the build."
        )
    return files


def _explored(order: "Order", make_task: "MakeTask", progress: "Progress", plot: Path | None) -> "Explored":
    from mooring.build.explore import explore as run
    from mooring.build.plot import draw

    explored = run(order, make_task, progress)
    if plot is not None:
        explore.write_whole(plot, draw(explored))
        progress.note(f"Wrote the chart to {plot}.")
    return explored


def _built(order: "Order", make_task: "MakeTask", progress: "Progress", explored: "Explored | None") -> "Built":
    """Write the model; after exploring, the best candidate."""
    from mooring.build.explore import order_of
    from mooring.build.pipeline import build

    return build(order_of(order, explored) if explored else order, make_task, progress)
