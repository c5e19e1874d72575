"""One setting: its name, bounds and parser."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo
from mooring.settings.places import expanded

PREFIX = "MOORING_"

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Alias:
    """Another tool's variable for the same setting, parsed as that tool parses it."""

    name: str
    convert: Callable[[str], Any]
    """Its text (not empty) → our value, or None if that tool treats it as not set. Raises ValueError if invalid."""
    allowed: str
    """The accepted values: "a number of minutes"."""
    unit: str = ""
    """Its unit: "minutes"."""
    meaning: str = ""
    """How it is read, if that may surprise: "minutes, as the stock server reads it"."""
    plain: tuple[str, ...] = ()
    """Values that need no such explanation."""


@dataclass(frozen=True, slots=True)
class Found:
    """An option's value from the environment."""

    name: str
    """The variable that it came from."""
    value: Any
    note: str = ""
    """A warning for the user; "" for none."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, for flags, variables and the reference page."""

    name: str
    kind: type
    """str, int, float, bool or Path."""
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    minimum: float = -math.inf
    maximum: float = math.inf
    aliases: tuple[str | Alias, ...] = ()
    """Variables of other tools, read in this order if our own is not set. For text the name is enough; numbers and
    switches need an `Alias`."""
    words: Mapping[str, float] = field(default_factory=dict)
    """Names of values of a number: "deadline"."""
    secret: bool = False
    """Never shown, and without a flag: other users of the machine can read a process's arguments."""
    unset: str = ""
    """Description of the default when it is None."""
    other_flags: tuple[str, ...] = ()
    """Spellings of the flag by platforms that set it."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the environment variables, highest precedence first."""
        return (self.own, *(alias if isinstance(alias, str) else alias.name for alias in self.aliases))

    @property
    def own(self) -> str:
        """Our own variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """`--max-windows`, `--deadline` for `deadline_s`; "" for a secret."""
        return "" if self.secret else "--" + self.name.removesuffix("_s").replace("_", "-")

    @property
    def allowed(self) -> str:
        """Description of the accepted values."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind in (int, float):
            what = "a whole number" if self.kind is int else "a number of seconds"
            if self.maximum < math.inf:
                words = "".join(f", or {word}" for word in self.words)
                return f"{what} from {_shown(self.minimum)} to {_shown(self.maximum)}{words}"
            return f"{what} of at least {_shown(self.minimum)}"
        return {bool: f"one of {', '.join(TRUE + FALSE)}", Path: "a path"}.get(self.kind, "text")

    def parse(self, text: str, named: str) -> Any:
        """Parse `text`. Raises UsageError with `named` (a flag or variable), `text` and the accepted values."""
        if text.strip().lower() in self.words:
            return self.words[text.strip().lower()]
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

    def read(self, environ: Mapping[str, str]) -> Found | None:
        """The value of the first variable that is set; None if none is. An empty variable counts as not set.

        Raises UsageError with the variable's name, text and unit.
        """
        for alias in (self.own, *self.aliases):
            name = alias if isinstance(alias, str) else alias.name
            text = environ.get(name, "").strip()
            if not text or (self.kind is int and text.startswith("tcp://")):
                # Empty means not set. Kubernetes sets MOORING_PORT=tcp://… for a Service named `mooring`.
                continue
            if isinstance(alias, str):
                return Found(name, self.parse(text, name))
            if (found := self._translated(alias, text)) is not None:
                return found
        return None

    def _translated(self, alias: Alias, text: str) -> Found | None:
        """The value of another tool's variable. One above our maximum is reduced to it."""
        try:
            value = alias.convert(text)
            if value is not None and self.kind in (int, float) and value < self.minimum:
                raise ValueError(text)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"{alias.name} is {echo(text)}.", hint=f"It must be {alias.allowed}.") from error
        if value is None:
            return None
        said = f"{alias.name}={echo(text)[1:-1]}"
        if self.kind in (int, float) and value > self.maximum:
            value = self.kind(self.maximum)
            note = f"{said} ({alias.unit}) is above the maximum: {self.name} is {_shown(value)}."
            return Found(alias.name, value, note)
        if alias.meaning and text not in alias.plain:
            return Found(alias.name, value, f"{said} is read as {alias.meaning}: {self.name} is {value}.")
        return Found(alias.name, value)


def _shown(value: float) -> str:
    """Whole numbers without an exponent."""
    return str(int(value)) if value == int(value) else f"{value:g}"


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
