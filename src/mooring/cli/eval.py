"""`moor eval FILE`: a SQuAD file and a model in, exact match and F1 out; the model here or at a running server."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.border import FAILED, INTERRUPTED
from mooring.cli.facts import served_line
from mooring.cli.opening import cut_short, no_model_here, opened_model, warn
from mooring.cli.options import MODEL_OPTIONS, setting_options, settings_from
from mooring.cli.parameters import given_parameters, parameter_options
from mooring.cli.progress import counting_bar
from mooring.cli.streams import write_json
from mooring.errors import BenchError, RequestError, UsageError
from mooring.evaluate import Question, Score, read_squad, score, summarise
from mooring.settings import Settings

if TYPE_CHECKING:
    from mooring.bench.load import Run


@dataclass(slots=True)
class Judged:
    """What came of asking."""

    model: Mapping[str, Any]
    """Facts of what answered."""
    answers: list[str] = field(default_factory=list)
    """Of the first so many questions, in order."""
    seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)
    """Questions that were not answered; they count as answered with nothing."""
    interrupted: bool = False


@click.command("eval", short_help="Judge a model on a SQuAD file: exact match and F1.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-m", "--model", metavar="MODEL", help="Folder, .tar.gz or Hub id.  [default: the embedded model]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only N questions, spread evenly over the file.")
@click.option("--url", metavar="URL", help="Judge the server there instead of loading a model here.")
@click.option("--clients", type=click.IntRange(1, 4096), metavar="N", help="With --url.  [default: 8]")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the answers by question id, as SQuAD's own script reads them.",
)
@parameter_options
@setting_options(*MODEL_OPTIONS)
@click.pass_context
def command(ctx: click.Context, /, file: Path, url: str | None, clients: int | None, **flags: Any) -> None:
    """Ask every question of FILE (SQuAD 1.1 or 2.0) and compare the answers with the right ones.

    Exact match and F1 are those of the SQuAD paper, in percent. Ctrl-C shows what there is so far.
    """
    limit, as_json, predictions = (flags.pop(name) for name in ("limit", "as_json", "predictions"))
    parameters = given_parameters(flags)
    if url:
        no_model_here(flags)
    elif clients is not None:
        raise UsageError("--clients is for --url: a model that is opened here needs none.", hint="Leave it out.")
    settings = settings_from(flags)
    questions = spread(read_squad(file), limit)
    _warn_of_impossible(questions, parameters)
    judged = _at_server(url, clients or 8, questions, parameters) if url else _here(settings, questions, parameters)
    if judged.interrupted and not judged.answers:
        click.echo("moor: interrupted before the first answer", err=True)
        ctx.exit(INTERRUPTED)
    scored = list(score(questions, judged.answers))
    if predictions is not None:
        _write(predictions, {one.id: one.prediction for one in scored})
    result = summarise(scored)
    if as_json:
        write_json(_as_json(file, len(questions), result, judged), indent=2)
    else:
        _show(len(questions), result, judged)
    if judged.interrupted:
        cut_short()
    if judged.interrupted or judged.errors:
        ctx.exit(INTERRUPTED if judged.interrupted else FAILED)


def spread(questions: Sequence[Question], limit: int | None) -> Sequence[Question]:
    """`limit` questions at even distances: the first ones would all be about the file's first subject."""
    count = len(questions)
    if limit is None or limit >= count:
        return questions
    return [questions[place * count // limit] for place in range(limit)]


def _warn_of_impossible(questions: Sequence[Question], parameters: Mapping[str, object]) -> None:
    impossible = sum(question.answers == ("",) for question in questions)
    if impossible and "handle_impossible_answer" not in parameters:
        warn(f"{impossible:,} questions have no answer; --handle-impossible-answer lets the model say so.")


def _here(settings: Settings, questions: Sequence[Question], parameters: dict[str, object]) -> Judged:
    with opened_model(settings) as opened, counting_bar("Asking", len(questions)) as show:
        judged = Judged({name: opened.facts[name] for name in ("model", "backend") if name in opened.facts})
        bodies = (
            {"inputs": {"question": q.question, "context": q.context}, "parameters": dict(parameters)}
            for q in questions
        )
        began = time.perf_counter()
        try:
            for answer in opened.answers(bodies, errors=True):
                refused = isinstance(answer, RequestError)
                judged.answers.append("" if refused else text_of(answer))
                if refused:
                    judged.errors[type(answer).__name__] = judged.errors.get(type(answer).__name__, 0) + 1
                    warn(f"question {questions[len(judged.answers) - 1].id}: {answer}")
                show(len(judged.answers))
        except KeyboardInterrupt:
            judged.interrupted = True
        judged.seconds = time.perf_counter() - began
    return judged


def _at_server(url: str, clients: int, questions: Sequence[Question], parameters: dict[str, object]) -> Judged:
    from mooring.bench.load import Fleet, new_event_loop
    from mooring.bench.oneshot import decode, info
    from mooring.bench.report import figures
    from mooring.bench.target import body_of, parse_target

    target = parse_target(url)
    facts = info(target) or {}
    requests = [target.request(body_of(question.question, question.context, parameters)) for question in questions]

    async def ask(show: Any) -> "Run":
        async with Fleet(target, min(clients, len(requests))) as fleet:
            return await fleet.run(requests, keep=True, tick=show)

    with counting_bar("Asking", len(questions)) as show, asyncio.Runner(loop_factory=new_event_loop) as runner:
        run = runner.run(ask(show))
    reduced = figures(run)
    if run.samples and not reduced.statuses.get("200"):
        what = ", ".join(f"{count:,} × {error}" for error, count in reduced.errors.items())
        raise BenchError(f"{target.url} answered no question: {what}.", hint=_refusal(run))
    said = {
        sample.place: text_of(decode(target, run.bodies[sample.place])) if sample.status == 200 else ""
        for sample in run.samples
    }
    # After Ctrl-C the questions in flight have no answer: what counts is the part before the first of them.
    complete = next((place for place in range(len(questions)) if place not in said), len(questions))
    answers = [said[place] for place in range(complete)]
    return Judged({"url": target.url, **facts}, answers, run.seconds, reduced.errors, run.interrupted)


def _refusal(run: "Run") -> str:
    from mooring.bench.oneshot import server_message

    return next((message for body in run.bodies.values() if (message := server_message(body))), "")


def text_of(answer: object) -> str:
    """The best answer's text. Raises BenchError for an answer of another shape, from a server that is not ours."""
    best = answer[0] if isinstance(answer, list) and answer else answer
    text = best.get("answer") if isinstance(best, dict) else None
    if not isinstance(text, str):
        raise BenchError("An answer came back without `answer` in it.", hint="Is it a question-answering server?")
    return text


def _write(path: Path, predictions: dict[str, str]) -> None:
    try:
        path.write_text(json.dumps(predictions, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise BenchError(f"Cannot write {path}: {error.strerror or error}.") from error


def _as_json(file: Path, asked: int, result: Score, judged: Judged) -> dict[str, Any]:
    return {
        "file": file.name,
        "exact_match": round(result.exact_match, 4),
        "f1": round(result.f1, 4),
        "questions": result.questions,
        "asked": asked,
        "seconds": round(judged.seconds, 2),
        "per_second": round(_speed(result, judged), 1),
        "errors": judged.errors,
        "interrupted": judged.interrupted,
        "model": dict(judged.model),
    }


def _speed(result: Score, judged: Judged) -> float:
    return result.questions / judged.seconds if judged.seconds else 0.0


def _show(asked: int, result: Score, judged: Judged) -> None:
    count = f"{result.questions:,}" + (f" of {asked:,}" if result.questions != asked else "")
    lines = [
        ("exact match", f"{result.exact_match:.2f}"),
        ("F1", f"{result.f1:.2f}"),
        ("questions", f"{count} in {judged.seconds:.1f} s, {_speed(result, judged):.1f} a second"),
        ("model", served_line(judged.model)),
    ]
    if judged.errors:
        failed = ", ".join(f"{number:,} × {what}" for what, number in judged.errors.items())
        lines.append(("not answered", f"{failed} (counted as wrong)"))
    for name, value in lines:
        click.echo(f"{name:<13}{value}")
