"""Run a server for several models: `serve` alone, `serve_worker` behind nginx. Called by `server.py`."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from starlette.applications import Starlette

from mooring.backends.sharing import Turns, TurnTaking
from mooring.errors import ModelInvalid, echo
from mooring.model.identity import Identity
from mooring.multi.ledger import Ledger
from mooring.multi.lost import Held
from mooring.multi.registry import Registry
from mooring.multi.routes import create_multi_app
from mooring.observe.machine import free_bytes
from mooring.observe.metrics import Metrics
from mooring.settings import Settings
from mooring.web.limits import WebLimits
from mooring.web.service import AnyServed
from mooring.wiring.opening import Place, open_served


def multi_app(
    settings: Settings,
    limits: WebLimits,
    first: Mapping[str, Held],
    on_loading: Callable[[str], None],
    *,
    behind: bool,
) -> tuple[Starlette, Registry]:
    """The application and its registry, which is its life cycle. `first` and `on_loading` as in `Registry`."""
    metrics = Metrics()
    turn = Turns()

    def open_model(folder: Path, name: str, expected: Identity) -> AnyServed:
        # Settings for a single model do not apply to a multi-model server.
        one = dataclasses.replace(settings, model=str(folder), base_dir=None, revision=None, task=None, submit_dir=None)
        one = dataclasses.replace(one, model_name=None)
        place = Place(lambda backend: TurnTaking(backend, turn), name, beside=True)
        return open_served(one, metrics, place=place, expected=expected)

    registry = Registry(open_model, Ledger(free_bytes), first, metrics.lost, on_loading)
    return create_multi_app(registry, metrics, limits, behind=behind), registry


def read_first(path: Path | None) -> Mapping[str, Held]:
    """The models to load at startup by name, from the supervisor's file."""
    if path is None or not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Held])
    except msgspec.DecodeError as error:
        raise ModelInvalid(f"Cannot read the list of models {echo(str(path))}: {error}.") from error
