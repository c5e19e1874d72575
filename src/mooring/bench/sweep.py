"""What to sweep over in, steps out; and where the curve bends. Pure. Called by `moor bench --sweep`.

`clients` finds what a server can do, `rates` what its latency is at a given load. Rates that are not named are parts
of the best throughput that was measured before, so that the curve shows the bend and a little beyond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mooring.errors import UsageError, echo

CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PARTS = (0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.1)
"""Of the best throughput, for rates that are not named."""
FORMS = "clients, clients:1,8,64, rates, or rates:20,50,100"
MOST_CLIENTS = 4096
NEARLY = 0.95
"""Of the best throughput, from which on more clients only wait."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Clients or rates to try, in ascending order."""

    kind: str
    """"clients" or "rates"."""
    values: tuple[float, ...]
    """Empty: rates, to be found."""


def parse_sweep(text: str) -> Sweep:
    """Read one of FORMS. Raises UsageError."""
    kind, colon, rest = text.strip().partition(":")
    try:
        if kind == "clients":
            values = tuple(sorted({int(part) for part in rest.split(",")})) if colon else CLIENTS
            if not all(1 <= value <= MOST_CLIENTS for value in values):
                raise ValueError
            return Sweep(kind, tuple(map(float, values)))
        if kind == "rates":
            rates = tuple(sorted({float(part) for part in rest.split(",")})) if colon else ()
            if not all(0 < rate <= 1e6 for rate in rates):
                raise ValueError
            return Sweep(kind, rates)
    except ValueError:
        pass
    raise UsageError(f"{echo(text)} is not something to sweep over.", hint=f"Say {FORMS}; 1 to {MOST_CLIENTS} clients.")


def rates_of(best: float) -> tuple[float, ...]:
    """Rates around the bend of a server that answers `best` requests a second, with two digits that count."""
    return tuple(sorted({float(f"{best * part:.3g}") for part in PARTS}))


def best_step(steps: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Of JSON's steps over clients, the first that nearly has the best throughput; None if none was answered."""
    best = max((step["per_second"] for step in steps), default=0.0)
    return next((step for step in steps if best and step["per_second"] >= NEARLY * best), None)
