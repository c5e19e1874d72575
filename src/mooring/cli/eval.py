"""`moor eval FILE`: score a model, here or at a running server, on labelled examples with its task's metric."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.border import FAILED, INTERRUPTED
from mooring.cli.eval_examples import Wanted
from mooring.cli.facts import of_model, served_line, titled
from mooring.cli.opening import check_readable, cut_short, no_model_here, opened_model, warn, warn_of_no_answer
from mooring.cli.options import MODEL_OPTIONS, given_parameters, parameter_options, setting_options, settings_from
from mooring.cli.progress import counting_bar
from mooring.cli.run_request import route_of
from mooring.cli.streams import write_json
from mooring.errors import BenchError, ClientError, RequestError, UsageError
from mooring.settings import Settings

if TYPE_CHECKING:
    from mooring.quality.examples import Example
    from mooring.tasks.base import TaskSpec

GIVE_UP_AFTER = 3
"""Consecutive examples without an answer after which a client stops: the server is gone."""


@dataclass(slots=True)
class Judged:
    """The answers to the examples."""

    model: Mapping[str, Any]
    """Facts of the model that answered."""
    task: "TaskSpec"
    answers: list[object] = field(default_factory=list)
    """In the order of the examples; None for one that was not answered, which counts as wrong."""
    seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)
    """Number of unanswered examples by error."""
    interrupted: bool = False


@dataclass(slots=True)
class _Asked:
    """A server's answers."""

    answers: dict[int, Any] = field(default_factory=dict)
    """By the example's index: the decoded answer, or the ClientError."""
    seconds: float = 0.0
    interrupted: bool = False


@click.command("eval", short_help="Evaluate a model on labeled examples.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-m", "--model", metavar="MODEL", help="Folder, .tar.gz or Hub id.  [default: the embedded model]")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of examples, spread evenly over FILE.  [default: all]",
)
@click.option("--url", metavar="URL", help="Server to evaluate, instead of loading a model.")
@click.option("--clients", type=click.IntRange(1, 4096), metavar="N", help="Concurrent clients of --url.  [default: 8]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write the answers to, by question id, as SQuAD's evaluation script reads them.",
)
@parameter_options
@setting_options(*MODEL_OPTIONS, "task")
@click.pass_context
def command(ctx: click.Context, /, file: Path, url: str | None, clients: int | None, **flags: Any) -> None:
    """Send every example in FILE to the model and compare its answers with the labels.

    The model's task decides on the format of FILE and on the figures. Question answering: SQuAD 1.1 or 2.0; exact match
    and F1 as defined in the SQuAD paper. Other tasks: JSON Lines or CSV, see docs/tasks.md. Ctrl-C shows the result so
    far.
    """
    limit, as_json, predictions = (flags.pop(name) for name in ("limit", "as_json", "predictions"))
    parameters = given_parameters(flags)
    if url:
        no_model_here(flags)
    elif clients is not None:
        raise UsageError("--clients has no effect without --url.", hint="Add --url URL, or leave out --clients.")
    check_readable(file)
    wanted = Wanted(file, limit, parameters, flags["task"])
    judged, examples = _at_server(url, clients or 8, wanted) if url else _here(settings_from(flags), wanted)
    if judged.interrupted and not judged.answers:
        click.echo("moor: interrupted before the first answer", err=True)
        ctx.exit(INTERRUPTED)
    answered = examples[: len(judged.answers)]
    said = [_said(judged.task, answer) for answer in judged.answers]
    if predictions is not None:
        _write(predictions, {example.id: text for example, text in zip(answered, said, strict=True)})
    labels = [example.label for example in answered]
    figures = dict(judged.task.metric.report(judged.task.metric.parts(judged.answers, labels)))
    if as_json:
        write_json(_as_json(file, len(examples), figures, judged), indent=2)
    else:
        _show(len(examples), figures, judged)
    if judged.interrupted:
        cut_short()
    if judged.interrupted or judged.errors:
        ctx.exit(INTERRUPTED if judged.interrupted else FAILED)


def _here(settings: Settings, wanted: Wanted) -> tuple[Judged, Sequence["Example"]]:
    with opened_model(settings) as opened:
        facts = {name: opened.info[name] for name in ("model", "backend") if name in opened.info}
        task, examples = wanted.read(facts)
        warn_of_no_answer(wanted.parameters, facts.get("model"))
        judged = Judged(facts, task)
        with counting_bar("Asking", len(examples)) as show:
            began = time.perf_counter()
            try:
                for answer in opened.map(map(wanted.call, examples), task=task.name, errors=True):
                    refused = isinstance(answer, RequestError)
                    judged.answers.append(None if refused else answer)
                    if refused:
                        judged.errors[type(answer).__name__] = judged.errors.get(type(answer).__name__, 0) + 1
                        warn(f"example {examples[len(judged.answers) - 1].id}: {answer}")
                    show(len(judged.answers))
            except KeyboardInterrupt:
                judged.interrupted = True
            judged.seconds = time.perf_counter() - began
    return judged, examples


def _at_server(url: str, clients: int, wanted: Wanted) -> tuple[Judged, Sequence["Example"]]:
    from mooring.client import Client

    with Client(url) as client:
        facts = {"url": client.target.url, **of_model(client.info(), client.target.model)}
    task, examples = wanted.read(facts)
    warn_of_no_answer(wanted.parameters, facts.get("model"))
    wanted = replace(wanted, route=route_of(task.name, facts))
    with counting_bar("Asking", len(examples)) as show:
        asked = asyncio.run(_ask_all(url, clients, wanted, examples, show))
    refused = [error for error in asked.answers.values() if isinstance(error, ClientError)]
    errors = Counter(str(error.status or error.reason) for error in refused)
    if refused and len(refused) == len(asked.answers):
        what = ", ".join(f"{count:,} × {error}" for error, count in errors.items())
        hint = refused[0].reason if refused[0].status else ""
        raise BenchError(f"{facts['url']} did not answer any question: {what}.", hint=hint)
    said = {place: None if isinstance(answer, ClientError) else answer for place, answer in asked.answers.items()}
    # After Ctrl-C, questions in flight have no answer. Only those before the first of them count.
    complete = next((place for place in range(len(examples)) if place not in said), len(examples))
    answers = [said[place] for place in range(complete)]
    return Judged(facts, task, answers, asked.seconds, dict(errors), asked.interrupted), examples


async def _ask_all(
    url: str, clients: int, wanted: Wanted, examples: Sequence["Example"], show: Callable[[int], None]
) -> _Asked:
    """Ask every example once, `clients` at a time, until Ctrl-C. Raises ClientError for an answer that is not JSON."""
    from mooring.client import AsyncClient

    asked, waiting = _Asked(), iter(enumerate(examples))

    async def work(client: AsyncClient) -> None:
        lost = 0
        for place, example in waiting:
            try:
                asked.answers[place] = await client.ask(example.body, wanted.given(example), task=wanted.route)
                lost = 0
            except ClientError as error:
                if error.status == 200:
                    raise
                asked.answers[place] = error
                lost = 0 if error.status else lost + 1
            show(len(asked.answers))
            if lost == GIVE_UP_AFTER:
                break

    began = time.perf_counter()
    async with AsyncClient(url, connections=clients) as client:
        workers = [asyncio.ensure_future(work(client)) for _ in range(min(clients, len(examples)))]
        try:
            await asyncio.gather(*workers)
        except asyncio.CancelledError:  # asyncio's form of Ctrl-C; keep the answers so far
            asked.interrupted = True
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    asked.seconds = time.perf_counter() - began
    return asked


def _said(task: "TaskSpec", answer: object) -> str:
    """The text of an answer. Raises BenchError if it has an unexpected shape: the server may not be Mooring."""
    try:
        return "" if answer is None else task.metric.said(answer)
    except ValueError as error:
        hint = f"Check that the server's task is {task.name}."
        raise BenchError(f"An answer has an unexpected shape: {error}.", hint=hint) from error


def _write(path: Path, predictions: dict[str, str]) -> None:
    try:
        path.write_text(json.dumps(predictions, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise BenchError(f"Cannot write {path}: {error.strerror or error}.") from error


def _as_json(file: Path, asked: int, figures: Mapping[str, float], judged: Judged) -> dict[str, Any]:
    return {
        "file": file.name,
        **{name: round(value, 4) for name, value in figures.items()},
        "questions": len(judged.answers),
        "asked": asked,
        "seconds": round(judged.seconds, 2),
        "per_second": round(_speed(judged), 1),
        "errors": judged.errors,
        "interrupted": judged.interrupted,
        "model": dict(judged.model),
    }


def _speed(judged: Judged) -> float:
    return len(judged.answers) / judged.seconds if judged.seconds else 0.0


def _show(asked: int, figures: Mapping[str, float], judged: Judged) -> None:
    answered = len(judged.answers)
    count = f"{answered:,}" + (f" of {asked:,}" if answered != asked else "")
    lines = [
        *((titled(name), f"{value:.2f}") for name, value in figures.items()),
        ("questions", f"{count} in {judged.seconds:.1f} s, {_speed(judged):.1f} per second"),
        ("model", served_line(judged.model)),
    ]
    if judged.errors:
        failed = ", ".join(f"{number:,} × {what}" for what, number in judged.errors.items())
        lines.append(("not answered", f"{failed} (counted as wrong)"))
    for name, value in lines:
        click.echo(f"{name:<13}{value}")
