"""Make click options from settings, so that a flag's name, help and default are defined once, in `mooring.settings`.

The values stay text: `load_settings` parses flags and environment variables alike, with the same errors.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mooring.cli.border import State
from mooring.settings import BY_NAME, Option, Settings, load_settings

Function = TypeVar("Function", bound=Callable[..., Any])

MODEL_OPTIONS = (
    "revision",
    "precision",
    "threads",
    "streams",
    "cache_dir",
    "compile_cache_bytes",
    "hub_endpoint",
    "offline",
    "run_code",
)
"""Settings of every command that opens a model."""


def setting_options(*names: str) -> Callable[[Function], Function]:
    """A decorator that adds the flags of these settings and `--debug`. A flag that is not given is None."""

    def decorate(function: Function) -> Function:
        function = _debug(function)  # first, to be listed last: click reverses the order
        for name in reversed(names):
            function = _click_option(BY_NAME[name])(function)
        return function

    return decorate


def settings_from(flags: dict[str, Any]) -> Settings:
    """The settings from a command's flags. Removes them from `flags` and leaves the command's own."""
    given = {name: flags.pop(name) for name in list(flags) if name in BY_NAME}
    return load_settings(**given)


def _click_option(option: Option) -> Callable[[Function], Function]:
    text = f"{option.help}  [default: {shown(option)}]"
    if option.kind is bool:
        return click.option(f"{option.flag}/--no-{option.flag[2:]}", option.name, default=None, help=text)
    metavar = "|".join(option.choices) or _METAVARS.get(option.kind, "TEXT")
    return click.option(option.flag, *option.other_flags, option.name, metavar=metavar, help=text)


_METAVARS = {int: "N", float: "SECONDS"}


def shown(option: Option) -> str:
    """The default, for display."""
    if option.default is None:
        return option.unset
    if option.kind is bool:
        return "on" if option.default else "off"
    return f"{option.default:g}" if isinstance(option.default, float) else str(option.default)


def _debug(function: Function) -> Function:
    def remember(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        ctx.ensure_object(State).debug |= value

    option = click.option("--debug", is_flag=True, expose_value=False, callback=remember, help=BY_NAME["debug"].help)
    return option(function)


PARAMETERS = (
    "max_answer_len",
    "max_seq_len",
    "doc_stride",
    "max_question_len",
    "handle_impossible_answer",
    "align_to_words",
)


def parameter_options(function: Function) -> Function:
    """A decorator that adds a flag per request parameter. Flags are None unless given; the task checks the values."""
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
