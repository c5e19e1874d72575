"""Parse and format quantization recipes such as `--recipe smooth=0.8,ranges=percentile`. Pure.

Used by build/ and `cli/build.py`. `moor build --explore` prints the name of a recipe and the manifest stores it, so any
result can be built again.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from mooring.errors import UsageError, echo

Ranges = Literal["mean", "minmax", "percentile"]
"""How activation ranges are chosen. mean: mean over the calibration questions of each one's minimum and maximum;
minmax: overall minimum and maximum; percentile: mean of each one's 0.01 and 99.99 percentile."""

OFF = -1.0
"""Of `smooth_alpha`."""
MOST_EXCLUDED = Fraction(1, 2)
_NUMBER = re.compile(r"[0-9]{1,6}([/.][0-9]{1,6})?")
FORM = "smooth=0.95,ranges=mean,activations=asymmetric,exclude=0"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to quantize. The defaults are nncf's transformer preset, measured on the embedded model."""

    smooth_alpha: float = 0.95
    """SmoothQuant's strength of moving outliers from activations to weights, 0 to 1 (Xiao et al. 2022), or `OFF`."""
    ranges: Ranges = "mean"
    asymmetric_activations: bool = True
    """nncf's preset MIXED (True) or PERFORMANCE (False)."""
    excluded_share: Fraction = Fraction(0)
    """Fraction of the operations, worst first, that stay in floating point."""

    @property
    def name(self) -> str:
        """The recipe's name for `parse_recipe`: SmoothQuant's strength, and all settings that are not defaults."""
        parts = [f"smooth={'off' if self.smooth_alpha == OFF else self.smooth_alpha}"]
        if self.ranges != "mean":
            parts.append(f"ranges={self.ranges}")
        if not self.asymmetric_activations:
            parts.append("activations=symmetric")
        if self.excluded_share:
            parts.append(f"exclude={self.excluded_share}")
        return ",".join(parts)


USUAL = Recipe()


def parse_recipe(text: str) -> Recipe:
    """The recipe of that name, with defaults for omitted settings. Raises UsageError."""
    found: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or key not in _READERS:
            raise UsageError(
                f"Unknown recipe setting {echo(part.strip())}. Settings: {', '.join(_READERS)}.",
                hint=f"A complete recipe: {FORM}.",
            )
        field, reader, allowed = _READERS[key]
        if field in found:
            raise UsageError(f"The recipe {echo(text)} sets {key} twice.", hint="Set it once.")
        try:
            found[field] = reader(value)
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            message = f"Invalid value {echo(value)} for {key} in the recipe."
            raise UsageError(message, hint=f"Allowed for {key}: {allowed}.") from error
    return Recipe(**found)


def _smooth(value: str) -> float:
    if value == "off":
        return OFF
    alpha = float(value)
    if not (math.isfinite(alpha) and 0 <= alpha <= 1):
        raise ValueError(value)
    return alpha


def _choice(choices: Mapping[str, Any]) -> Callable[[str], Any]:
    def read(value: str) -> Any:
        if value not in choices:
            raise ValueError(value)
        return choices[value]

    return read


def _share(value: str) -> Fraction:
    # Fraction would also accept 1e999999999, and compute it.
    share = Fraction(value if _NUMBER.fullmatch(value) else "")
    if not 0 <= share <= MOST_EXCLUDED:
        raise ValueError(value)
    return share


_READERS: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
    "smooth": ("smooth_alpha", _smooth, "a number from 0 to 1, or off"),
    "ranges": ("ranges", _choice({name: name for name in get_args(Ranges)}), ", ".join(get_args(Ranges))),
    "activations": (
        "asymmetric_activations",
        _choice({"asymmetric": True, "symmetric": False}),
        "asymmetric or symmetric",
    ),
    "exclude": ("excluded_share", _share, f"a share from 0 to {MOST_EXCLUDED}, such as 1/16"),
}
"""Key → (field, reader, allowed values)."""
