"""Open several models that are served together: `moor serve A B`. Called by `server.py`."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from mooring.backends.sharing import Turns, TurnTaking
from mooring.errors import UsageError, echo
from mooring.model.identity import Identity
from mooring.model.manifest import name_of
from mooring.model.source import EMBEDDED
from mooring.observe.metrics import Metrics
from mooring.settings import BY_NAME, Settings
from mooring.web.fleet import Fleet
from mooring.web.service import AnyServed, Service
from mooring.wiring.opening import Place, open_served
from mooring.wiring.source import Progress


def fleet(settings: Settings, metrics: Metrics, progress: Progress, expected: Identity) -> Fleet:
    """The models of `model` and `more_models`, which take turns on the cores. Raises UsageError for a name used twice.

    `expected` has the digest of each model under "model:NAME".
    """
    if settings.multi_model:
        raise UsageError("--multi-model and several models exclude each other.", hint="Remove one of them.")
    for name in ("task", "revision", "model_name"):
        if getattr(settings, name) is not None:
            flag = BY_NAME[name].flag
            raise UsageError(f"{flag} applies to one model, not to several.", hint="Remove it, or serve one model.")
    turn = Turns()

    def opener(name: str, source: str | None) -> Callable[[], AnyServed]:
        one = dataclasses.replace(settings, model=source, more_models=None, base_dir=None)
        one = dataclasses.replace(one, submit_dir=None, multi_model=True)
        place = Place(lambda backend: TurnTaking(backend, turn), name, beside=True)
        digest = expected.get(f"model:{name}")
        wanted = {} if digest is None else {"model": digest}
        return lambda: open_served(one, metrics, progress, place, expected=wanted)

    return Fleet({name: Service(opener(name, source)) for name, source in named_models(settings).items()})


def named_models(settings: Settings) -> dict[str, str | None]:
    """Name → source, None for the embedded model, in order. Raises UsageError for a name used twice."""
    listed = [settings.model or EMBEDDED, *(settings.more_models or "").split(",")]
    found: dict[str, str | None] = {}
    for text in (one.strip() for one in listed):
        if not text:
            continue
        name, source = _named(text)
        if name in found:
            raise UsageError(f"Two models are named {echo(name)}.", hint=f"Name one of them: OTHER={source}.")
        found[name] = None if source == EMBEDDED else source
    return found


def _named(text: str) -> tuple[str, str]:
    """The name and the source in `NAME=MODEL` or `MODEL`."""
    found = re.fullmatch(r"([\w.-]+)=(.+)", text)
    if found is not None and not Path(text).exists():
        return found[1], found[2]
    return (text if text == EMBEDDED else name_of(text, Path(text))), text
