"""The parameters of a question as flags. Used by `ask` and `eval`; the task itself checks the values."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

PARAMETERS = (
    "max_answer_len",
    "max_seq_len",
    "doc_stride",
    "max_question_len",
    "handle_impossible_answer",
    "align_to_words",
)


def parameter_options(function: Function) -> Function:
    """A decorator that adds one flag per parameter; each arrives as None when it was not given."""
    options = (
        click.option("--max-answer-len", type=int, metavar="N", help="Longest answer, in tokens.  [default: 15]"),
        click.option("--max-seq-len", type=int, metavar="N", help="Tokens of a window, question included."),
        click.option("--doc-stride", type=int, metavar="N", help="Tokens by which windows overlap."),
        click.option("--max-question-len", type=int, metavar="N", help="Longest question, in tokens."),
        click.option(
            "--handle-impossible-answer/--no-handle-impossible-answer",
            default=None,
            help="Whether 'no answer' is an answer.",
        ),
        click.option(
            "--align-to-words/--no-align-to-words", default=None, help="Whether answers are widened to whole words."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def given_parameters(flags: dict[str, Any]) -> dict[str, object]:
    """The parameters that were given: takes them out of `flags`."""
    found = {name: flags.pop(name) for name in PARAMETERS}
    return {name: value for name, value in found.items() if value is not None}
