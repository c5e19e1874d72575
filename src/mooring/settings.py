"""Flags and environment variables in, one frozen `Settings` out: the only reader of the environment.

`Settings` is the one table: each field declares its default, meaning and bounds, and from it come the variables'
names, the command line's flags (`cli/options.py`) and docs/reference/settings.md. Called by `cli/`; `wiring/` turns
the values into constructors' arguments, and nothing below it knows that settings exist.

A flag wins over a variable, a variable over the default; a variable that is empty counts as not set.
"""

import dataclasses
import difflib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo

PREFIX = "MOORING_"

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as flags, variables and the reference page need it."""

    name: str
    kind: type
    """str, int, float, bool or Path."""
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    minimum: float = -math.inf
    maximum: float = math.inf
    aliases: tuple[str, ...] = ()
    """Variables of other tools that are read when our own is not set, first come first served."""
    secret: bool = False
    """Never shown, and no flag: other users of the machine can read a process's arguments."""
    unset: str = ""
    """What None means, for people."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the environment variables, the one that wins first."""
        return (PREFIX + self.name.upper(), *self.aliases)

    @property
    def flag(self) -> str:
        """`--max-windows`, `--deadline` for `deadline_s`; "" for a secret."""
        return "" if self.secret else "--" + self.name.removesuffix("_s").replace("_", "-")

    @property
    def allowed(self) -> str:
        """The values that are accepted, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind in (int, float):
            what = "a whole number" if self.kind is int else "a number of seconds"
            if self.maximum < math.inf:
                return f"{what} from {self.minimum:g} to {self.maximum:g}"
            return f"{what} of at least {self.minimum:g}"
        return {bool: f"one of {', '.join(TRUE + FALSE)}", Path: "a path"}.get(self.kind, "text")

    def parse(self, text: str, named: str) -> Any:
        """The value of `text`. Raises UsageError naming `named` (a flag or variable), `text` and what is allowed."""
        try:
            value = _PARSERS[self.kind](text.strip())
            if self.choices and value not in self.choices:
                raise ValueError(value)
            if self.kind in (int, float) and not self.minimum <= value <= self.maximum:
                raise ValueError(value)
        except ValueError as error:
            shown = "not valid" if self.secret else echo(text)
            raise UsageError(f"{named} is {shown}.", hint=f"It must be {self.allowed}.") from error
        return value


def _boolean(text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError(text)


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError(text)
    return Path(text).expanduser()


_PARSERS: Mapping[type, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _boolean, Path: _path}


def _option(default: Any, text: str, kind: type | None = None, **more: Any) -> Any:
    """A field of `Settings`. `kind` is needed where the default is None."""
    return dataclasses.field(default=default, metadata={"kind": kind or type(default), "help": text, **more})


@dataclass(frozen=True)
class Settings:
    """Every value that a user can choose. Times in seconds, sizes in bytes."""

    model: str | None = _option(
        None, "Model folder, .tar.gz or Hub id.", str, unset="the embedded model (MiniLM, SQuAD, int8)"
    )
    revision: str | None = _option(None, "Branch, tag or commit of a Hub model.", str, unset="the main branch")
    hub_token: str | None = _option(
        None,
        "Token for private and gated Hub models.",
        str,
        aliases=("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
        secret=True,
        unset="what `hf auth login` stored, if anything",
    )
    hub_endpoint: str | None = _option(
        None, "Address of the Hub or of a mirror.", str, aliases=("HF_ENDPOINT",), unset="https://huggingface.co"
    )
    cache_dir: Path | None = _option(  # noqa: RUF009 - it is a field, made by a function of ours
        None,
        "Folder for downloaded models and unpacked archives.",
        Path,
        unset="the Hugging Face cache (HF_HUB_CACHE, HF_HOME); archives in a temporary folder",
    )
    offline: bool = _option(False, "Use only what the cache holds; call nobody.", aliases=("HF_HUB_OFFLINE",))
    precision: str | None = _option(
        None,
        "Compute at this precision.",
        str,
        choices=("fp32", "bf16", "int8", "mixed"),
        unset="what the model's manifest says; fp32 for a folder from the Hub",
    )
    threads: int = _option(0, "Threads that compute; 0 takes every core.", minimum=0, maximum=4096)
    host: str = _option("127.0.0.1", "Address to listen on; 0.0.0.0 for every interface.")
    port: int = _option(8080, "Port to listen on; 0 for any free one.", minimum=0, maximum=65535)
    max_body_bytes: int = _option(26_214_400, "Largest request body; above: 413.", minimum=1)
    max_windows: int = _option(4096, "Windows that one request may need; above: 413.", minimum=1)
    queue_tokens: int = _option(524_288, "Padded tokens that may wait to be computed; above: 429.", minimum=1)
    deadline_s: float = _option(60.0, "How long a request may take; after that: 504.", minimum=0.001, maximum=86_400)
    keep_alive_s: float = _option(
        75.0, "How long an idle connection stays open; longer than any proxy's in front.", minimum=0, maximum=86_400
    )
    drain_s: float = _option(
        25.0, "How long requests in flight may go on when the server is told to stop.", minimum=0, maximum=86_400
    )
    log_level: str = _option(
        "info", "What is worth a line in the log.", choices=("debug", "info", "warning", "error", "critical")
    )
    log_format: str = _option(
        "auto", "auto is text on a terminal and JSON otherwise.", choices=("auto", "text", "json")
    )
    debug: bool = _option(False, "Show a traceback with an error.")

    def __repr__(self) -> str:
        shown = (f"{option.name}={_shown(option, getattr(self, option.name))}" for option in OPTIONS)
        return f"Settings({', '.join(shown)})"


def _shown(option: Option, value: object) -> str:
    return "'***'" if option.secret and value is not None else repr(value)


OPTIONS: tuple[Option, ...] = tuple(
    Option(name=field.name, default=field.default, **field.metadata) for field in dataclasses.fields(Settings)
)
"""Every option in the order of the reference page."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


def load_settings(environ: Mapping[str, str] | None = None, /, **flags: object) -> Settings:
    """Settings from flags (by field name; None is a flag that was not given), the environment and the defaults.

    A flag's value may be its text or already of its type. Raises UsageError naming the flag or variable at fault.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for name, given in flags.items():
        option = BY_NAME[name]
        if given is not None:
            values[name] = option.parse(str(given), option.flag or name)
    for option in OPTIONS:
        if option.name in values:
            continue
        variable = next((name for name in option.variables if environ.get(name, "").strip()), None)
        if variable is not None:
            values[option.name] = option.parse(environ[variable], variable)
    return Settings(**values)


def unknown_variables(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """A warning for each MOORING_ variable that nobody reads, most likely a misspelt one."""
    environ = os.environ if environ is None else environ
    known = [option.variables[0] for option in OPTIONS]
    warnings = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            warnings.append(f"{name} is set, but there is no such setting{f'; {near[0]} is one' if near else ''}.")
    return tuple(warnings)


def wants_debug(environ: Mapping[str, str] | None = None) -> bool:
    """MOORING_DEBUG, read leniently: a wrong value must not hide the error that is about to be shown."""
    environ = os.environ if environ is None else environ
    return environ.get(BY_NAME["debug"].variables[0], "").strip().lower() in TRUE
