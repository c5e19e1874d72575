"""Build all candidates and compare them on the same questions. Called by `cli/explore.py`.

Only a temporary folder is written. If the order has a target, the best candidate is then built there normally.
"""

import time
from dataclasses import dataclass, replace

from mooring.backends.cpu import fast_int8, has_int8
from mooring.build.artefact import Staging, check_target, graph_size, scratch
from mooring.build.candidates import CANDIDATES, Candidate, choose
from mooring.build.judge import Rules
from mooring.build.ladder import Attempt
from mooring.build.pipeline import MakeTask, Order, check_order, materials_of, prepare
from mooring.build.workshop import Workshop
from mooring.errors import BuildError, MooringError
from mooring.progress import Progress, Silent, duration


@dataclass(frozen=True, slots=True)
class Explored:
    """The results of an exploration."""

    candidates: tuple[Candidate, ...]
    """In the order tried."""
    best: Candidate | None
    metric: str
    """Name of the metric, or "agreement"."""
    title: str
    """Display name of the metric."""
    rules: Rules
    calibrated: int
    """Number of calibration questions."""
    fast_int8: bool
    """Whether this CPU computes int8 well; if not, int8 speeds say nothing about CPUs that do."""
    seconds: float
    dot_products: bool = True
    """Whether it has int8 dot products; if not, fast int8 has fewer levels."""
    interrupted: bool = False
    """Whether Ctrl-C ended it: candidates are missing."""


def explore(
    order: Order, make_task: MakeTask, progress: Progress | None = None, attempts: tuple[Attempt, ...] = ()
) -> Explored:
    """Build, check and time all `attempts`, by default `CANDIDATES`; the order's precision and recipe are ignored.

    A failed candidate has a reason instead of results. Ctrl-C ends it with the candidates so far, if there are any.
    Raises BuildError if all fail, or as `build` does.
    """
    began = time.monotonic()
    progress = progress or Silent()
    attempts = attempts or CANDIDATES
    if order.out is not None:
        check_target(order.out, force=order.force)
    check_order(order, attempts)
    prepared = prepare(order, attempts, make_task, progress)
    rules = replace(prepared.rules, one_look=True)
    materials = materials_of(order, prepared, rules)
    with (
        scratch() as staging,
        Workshop(materials, staging, order.threads, progress) as workshop,
    ):
        candidates, interrupted = _candidates(attempts, workshop, staging, progress)
    judged = [candidate.judgement for candidate in candidates if candidate.judgement is not None]
    if not judged:
        raise BuildError(f"None of the {len(attempts)} candidates could be built: {candidates[0].failure}")
    fast = fast_int8()
    best = choose(candidates, fast_int8=fast)
    calibrated = len(prepared.questions.parts.calibration)
    seconds = time.monotonic() - began
    first = judged[0]
    return Explored(
        candidates, best, first.metric, first.title, rules, calibrated, fast, seconds, has_int8(), interrupted
    )


def order_of(order: Order, explored: Explored) -> Order:
    """The order to build only the best candidate. Raises BuildError if there is none."""
    best = explored.best
    if best is None:
        raise BuildError("No candidate passed the accuracy check, so nothing was written.", hint="The table shows why.")
    if best.attempt.exact:
        return replace(order, precision=best.attempt.precision, recipe=None)
    return replace(order, precision="int8", recipe=best.attempt.recipe)


def _candidates(
    attempts: tuple[Attempt, ...], workshop: Workshop, staging: Staging, progress: Progress
) -> tuple[tuple[Candidate, ...], bool]:
    """All candidates, and whether Ctrl-C left some out. Raises KeyboardInterrupt if it came before the first result."""
    found: list[Candidate] = []
    began = time.monotonic()
    try:
        for attempt in attempts:
            left = (time.monotonic() - began) / len(found) * (len(attempts) - len(found)) if found else None
            time_left = "" if left is None else f", about {duration(left)} left"
            workshop.about = f"{len(found) + 1} of {len(attempts)}{time_left}: {attempt.name}: "
            found.append(_candidate(attempt, workshop, staging, progress))
    except KeyboardInterrupt:
        if not any(candidate.judgement for candidate in found):
            raise
        return tuple(found), True
    return tuple(found), False


def _candidate(attempt: Attempt, workshop: Workshop, staging: Staging, progress: Progress) -> Candidate:
    try:
        trial = workshop.measure(attempt)
        pace, size = workshop.race(trial), graph_size(trial.graph)
        staging.discard(trial.graph)
    except (MooringError, RuntimeError) as error:
        progress.note(f"{attempt.name} failed: {error}")
        return Candidate(attempt, failure=str(error))
    return Candidate(attempt, trial.judgement, pace, size, trial.excluded, trial.warnings)
