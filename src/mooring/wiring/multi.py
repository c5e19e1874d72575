"""Settings in, a server for several models out: `serve` alone, `serve_worker` behind nginx. Called by `server.py`."""

import dataclasses
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from starlette.applications import Starlette

from mooring.backends.sharing import TurnTaking
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
    log_requests: bool,
) -> tuple[Starlette, Registry]:
    """The application, and the registry that is its life. `first` and `on_loading` as `Registry`."""
    metrics = Metrics()
    turn = threading.Lock()

    def open_model(folder: Path, name: str, expected: Identity) -> AnyServed:
        # What a multi-model server was told of a model holds for none in particular.
        one = dataclasses.replace(settings, model=str(folder), base_dir=None, revision=None, task=None, submit_dir=None)
        place = Place(lambda backend: TurnTaking(backend, turn), name)
        return open_served(one, metrics, place=place, expected=expected)

    registry = Registry(open_model, Ledger(free_bytes), first, metrics.lost, on_loading)
    return create_multi_app(registry, metrics, limits, log_requests=log_requests), registry


def read_first(path: Path | None) -> Mapping[str, Held]:
    """By name, the models to load at the start, from a file of the supervisor's."""
    if path is None or not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Held])
    except msgspec.DecodeError as error:
        raise ModelInvalid(f"The list of models {echo(str(path))} cannot be read: {error}.") from error
