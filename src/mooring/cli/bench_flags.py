"""Read the flags of `moor bench`, and refuse those that have no effect, before anything is sent."""

from typing import TYPE_CHECKING, Any

import click

from mooring.cli.opening import check_readable
from mooring.errors import UsageError

if TYPE_CHECKING:
    from mooring.bench.bodies import Wish
    from mooring.bench.session import Amount


class WarmUp(click.ParamType["Amount"]):
    """A number of requests (200) or of seconds (5s)."""

    name = "N|Ns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Amount":
        """Parse the text of the command line."""
        from mooring.bench.session import Amount

        try:
            amount = Amount(seconds=float(value[:-1])) if value.endswith("s") else Amount(requests=int(value))
        except ValueError:
            self.fail(f"{value!r} is not a number of requests (200) or of seconds (5s).", param, ctx)
        if (amount.requests or 0) < 0 or not 0 <= (amount.seconds or 0) < 1e6:
            self.fail(f"{value!r} is out of range.", param, ctx)
        return Amount(requests=0) if amount.seconds == 0 else amount


def wish_from(flags: dict[str, Any]) -> "Wish":
    """The requests that the flags name. Raises UsageError."""
    from mooring.bench.bodies import Wish
    from mooring.bench.lengths import parse_lengths

    if flags["file"] is not None:
        check_readable(flags["file"])
    lengths = parse_lengths(flags["lengths"]) if flags["lengths"] is not None else None
    return Wish(flags["file"], lengths, flags["seed"])


def refuse_contradictions(flags: dict[str, Any]) -> None:
    """Raise UsageError for flags that would have no effect."""
    rates = flags["rate"] is not None or any(text.strip().startswith("rates") for text in flags["sweep"])
    if flags["sweep"] and flags["rate"] is not None:
        raise UsageError("--rate and --sweep are mutually exclusive.", hint="Use --sweep rates:20,50,100.")
    if flags["clients"] is not None and (flags["rate"] is not None or flags["sweep"]):
        what = "--rate" if flags["rate"] is not None else "--sweep"
        hint = "Use --connections to limit concurrency." if what == "--rate" else "Use --sweep clients:1,8,64."
        raise UsageError(f"--clients has no effect with {what}.", hint=hint)
    if flags["connections"] is not None and not rates:
        raise UsageError("--connections has no effect without a rate: each client has one.", hint="Use --clients.")
