"""Make a request of a task from the arguments of `moor run`."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mooring.errors import UsageError, echo

ANSWERING = "question-answering"
LABELING = "text-classification"
ENTITIES = "token-classification"
RANKING = "text-ranking"
CHOOSING = "zero-shot-classification"
VECTORS = "feature-extraction"
POOLED = "sentence-embeddings"
COMPARING = "sentence-similarity"

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    LABELING: {"top_k": None},
    ENTITIES: {"aggregation_strategy": "simple"},
}
"""Task → parameters where a person wants to see more than a pipeline's default answer, as `POST /` has them."""


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments: texts, and those that only some tasks have."""

    texts: tuple[str, ...]
    query: str | None = None
    labels: str | None = None
    pair: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    def check(self, task: str) -> None:
        """Raise UsageError if the task lacks an argument, or one has no effect on it."""
        for flag, value, tasks in (
            ("--query", self.query, (ANSWERING, RANKING)),
            ("--labels", self.labels, (CHOOSING,)),
            ("--pair", self.pair, (LABELING,)),
        ):
            if value is not None and task not in tasks:
                raise UsageError(
                    f"{flag} has no effect: the task is {task}.",
                    hint=f"Leave it out, or use a model for {' or '.join(tasks)}.",
                )
        if task in (ANSWERING, RANKING) and self.query is None:
            what = "question" if task == ANSWERING else "query"
            raise UsageError(
                f"{task} needs a {what}.", hint=f"Add --{what} TEXT. The INPUTs are the texts to {_verb(task)}."
            )
        if task == CHOOSING and self.labels is None and "candidate_labels" not in self.parameters:
            raise UsageError(
                f"{task} needs labels to choose from.", hint="Add --labels, such as --labels sports,politics."
            )
        if task == LABELING and self.pair is not None and len(self.texts) > 1:
            raise UsageError(f"--pair takes one INPUT, found {len(self.texts)}.", hint="Run the command for each pair.")
        if task == COMPARING and len(self.texts) < 2:
            raise UsageError(
                f"{task} needs at least two INPUTs, found 1.", hint="The first one is compared with the others."
            )


def route_of(task: str, facts: Mapping[str, Any]) -> str | None:
    """The task to name in a server's address; None if requests say enough. `facts` are those of /info."""
    model = facts.get("model")
    own = model.get("task") if isinstance(model, Mapping) else None
    return POOLED if task == POOLED and own != POOLED else None


def _verb(task: str) -> str:
    return "answer from" if task == ANSWERING else "rank"


def task_for(given: Given, offered: Sequence[str]) -> str:
    """The task that the arguments are meant for, if the model offers it, else the model's own, the first in `offered`.

    Texts have one vector each if the model can pool them.
    """
    wanted = []
    if given.labels is not None or "candidate_labels" in given.parameters:
        wanted.append(CHOOSING)
    if given.query is not None:
        wanted += [ANSWERING, RANKING]
    if offered[0] == VECTORS:
        wanted.append(POOLED)
    return next((name for name in wanted if name in offered), offered[0])


def request_of(task: str, given: Given) -> tuple[Any, dict[str, object]]:
    """`inputs` and `parameters` of the request. Raises UsageError."""
    given.check(task)
    parameters = {**DEFAULTS.get(task, {}), **given.parameters}
    if given.labels is not None:
        parameters["candidate_labels"] = [label.strip() for label in given.labels.split(",") if label.strip()]
    first, *others = texts = list(given.texts)
    alone = first if not others else texts
    if task == ANSWERING:
        part = {"contexts": texts} if others else {"context": first}
        return {"question": given.query, **part}, parameters
    if task == RANKING:
        return {"query": given.query, "texts": texts}, parameters
    if task == COMPARING:
        return {"source_sentence": first, "sentences": others}, parameters
    return ({"text": first, "text_pair": given.pair} if given.pair is not None else alone), parameters


def read_texts(arguments: Sequence[str], *, by_line: bool) -> tuple[str, ...]:
    """The texts of the arguments, - standing for stdin; stdin alone if there are none. Raises UsageError."""
    names = list(arguments)
    if not names:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                "No INPUT was given.",
                hint='Add a text after the model, such as moor run MODEL "I like it.", or pipe one to stdin.',
            )
        names = ["-"]
    if names.count("-") > 1:
        raise UsageError("- was given twice; stdin can be read once.", hint="Leave out one of them.")
    texts = [text for name in names for text in (_stdin(by_line=by_line) if name == "-" else [name])]
    if by_line and "-" not in names:
        raise UsageError("--lines has no effect without -.", hint="Add - to read stdin, or leave out --lines.")
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise UsageError(f"INPUT {number} is empty: {echo(text)}.", hint="Leave it out, or give it a text.")
    return tuple(texts)


def _stdin(*, by_line: bool) -> list[str]:
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Convert it, for example with iconv -t UTF-8."
        raise UsageError(f"stdin is not UTF-8 text (byte {error.start}).", hint=hint) from error
    found = [line for line in text.splitlines() if line.strip()] if by_line else [text.strip()]
    if not found or not found[0]:
        raise UsageError("stdin is empty.", hint="Pipe a text to it, or give the text as INPUT.")
    return found


def read_parameters(given: Sequence[str]) -> dict[str, object]:
    """Parameters from KEY=VALUE; a value that is not JSON is text. Raises UsageError."""
    found: dict[str, object] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"Invalid parameter {echo(one)}.", hint="Write -p KEY=VALUE, such as -p top_k=3.")
        try:
            found[key.strip()] = json.loads(value)
        except (ValueError, RecursionError):
            found[key.strip()] = value
    return found
