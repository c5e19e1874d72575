"""`moor distil`: train question-answering models by recipes, average and calibrate them, and measure any one.

torch is imported only by the commands that train, average or calibrate.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.options import setting_options, settings_from
from mooring.cli.progress import counting_bar, shown
from mooring.cli.streams import write_json
from mooring.errors import UsageError
from mooring_training.output import check_output, placed

if TYPE_CHECKING:
    from mooring_training.judge import Figures, Pairs
    from mooring_training.questions import Question

_FOLDER = click.Path(path_type=Path, file_okay=False)
_threads = click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="Number of CPU threads.  [default: every core]"
)
_out = click.option("-o", "--out", type=_FOLDER, required=True, metavar="FOLDER", help="Folder to write.")
_force = click.option("--force", is_flag=True, help="Replace the folder if it exists.")


@click.group("distil", short_help="Train small question-answering models.")
def command() -> None:
    """Train small question-answering models reproducibly, and judge models.

    \b
        moor distil train training/recipes/embedded.toml --data squad -o model
        moor build model -o fast --calibration squad/train-44-articles.json
    """


@command.command("train", short_help="Train a model by a recipe.")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@_out
@click.option("--data", type=_FOLDER, required=True, metavar="FOLDER", help="Folder with the recipe's data files.")
@click.option(
    "--work",
    type=_FOLDER,
    metavar="FOLDER",
    help="Folder for the checkpoint, the log and the loss curves.  [default: FOLDER.work beside --out]",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed instead of the recipe's.")
@click.option("--restart", is_flag=True, help="Start from the beginning, even if there is a checkpoint.")
@click.option(
    "--stop-after",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after this many seconds, as with Ctrl-C. Run the same command to continue.",
)
@_threads
@_force
@setting_options()
def train(recipe: Path, out: Path, data: Path, work: Path | None, **flags: Any) -> None:
    """Train the model that RECIPE describes and write it to --out: a folder as on the Hub, for moor serve and build.

    A checkpoint is written every ten minutes and on Ctrl-C. The same command continues from it. The fields of a recipe
    are described in training/README.md.
    """
    check_output(out, force=flags["force"])
    where = out.with_name(f"{out.name}.work") if work is None else work
    if flags["restart"] and where.exists():
        _remove_work(where)
    _set_threads(flags["threads"])
    from mooring_training.order import Order, carry_out

    stop = float("inf") if flags["stop_after"] is None else flags["stop_after"]
    order = Order(recipe, out, data, where, flags["seed"], stop)
    with shown(build=True) as progress:
        try:
            carry_out(order, progress)
        except KeyboardInterrupt:
            if (where / CHECKPOINT).is_file():
                progress.note(f"Checkpoint written to {where}. Run the same command to continue.")
            raise
    click.echo(f"Wrote {out}. Judge it: moor distil judge FILE --model {out}")


CHECKPOINT = "checkpoint.safetensors"
WORK_FILES = (CHECKPOINT, f"{CHECKPOINT}.partial", "log.jsonl", "loss.svg")


def _remove_work(work: Path) -> None:
    """Remove what an earlier run wrote, and nothing else."""
    for name in WORK_FILES:
        (work / name).unlink(missing_ok=True)


@command.command("average", short_help="Average the weights of models.")
@click.argument("models", nargs=-1, required=True, type=_FOLDER)
@_out
@_force
@setting_options()
def average(models: tuple[Path, ...], out: Path, force: bool) -> None:
    """Write the mean of the weights of MODELS, folders with the same architecture, to --out.

    The average of trainings from one start, or of snapshots of one training, is often better than each of them.
    """
    check_output(out, force=force)
    from mooring_training.network import average as mean
    from mooring_training.network import load_network, save_network
    from mooring_training.record import origin_of, write_record

    networks = [load_network(path) for path in models]
    with placed(out) as folder:
        save_network(mean(networks), models[0], folder)
        write_record(folder, {"average": [origin_of(path) for path in models]})
    click.echo(f"Wrote the average of {len(models)} models to {out}.")


@command.command("calibrate", short_help="Calibrate a model's scores.")
@click.argument("model", type=_FOLDER)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@_out
@click.option(
    "--temperature",
    type=click.FloatRange(min=0, min_open=True),
    metavar="T",
    help="Use this temperature, without FILES, instead of fitting one.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    metavar="SHARE",
    help="Share of the articles that the recipe held back (data.held_out).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed that selects these articles (the recipe's data.held_out_seed).",
)
@_threads
@_force
@setting_options()
def calibrate(
    model: Path, files: tuple[Path, ...], out: Path, temperature: float | None, held_out: float, **flags: Any
) -> None:
    """Fit one temperature on the articles of FILES that a recipe holds back, fold it into MODEL and write it to --out.

    For averages: a training calibrates its model itself. With --held-out 1 all articles are used. Half of the questions
    in the fit have no answer. If yours mostly have one, try temperatures with --temperature, and judge the results.
    """
    check_output(out, force=flags["force"])
    if bool(files) == (temperature is not None):
        hint = "See moor distil calibrate --help."
        raise UsageError("Provide either FILES to fit a temperature on, or --temperature.", hint=hint)
    _set_threads(flags["threads"])
    from mooring_training.order import calibrated

    questions = _questions_of(files, held_out, flags["seed"]) if files else []
    with shown(build=True) as progress:
        said = calibrated(model, questions, temperature, out, progress)
    click.echo(f"Wrote {out}: {said}.")


@command.command("judge", short_help="Judge a model on labeled questions.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-m", "--model", metavar="MODEL", help="Folder, .tar.gz or Hub id.  [default: the embedded model]")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of questions, spread evenly over FILE.  [default: all]",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Judge only the articles that a recipe with this data.held_out holds back.  [default: all articles]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the random paragraphs and, with --held-out, of the articles (the recipe's data.held_out_seed).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@setting_options("precision", "threads", "cache_dir", "offline")
def judge(file: Path, limit: int | None, held_out: float | None, **flags: Any) -> None:
    """Judge a model on FILE (SQuAD JSON): exact match, F1, calibration, and "no answer".

    "No answer" is tested with every answerable question on two other paragraphs of its article that do not contain the
    answer: a random one, and the one most similar to the question.
    """
    from mooring_training.negatives import judged_pairs
    from mooring_training.questions import spread

    seed, as_json = flags.pop("seed"), flags.pop("as_json")
    questions = _questions_of((file,), 1.0 if held_out is None else held_out, seed)
    asked = spread(questions, limit)
    found, facts = _judged(flags, asked, judged_pairs(asked, questions, seed))
    if as_json:
        write_json(
            {"file": file.name, "seed": seed, **asdict(found), "f1_lost": found.f1_lost, "model": facts}, indent=2
        )
        return
    for name, value in _rows(found):
        click.echo(f"{name:<36}{value}")
    click.echo(f"{'model':<36}{facts['name']}, {facts['precision']}")


def _judged(flags: dict[str, Any], questions: list["Question"], pairs: "Pairs") -> tuple["Figures", Mapping[str, Any]]:
    from mooring.wiring.model import open_model
    from mooring_training.judge import asker
    from mooring_training.judge import judge as run

    opened = open_model(settings_from(flags))
    try:
        if opened.manifest.task != "question-answering":
            raise UsageError(
                f"The model's task is {opened.manifest.task}; moor distil judge needs question-answering.",
                hint="moor eval judges other tasks.",
            )
        ask = asker(opened.tokenizer, opened.backend, opened.manifest.max_positions)
        with counting_bar("Asking", len(questions) + 2 * len(pairs[0])) as show:
            figures = run(questions, pairs, ask, show)
    finally:
        opened.backend.close()
    return figures, {"name": opened.manifest.name, "precision": opened.manifest.precision}


def _rows(found: "Figures") -> list[tuple[str, str]]:
    rows = [
        ("answerable questions", f"{found.answerable:,}"),
        ("exact match", f"{found.exact_match:.2f}"),
        ("F1", f"{found.f1:.2f}"),
        ('F1 with "no answer" allowed', f"{found.f1_on:.2f}, {found.f1_lost:.2f} lost"),
        ("calibration error", f"{found.calibration_error:.2f} on {found.single_window:,} questions of one window"),
    ]
    shares = [
        (f"no answer: {found.unanswerable:,} of the file", found.recognized),
        (f"no answer: {found.pairs:,} random paragraphs", found.random_recognized),
        (f"no answer: {found.pairs:,} similar paragraphs", found.hard_recognized),
    ]
    return rows + [(name, f"{share:.1f} % recognized") for name, share in shares if share is not None]


def _questions_of(files: tuple[Path, ...], held_out: float, seed: int) -> list["Question"]:
    from mooring_training.questions import hold_back, read_questions

    found = [one for file in files for one in read_questions(file)]
    return found if held_out == 1 else hold_back(found, held_out, seed)[1]


def _set_threads(threads: int | None) -> None:
    """Raise UsageError without torch, before anything that takes time."""
    try:
        import torch
    except ImportError as error:
        raise UsageError(
            f"moor distil needs PyTorch, which cannot be imported: {error}.", hint="Install it: pip install torch"
        ) from error
    if threads is not None:
        torch.set_num_threads(threads)
