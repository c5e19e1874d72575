"""Run the steps of a plan one after the other against the same server. Called by `moor bench`.

A step is a number of clients, or a rate. Steps use different bodies as long as enough are left: a cache in the server
would make later steps look faster.
"""

import asyncio
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mooring
from mooring.bench.bodies import Bodies, Groups
from mooring.bench.load import Fleet, Order, Run, Tick, new_event_loop
from mooring.bench.report import figures, shape_json
from mooring.client import decode
from mooring.target import Target

SCHEMA = "mooring-bench/1"
WARM_REQUESTS = 4
"""Warm-up requests per client."""
WARM_SECONDS = 2.0
"""Of an open loop."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Length of a step: requests, seconds, or both (whichever is first)."""

    requests: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings shared by all steps."""

    target: Target
    bodies: Bodies
    groups: Groups
    amount: Amount
    warm_up: Amount | None
    """None: as many as a step needs."""
    timeout_s: float
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    """A number of connections in a closed loop, or at `rate` requests per second."""

    connections: int
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A step and its result."""

    step: Step
    warmed: int
    """Requests before the clock started."""
    run: Run


class Session:
    """Measures steps of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next = 0
        """Index of the next body to send."""

    def measure(self, step: Step, tick: Tick | None = None) -> Measured:
        """Connect, warm up, measure.

        Ctrl-C while measuring returns the figures so far; before that it raises KeyboardInterrupt. Raises ClientError
        if the server cannot be reached, or does not answer with JSON.
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
    """Raise ClientError if a 200 is not JSON: some other server's page would be fast too."""
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
        **figures(measured.run),
        **shape_json(measured.run, plan.groups.spans),
    }


def plan_json(plan: Plan, file: str | None) -> dict[str, Any]:
    """Settings shared by all steps."""
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
    """A note about repeated bodies; "" if none was repeated."""
    distinct = plan.bodies.distinct
    if asked <= distinct:
        return ""
    each = "1 distinct request" if distinct == 1 else f"{distinct:,} distinct requests"
    return f"{each} sent {asked / distinct:,.1f} times each; caching servers benefit"


def machine() -> dict[str, str]:
    """The facts as text. Unknown ones are left out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    found = {
        "cpu": _cpu(),
        "cores": str(cores),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}".strip(),
        "python": platform.python_version(),
        "mooring": mooring.__version__,
    }
    return {name: value for name, value in found.items() if value}


def _cpu() -> str:
    """The CPU's name from the kernel."""
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _memory() -> str:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 2**20:.1f} GiB"
    return ""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
