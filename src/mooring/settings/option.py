"""One setting: its name, its bounds, and how its text is read. Used by `table.py` and by whoever shows settings."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo
from mooring.settings.places import expanded

PREFIX = "MOORING_"

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Alias:
    """Another tool's variable for the same thing, in other units or words."""

    name: str
    convert: Callable[[str], str]
    """Its text → our text. Raises ValueError for what cannot be."""
    meaning: str
    """How it is read, for people: "minutes"."""
    allowed: str
    """What it may be, in words."""


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
    aliases: tuple[str | Alias, ...] = ()
    """Variables of other tools that are read when our own is not set, first come first served."""
    secret: bool = False
    """Never shown, and no flag: other users of the machine can read a process's arguments."""
    unset: str = ""
    """What None means, for people."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the environment variables, the one that wins first."""
        return (self.own, *(alias if isinstance(alias, str) else alias.name for alias in self.aliases))

    @property
    def own(self) -> str:
        """The variable that is ours."""
        return PREFIX + self.name.upper()

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
            if self.choices and text.strip().lower() in self.choices:
                value = text.strip().lower()
            if self.choices and value not in self.choices:
                raise ValueError(value)
            if self.kind in (int, float) and not self.minimum <= value <= self.maximum:
                raise ValueError(value)
        except ValueError as error:
            shown = "not valid" if self.secret else echo(text)
            raise UsageError(f"{named} is {shown}.", hint=f"It must be {self.allowed}.") from error
        return expanded(value, named) if self.kind is Path else value

    def read(self, environ: Mapping[str, str]) -> tuple[str, Any] | None:
        """The variable that decides, and its value; None if none is set. Empty counts as not set."""
        for alias in (self.own, *self.aliases):
            name = alias if isinstance(alias, str) else alias.name
            text = environ.get(name, "").strip()
            if not text or (self.kind is int and text.startswith("tcp://")):
                # Empty is not set; and MOORING_PORT=tcp://… is Kubernetes', for a Service that is called `mooring`.
                continue
            if isinstance(alias, str):
                return name, self.parse(text, name)
            try:
                converted = alias.convert(text)
            except ValueError as error:
                raise UsageError(f"{name} is {echo(text)}.", hint=f"It must be {alias.allowed}.") from error
            # An empty text is another tool's way to say "decide yourself".
            return (name, self.parse(converted, name)) if converted else None
        return None


def _boolean(text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ValueError(text)


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError(text)
    return Path(text)


_PARSERS: Mapping[type, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _boolean, Path: _path}
