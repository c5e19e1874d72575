"""Plan the steps of a sweep, and find the knee of the curve. Pure. Called by `moor bench --sweep`.

`clients` finds a server's maximum throughput, `rates` its latency at a given load. Default rates are fractions of the
best throughput measured before, so that the curve shows the knee and a little beyond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mooring.errors import UsageError, echo

CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PARTS = (0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.1)
"""Fractions of the best throughput, for default rates."""
FORMS = "clients, clients:1,8,64, rates, or rates:20,50,100"
MOST_CLIENTS = 4096
NEARLY = 0.95
"""Fraction of the best throughput from which more clients only wait."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Clients or rates to try, in ascending order."""

    kind: str
    """"clients" or "rates"."""
    values: tuple[float, ...]
    """Empty: rates to be determined."""


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
    raise UsageError(
        f"{echo(text)} is not a valid value for --sweep.", hint=f"Use {FORMS}; 1 to {MOST_CLIENTS} clients."
    )


def rates_of(best: float) -> tuple[float, ...]:
    """Rates around the knee of a server with `best` requests per second, to two significant digits."""
    return tuple(sorted({float(f"{best * part:.3g}") for part in PARTS}))


def best_step(steps: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first step over clients with nearly the best throughput; None if none was answered."""
    best = max((step["per_second"] for step in steps), default=0.0)
    return next((step for step in steps if best and step["per_second"] >= NEARLY * best), None)
