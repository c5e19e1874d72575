"""`moor ask QUESTION`: answer one question from a text, with a model in this process or at a running server."""

from typing import Any

import click

from mooring.cli.facts import of_model
from mooring.cli.opening import no_model_here, opened_model, warn_of_no_answer
from mooring.cli.options import MODEL_OPTIONS, given_parameters, parameter_options, setting_options, settings_from
from mooring.cli.passage import excerpt, low_score, printable, read_context
from mooring.cli.streams import write_json
from mooring.errors import BenchError, UsageError, echo
from mooring.settings import Settings

TASK = "question-answering"


@click.command("ask", short_help="Answer one question from a text.")
@click.argument("question")
@click.option("-c", "--context", metavar="FILE", help="Text file to answer from; - for stdin.")
@click.option("-m", "--model", metavar="MODEL", help="Folder, .tar.gz or Hub id.  [default: the embedded model]")
@click.option("--url", metavar="URL", help="Server to ask, instead of loading a model.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, as a server would send it.")
@click.option("--top-k", type=int, metavar="N", help="Number of answers.  [default: 1]")
@parameter_options
@setting_options(*MODEL_OPTIONS)
def command(question: str, context: str | None, url: str | None, **flags: Any) -> None:
    """Answer QUESTION from the text in --context.

    moor ask "Who wrote it?" --context letter.txt
    """
    as_json = flags.pop("as_json")
    top_k = flags.pop("top_k")
    parameters = given_parameters(flags) | ({} if top_k is None else {"top_k": top_k})
    if url:
        no_model_here(flags)
    settings = settings_from(flags)
    text = read_context(context)
    inputs = {"question": question, "context": text}
    answer = _remote(url, inputs, parameters) if url else _local(settings, inputs, parameters)
    if as_json:
        write_json(answer)
    else:
        _show(text, _checked(answer))


def _checked(answer: object) -> list[dict[str, Any]]:
    """The answers. Raises BenchError if one has an unexpected shape: the server may not be Mooring."""
    answers: list[Any] = answer if isinstance(answer, list) and answer else [answer]
    kinds: dict[str, Any] = {"answer": str, "start": int, "end": int, "score": (int, float)}
    for one in answers:
        if not isinstance(one, dict) or not all(isinstance(one.get(key), kind) for key, kind in kinds.items()):
            raise BenchError(
                f"Expected an answer with the fields answer, start, end and score, got {echo(one)}.",
                hint="Check that the model answers questions. --json prints its output as it is.",
            )
    return answers


def _remote(url: str, inputs: dict[str, str], parameters: dict[str, object]) -> object:
    from mooring.client import Client

    with Client(url) as client:
        if parameters.get("handle_impossible_answer"):
            warn_of_no_answer(parameters, of_model(client.info(), client.target.model).get("model"))
        return client.ask(inputs, parameters)


def _local(settings: Settings, inputs: dict[str, str], parameters: dict[str, object]) -> object:
    with opened_model(settings) as opened:
        task = opened.info["model"].get("task")
        if task not in (None, TASK):
            raise UsageError(
                f"The model's task is {task}; moor ask needs {TASK}.",
                hint="Use moor run, which runs any task.",
            )
        warn_of_no_answer(parameters, opened.info.get("model"))
        return opened(inputs, task=TASK if task else None, **parameters)


def _show(context: str, answers: list[Any]) -> None:
    """Print each answer with its score and its place in the context."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for number, one in enumerate(answers):
        start, end, score = one["start"], one["end"], one["score"]
        if number:
            console.print()
        label = f"{number + 1}. " if len(answers) > 1 else ""
        if not one["answer"]:
            console.print(f"{label}[bold]No answer in this text[/]  [dim]score {score:.3f}[/]")
            continue
        said = Text(printable(one["answer"]).strip(), "bold green")
        console.print(Text(label) + said + Text(f"  score {score:.3f}, characters {start} to {end}", "dim"))
        shown = excerpt(context, start, end)
        mark = Text(shown.answer, "bold green underline")
        if not console.is_terminal:
            mark = Text(f"«{shown.answer}»")
        console.print(Text(f"   {shown.before}") + mark + Text(shown.after))
        note = low_score(score, "" if len(answers) > 1 else "; --top-k 3 shows them")
        if note and not number:
            console.print(Text(f"   {note}", "yellow"))
