"""`moor run MODEL INPUT…`: run any task once, with a model in this process or at a running server."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from mooring.cli.facts import of_model
from mooring.cli.opening import no_model_here, opened_model
from mooring.cli.options import MODEL_OPTIONS, setting_options, settings_from
from mooring.cli.run_output import lines_of
from mooring.cli.run_request import Given, read_parameters, read_texts, request_of, route_of, task_for
from mooring.cli.streams import write_json
from mooring.errors import UsageError
from mooring.settings import Settings


@click.command("run", short_help="Run a model on texts: any task.")
@click.argument("arguments", nargs=-1, metavar="[MODEL] INPUT...")
@click.option("-m", "--model", metavar="MODEL", help="Folder, .tar.gz or Hub id, instead of the first argument.")
@click.option("--url", metavar="URL", help="Server to ask, instead of loading a model.")
@click.option(
    "--query", "--question", "query", metavar="TEXT", help="Query to rank the INPUTs for, or question to answer."
)
@click.option("--labels", metavar="A,B,…", help="Labels to choose from, with a model for zero-shot classification.")
@click.option("--pair", metavar="TEXT", help="Second text of a pair, with a model that classifies pairs.")
@click.option(
    "-p", "--parameter", "given", multiple=True, metavar="KEY=VALUE", help="Parameter of the task; repeatable."
)
@click.option("--lines", "by_line", is_flag=True, help="Read one INPUT per line of stdin.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, as a server would send it.")
@setting_options(*MODEL_OPTIONS, "task")
def command(arguments: tuple[str, ...], url: str | None, **flags: Any) -> None:
    """Run MODEL on each INPUT, a text. - reads stdin.

    The model's task decides on the answer; --task chooses one if the model offers several. Words are grouped into
    entities and all labels are shown, unless -p says otherwise.

    \b
    moor run ./sst2 "I like it."
    moor run ./bert "Paris is the [MASK] of France." -p top_k=3
    moor run ./reranker --query "Who wrote it?" "Ada wrote it." "It is raining."
    moor run ./nli "The keyboard does not work." --labels hardware,weather
    moor run ./minilm --task sentence-similarity "It is sunny." "The sun is out." "He drove home."
    moor run --url http://127.0.0.1:8080 "I like it."
    """
    as_json, by_line = flags.pop("as_json"), flags.pop("by_line")
    asked = {name: flags.pop(name) for name in ("query", "labels", "pair")}
    parameters = read_parameters(flags.pop("given"))
    if url:
        no_model_here(flags)
    elif flags["model"] is None:
        flags["model"], *rest = arguments or (None,)
        arguments = tuple(rest)
        if flags["model"] in (None, "-"):
            raise UsageError(
                "No model was given.",
                hint='Name a model and then the text, such as moor run ./folder "I like it.", or a server with --url.',
            )
    settings = settings_from(flags)
    given = Given(read_texts(arguments, by_line=by_line), **asked, parameters=parameters)
    task, inputs, answer = _remote(url, settings, given) if url else _local(settings, given)
    if as_json:
        write_json(answer)
        return
    for line in lines_of(task, inputs, answer):
        click.echo(line)


def _local(settings: Settings, given: Given) -> tuple[str, Any, object]:
    """The task, the inputs and the answer."""
    with opened_model(settings) as opened:
        task = _task(settings, given, opened.info.get("model", {}))
        inputs, sent = request_of(task, given) if task else _plain(given)
        return task, inputs, opened(inputs, task=task or None, **sent)


def _remote(url: str, settings: Settings, given: Given) -> tuple[str, Any, object]:
    from mooring.client import Client

    with Client(url) as client:
        facts = of_model(client.info(), client.target.model)
        model = facts.get("model")
        task = _task(settings, given, model if isinstance(model, Mapping) else {})
        inputs, sent = request_of(task, given) if task else _plain(given)
        return task, inputs, client.ask(inputs, sent, task=route_of(task, facts))


def _task(settings: Settings, given: Given, model: Mapping[str, Any]) -> str:
    """The task to run; "" if it is unknown: the model has its own code, or the server is not Mooring."""
    from mooring.tasks import TASKS, task_named

    offered: Sequence[str] = [str(name) for name in model.get("tasks") or () if name in TASKS]
    if settings.task is None:
        return task_for(given, offered) if offered else ""
    name = task_named(settings.task)
    if offered and name not in offered:
        raise UsageError(
            f"The model does not offer {name}; it offers {', '.join(offered)}.", hint="Use another --task or model."
        )
    return name


def _plain(given: Given) -> tuple[Any, dict[str, object]]:
    """A request to a model whose task is unknown: the texts and the parameters."""
    for flag, value in (("--query", given.query), ("--labels", given.labels), ("--pair", given.pair)):
        if value is not None:
            raise UsageError(f"{flag} needs the model's task, which is unknown.", hint="Add --task.")
    return given.texts[0] if len(given.texts) == 1 else list(given.texts), dict(given.parameters)
