"""Generate docs/reference/ and docs/limits.md from the code and the pages.

`--check` lists stale pages and exits with 1.

python scripts/make_reference.py [--check]
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

import click

from mooring import errors
from mooring.cli import border, group
from mooring.cli.group import COMMANDS, moor
from mooring.cli.options import shown
from mooring.settings import OPTIONS
from mooring.tokenization.classes import CLASSES, VOCABULARIES
from mooring.tokenization.config import KEYS
from mooring.web.status import STATUS

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]  # run as a script
from scripts.commands_page import commands_page  # noqa: E402
from scripts.http_page import http_page  # noqa: E402
from scripts.limits_page import limits_page  # noqa: E402
from scripts.served_pages import models_page, routes_page  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
FOR_REQUESTS = (errors.RequestError, errors.RefusedError, errors.BackendError)
"""Errors of HTTP requests; the others end a command."""
ALSO_RAISED = (errors.RequestError, errors.ModelError, errors.HubError, errors.BatchError)
"""Classes that are raised although they have subclasses."""
NOTICE = "<!-- Written by scripts/make_reference.py; change the code instead, then run `make reference`. -->"
WIDTH = 100


def settings_page() -> str:
    """All settings with variable, flag, default and bounds."""
    lines = [
        "# Settings",
        NOTICE,
        "",
        "A flag overrides its environment variable, and a variable overrides the default. An empty variable counts as",
        "not set. `moor COMMAND --help` lists the flags of a command. Secrets have no flag, because other users of the",
        "machine can read a process's arguments. Without `MOORING_CACHE_DIR`, `HF_HUB_CACHE` or `HF_HOME` set the",
        "Hugging Face cache.",
        "",
        "| variable | flag | default | values | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for option in OPTIONS:
        variables = ", else ".join(f"`{name}`" for name in option.variables)
        flag = f"`{option.flag}`" if option.flag else "–"
        lines.append(f"| {variables} | {flag} | {shown(option)} | {option.allowed} | {option.help} |")
    return "\n".join([*lines, ""])


def cli_page() -> str:
    """The help of every command."""
    lines = ["# Command line", NOTICE, ""]
    with patch.object(group, "KNOWN", {}):  # the same page whether or not other packages are installed
        lines += _help("moor", moor, None)
    parent = click.Context(moor, info_name="moor")
    for name in COMMANDS:
        command = moor.get_command(parent, name)
        assert command is not None
        lines += help_of(name, command, parent)
    lines += ["## Exit codes", "", "```text"]
    table = (border.__doc__ or "").split("\n\n")[1]
    lines += [line.removeprefix("    ") for line in table.rstrip().splitlines()]
    return "\n".join([*lines, "```", ""])


def help_of(name: str, command: click.Command, parent: click.Context) -> list[str]:
    """The sections of one command of `moor` and its subcommands."""
    lines = _help(f"moor {name}", command, parent)
    if isinstance(command, click.Group):
        within = click.Context(command, info_name=name, parent=parent)
        for inner, below in command.commands.items():
            lines += _help(f"moor {name} {inner}", below, within)
    return lines


def _help(title: str, command: click.Command, parent: click.Context | None) -> list[str]:
    context = click.Context(
        command,
        info_name=title.split()[-1],
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return [f"## {title}", "", "```text", text, "```", ""]


def errors_page() -> str:
    """All errors with meaning, HTTP status and exit code."""
    lines = [
        "# Errors",
        NOTICE,
        "",
        'Over HTTP, the body of an error is `{"code", "type", "message", "request_id", "error"}`. On the command line,',
        "an error is `moor: message` on stderr, a line with a hint, and an exit code.",
        "",
        "| type | meaning | HTTP | exit code |",
        "| --- | --- | --- | --- |",
    ]
    for kind in _leaves(errors.MooringError):
        known = next(STATUS[base] for base in kind.__mro__ if base in STATUS)
        status = str(known) if issubclass(kind, FOR_REQUESTS) else "–"
        code = next(code for base, code in border.EXIT_CODES if issubclass(kind, base))
        meaning = " ".join((inspect.getdoc(kind) or "").split())
        lines.append(f"| `{kind.__name__}` | {meaning} | {status} | {code} |")
    return "\n".join([*lines, ""])


def _leaves(kind: type[errors.MooringError]) -> Iterator[type[errors.MooringError]]:
    """The error classes that are raised, in the order of the tree."""
    below = [child for child in kind.__subclasses__() if child.__module__.startswith("mooring.")]
    if not below or kind in ALSO_RAISED:
        yield kind
    for child in below:
        yield from _leaves(child)


def tokenizers_page() -> str:
    """The tokenizer classes, and what each does with the keys of tokenizer_config.json."""
    classes, keys = [], []
    for known in CLASSES.values():
        built = " and ".join(VOCABULARIES[known.kind]) or "–"
        classes.append(f"| `{known.name}` | {known.kind} | {built} | {', '.join(known.inputs)} |")
    for name, key in KEYS.items():
        obeyed_by = f"`{key.only}`" if key.only else ", ".join(key.kinds)
        keys.append(f"| `{name}` | {obeyed_by} | {key.unset or '–'} | {key.meaning} |")
    return TOKENIZERS.format(notice=NOTICE, classes="\n".join(classes), keys="\n".join(keys))


TOKENIZERS = """# Tokenizers
{notice}

Token ids are those of transformers 4.57. It picks a class by the name in `tokenizer_class` (in tokenizer_config.json,
else in config.json, else the family's default) and applies keys by class. Mooring does the same, and a test compares
the two on about a hundred small folders. Other classes, and values that are not implemented, are refused by name.

| class, with or without `Fast` | kind | also built from | default of `model_input_names` |
| --- | --- | --- | --- |
{classes}

transformers 5 writes `TokenizersBackend` for a tokenizer that consists of its tokenizer.json alone. Mooring gives it
the segments of transformers 4, so that a file keeps the meaning that it had when the model was trained.

| key | used by | default | meaning |
| --- | --- | --- | --- |
{keys}
| `model_max_length`, else `max_len` | all | no limit | Maximum window in tokens; at most the model's positions. |

`added_tokens_decoder`, `additional_special_tokens`, `extra_special_tokens` and the roles (`cls_token`, …) name tokens
that are never split. The class sets the defaults of the roles. Without `added_tokens_decoder`, special_tokens_map.json
and added_tokens.json are read as well.

Every class reads tokenizer.json. Without it, a tokenizer is built from the files in the third column. A folder with
only a SentencePiece model (sentencepiece.bpe.model, spiece.model, spm.model) is refused; the message has a command
that writes tokenizer.json.

In WordPiece classes a key overrides tokenizer.json even if it is absent: BertTokenizer lower-cases a cased
tokenizer.json unless the key is `do_lower_case: false`. transformers 4.57 does the same. `moor serve` and `moor doctor`
warn about it. In bpe classes the same is true of `add_prefix_space` and `trim_offsets`.

A model is refused if a token id is beyond its embedding table; the error names token and id. For an added token, this
is only a warning, and requests that contain it are refused.
"""


PAGES = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "tokenizers.md": tokenizers_page,
    "models.md": lambda: models_page(NOTICE),
    "routes.md": lambda: routes_page(NOTICE),
    "http.md": lambda: http_page(NOTICE),
    "commands.md": commands_page,
}


def write(folder: Path, pages: Mapping[str, Callable[[], str]], *, check: bool) -> int:
    """Write the pages to the folder, or only compare them. Returns the exit code."""
    stale = []
    for name, page in pages.items():
        path, text = folder / name, page()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    verb = "stale (run `make reference`)" if check else "written"
    shown = folder.relative_to(ROOT)
    print(f"{shown}: {', '.join(stale)} {verb}" if stale else f"{shown}: up to date")
    return 1 if stale and check else 0


LIMITS = {"limits.md": lambda: limits_page(NOTICE)}

if __name__ == "__main__":
    check = "--check" in sys.argv[1:]
    sys.exit(write(FOLDER, PAGES, check=check) | write(FOLDER.parent, LIMITS, check=check))
