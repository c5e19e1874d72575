"""Flags for the request parameters of question answering. The task checks the values."""

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
    """A decorator that adds a flag per parameter. A flag that is not given is None."""
    options = (
        click.option("--max-answer-len", type=int, metavar="N", help="Maximum answer length in tokens.  [default: 15]"),
        click.option("--max-seq-len", type=int, metavar="N", help="Window length in tokens, question included."),
        click.option("--doc-stride", type=int, metavar="N", help="Overlap of adjacent windows in tokens."),
        click.option("--max-question-len", type=int, metavar="N", help="Maximum question length in tokens."),
        click.option(
            "--handle-impossible-answer/--no-handle-impossible-answer",
            default=None,
            help='Allow "no answer" (needs a model trained on SQuAD 2.0).',
        ),
        click.option("--align-to-words/--no-align-to-words", default=None, help="Extend answers to whole words."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def given_parameters(flags: dict[str, Any]) -> dict[str, object]:
    """The parameters that were given. Removes them from `flags`."""
    found = {name: flags.pop(name) for name in PARAMETERS}
    return {name: value for name, value in found.items() if value is not None}
