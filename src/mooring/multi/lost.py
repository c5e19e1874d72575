"""Track models that a restarted worker could not reload. Used by `registry.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from mooring.errors import ModelChanged, MooringError
from mooring.observe.logs import timestamp

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""Pauses between attempts to reload lost models."""


class Held(msgspec.Struct, frozen=True):
    """A model that a worker had loaded. `container/registry.py` writes these to a file for the next worker."""

    url: str
    """Its folder, as the caller named it."""
    identity: dict[str, str] = {}
    """Digests of what was served under its name (`model/identity.py`). A reload must not change them."""
    deadly: str = ""
    """Why the model must not be reloaded automatically: workers died while loading it. Empty for all others."""


@dataclass(frozen=True, slots=True)
class _Lost:
    held: Held
    reason: str
    since: str


class LostModels:
    """The lost models and the reasons, until they are reloaded or unloaded."""

    def __init__(self, on_change: Callable[[int], None]) -> None:
        """`on_change` is called with the number of lost models."""
        self._on_change = on_change
        self._lost: dict[str, _Lost] = {}
        self._log = structlog.get_logger("mooring.multi").bind()

    def __contains__(self, name: str) -> bool:
        return name in self._lost

    @property
    def held(self) -> dict[str, Held]:
        """The lost models by name."""
        return {name: lost.held for name, lost in self._lost.items()}

    def reason(self, name: str) -> str:
        """Why the model could not be reloaded."""
        return self._lost[name].reason

    def lose(self, name: str, held: Held, error: Exception) -> None:
        """Record that the model could not be reloaded. Logs each distinct reason once."""
        reason = str(error) if isinstance(error, MooringError) else type(error).__name__
        if isinstance(error, ModelChanged):
            reason = f"{error.message} Unload it and load it again to serve the new one, or restore the old files."
        known = self._lost.get(name)
        if known is None or known.reason != reason:
            self._log.error("failed to reload model", model=name, reason=reason)
            self._lost[name] = _Lost(held, reason, known.since if known else timestamp())
            self._on_change(len(self._lost))

    def forget(self, name: str) -> bool:
        """Remove a model that was reloaded or unloaded; whether it was lost."""
        known = self._lost.pop(name, None)
        self._on_change(len(self._lost))
        return known is not None

    def described(self, name: str) -> Mapping[str, Any]:
        """The model in the format of the contract's routes, with the reason."""
        lost = self._lost[name]
        return {"modelName": name, "modelUrl": lost.held.url, "reason": lost.reason, "since": lost.since}
