"""Read flags and environment variables into `Settings`, and report variables that are unknown or without effect."""

import os
import re
from collections.abc import Mapping
from typing import Any

from mooring.errors import UsageError
from mooring.settings.option import FALSE, PREFIX, TRUE
from mooring.settings.platforms import WITHOUT_EFFECT
from mooring.settings.table import BY_NAME, OPTIONS, Settings
from mooring.spelling import nearest

BATCH_DEADLINE_S = 600.0
OF_COMMANDS = ("MOORING_IMAGE", "MOORING_ROLE")
"""Variables that are not settings: `moor deploy` reads them for its own flags."""


def load_settings(environ: Mapping[str, str] | None = None, /, **flags: object) -> Settings:
    """Settings from flags (by field name; None if not given), the environment and the defaults.

    A flag's value may be text or already of its type. Raises UsageError naming the flag or variable at fault.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for name, given in flags.items():
        option = BY_NAME[name]
        if given is not None:
            if not str(given).strip():
                # Most likely an unset variable in a script, `--host "$HOST"`.
                raise UsageError(f"{option.flag or name} is empty.", hint="Give a value, or leave it out.")
            values[name] = option.parse(str(given), option.flag or name)
    for option in OPTIONS:
        if option.name not in values and (found := option.read(environ)) is not None:
            values[option.name] = found.value
    if values.get("batch"):
        # The limit of a transform job itself.
        values.setdefault("deadline_s", BATCH_DEADLINE_S)
    return Settings(**values)


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as MOORING_ variables, to start another process with. Unset ones are left out."""
    values = ((option, getattr(settings, option.name)) for option in OPTIONS)
    return {option.own: str(value) for option, value in values if value is not None}


def environment_notes(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Warnings about variables: unknown MOORING_ ones, and other tools' that are translated or have no effect."""
    environ = os.environ if environ is None else environ
    return (*_unknown(environ), *_translated(environ), *_without_effect(environ))


def _unknown(environ: Mapping[str, str]) -> list[str]:
    """MOORING_ variables that are not settings, most likely misspelt."""
    known = [option.own for option in OPTIONS]
    notes = []
    for name in sorted(environ):
        if name in OF_COMMANDS:
            continue
        if name.startswith(PREFIX) and name not in known and not _is_service(name, environ[name]):
            near = nearest(name, known)
            notes.append(f"{name} is not a setting.{f' Did you mean {near[0]}?' if near else ''}")
    return notes


def _is_service(name: str, value: str) -> bool:
    """Whether Kubernetes set the variable, for a Service named `mooring`: seven variables with its address."""
    return (
        "://" in value
        or name.endswith(("_SERVICE_HOST", "_SERVICE_PORT", "_PROTO", "_ADDR"))
        or bool(re.search(r"_SERVICE_PORT_|_TCP_PORT$", name))
    )


def _translated(environ: Mapping[str, str]) -> list[str]:
    """Variables of other tools that set a value in a way that may surprise."""
    found = (option.read(environ) for option in OPTIONS)
    return [one.note for one in found if one is not None and one.note]


def _without_effect(environ: Mapping[str, str]) -> list[str]:
    texts = {name: environ.get(name, "").strip().lower() for name in WITHOUT_EFFECT}
    notes = [f"{name} has no effect: {why}." for name, why in WITHOUT_EFFECT.items() if texts[name] not in _OFF]
    others = sorted(
        name
        for name in environ
        if name.startswith("MMS_") and name not in WITHOUT_EFFECT and not any(name in o.variables for o in OPTIONS)
    )
    return notes + [f"{name} has no effect here." for name in others]


_OFF = ("", *FALSE, "n", "f")
"""Values that ask for nothing, so that no warning is needed."""


def wants_debug(environ: Mapping[str, str] | None = None) -> bool:
    """MOORING_DEBUG, read leniently: an invalid value must not hide the error that is about to be printed."""
    environ = os.environ if environ is None else environ
    return environ.get(BY_NAME["debug"].own, "").strip().lower() in TRUE
