"""A plan in, measured steps out, one after the other against the same server. Called by `moor bench`.

A step is a number of clients, or a rate. No step asks what another has asked, as long as there are bodies left: a
server that remembers answers would look faster at the later ones.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from mooring.bench.bodies import Bodies, Groups
from mooring.bench.load import Fleet, Order, Run, Tick, new_event_loop
from mooring.bench.report import as_json, figures, shape_json
from mooring.client import Target, decode

SCHEMA = "mooring-bench/1"
WARM_REQUESTS = 4
"""For each client."""
WARM_SECONDS = 2.0
"""Of an open loop."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Requests, or seconds, or both: whichever is first."""

    requests: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same for all steps."""

    target: Target
    bodies: Bodies
    groups: Groups
    amount: Amount
    warm_up: Amount | None
    """None: what a step needs."""
    timeout_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    """So many connections; in a closed loop, or at `rate` requests a second."""

    connections: int
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A step and what came of it."""

    step: Step
    warmed: int
    """Requests before the clock started."""
    run: Run


class Session:
    """Measures steps of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next = 0
        """Of the bodies, the next to send."""

    def measure(self, step: Step, tick: Tick | None = None) -> Measured:
        """Connect, warm up, measure.

        Ctrl-C while measuring ends it with what there is; before that it raises KeyboardInterrupt. Raises ClientError
        if the server cannot be reached, or answers with something that is not JSON.
        """
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(self._measure(step, tick))

    async def _measure(self, step: Step, tick: Tick | None) -> Measured:
        plan = self._plan
        async with Fleet(plan.target, step.connections, plan.timeout_s) as fleet:
            warm = await fleet.drive(self._order(step, plan.warm_up or _warm_up(step)), keep=True)
            self._next += warm.tally.done
            if warm.interrupted:
                raise KeyboardInterrupt
            _check_answers(plan.target, warm)
            run = await fleet.drive(self._order(step, plan.amount, measured=True), tick=tick)
        self._next += run.tally.done
        return Measured(step, warm.tally.done, run)

    def _order(self, step: Step, amount: Amount, *, measured: bool = False) -> Order:
        plan = self._plan
        return Order(
            plan.bodies.requests,
            count=amount.requests,
            seconds=amount.seconds,
            first=self._next,
            rate=step.rate,
            seed=plan.seed,
            groups=plan.groups.of if measured else (),
        )


def _warm_up(step: Step) -> Amount:
    if step.rate is None:
        return Amount(requests=WARM_REQUESTS * step.connections)
    return Amount(seconds=WARM_SECONDS)


def _check_answers(target: Target, warm: Run) -> None:
    """Raise ClientError if what comes with a 200 is not JSON: a page of some other server would be fast, too."""
    for sample in warm.samples[:1]:
        if sample.status == 200:
            decode(target, warm.bodies[sample.place])


def step_json(plan: Plan, measured: Measured) -> dict[str, Any]:
    """A step's settings and figures."""
    step = measured.step
    return {
        "clients": None if step.rate else step.connections,
        "rate": step.rate,
        "connections": step.connections,
        "warmup": measured.warmed,
        **as_json(figures(measured.run)),
        **shape_json(measured.run, plan.groups.spans),
    }


def plan_json(plan: Plan, file: str | None) -> dict[str, Any]:
    """What is the same for all steps."""
    words = sorted(plan.bodies.words)
    return {
        "schema": SCHEMA,
        "url": plan.target.url,
        "file": file,
        "seed": plan.seed,
        "bodies": {
            "source": plan.bodies.source,
            "distinct": plan.bodies.distinct,
            "words": {"min": words[0], "p50": words[len(words) // 2], "max": words[-1]},
        },
        "ordered": {"requests": plan.amount.requests, "seconds": plan.amount.seconds},
        "timeout_s": plan.timeout_s,
    }


def repeats(plan: Plan, asked: int) -> str:
    """A remark about bodies that were sent more than once; "" if none was."""
    distinct = plan.bodies.distinct
    if asked <= distinct:
        return ""
    each = "one request" if distinct == 1 else f"{distinct:,} different requests"
    return f"{each}, {asked / distinct:,.1f} times each: a server that remembers answers gains by that"
