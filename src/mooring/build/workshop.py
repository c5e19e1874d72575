"""One attempt in, a graph on disk and what it is worth out. Holds what all attempts of a build share.

Called by `pipeline.py` through the ladder.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mooring.backends.base import Backend, BackendOptions
from mooring.backends.cpu import avx2_alone, has_bf16, has_int8
from mooring.backends.openvino import OPENVINO
from mooring.build.artefact import Staging
from mooring.build.calibration import Arrays, Split, windows_as_inputs
from mooring.build.compress import PASSES, quantise
from mooring.build.judge import Judge, Judgement, Rules
from mooring.build.ladder import Attempt
from mooring.build.noise import rank
from mooring.build.progress import Progress
from mooring.build.race import RACE_QUESTIONS, RACE_RUNS, Pace, race
from mooring.build.recipe import Recipe
from mooring.graph.dequantise import widened
from mooring.graph.narrow import narrowed
from mooring.graph.source import Artefact, Given, GraphSource
from mooring.model.manifest import Manifest
from mooring.quality.gate import Verdict
from mooring.tasks import TASKS
from mooring.tasks.base import Task

RANKING_INPUTS = 12
"""Calibration inputs that each operation's harm is measured on; the order of the worst does not change with more."""


@dataclass(frozen=True, slots=True)
class Materials:
    """What a build works with."""

    manifest: Manifest
    task: Task
    graph: Any
    """The exact `openvino.Model`."""
    parts: Split
    rules: Rules


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt, made and judged."""

    attempt: Attempt
    graph: Path
    excluded: tuple[str, ...]
    judgement: Judgement | None
    """None when there was nothing to judge with, or the gate was left out."""
    gated: bool
    seconds: float
    warnings: tuple[str, ...] = ()
    narrow: Judgement | None = None
    """As CPUs with AVX2 alone compute it; None as long as that was not asked."""
    per_second: float | None = None
    """Questions a second, as this CPU computes it; None where it was only judged as others do."""

    @property
    def accepted(self) -> bool:
        """Exact graphs always are; a quantised one only if its whole interval lies within the limit."""
        if self.attempt.exact or not self.gated:
            return True
        return self.judgement is not None and self.judgement.verdict is Verdict.PASSED


class Workshop:
    """Makes attempts. A context manager: it keeps the exact model compiled while there is somebody to compare with."""

    def __init__(self, materials: Materials, staging: Staging, threads: int, progress: Progress) -> None:
        self._materials = materials
        self._staging = staging
        self._threads = threads
        self._progress = progress
        self._judge: Judge | None = None
        self._reference: Backend | None = None
        self._inputs: list[Arrays] | None = None
        self._ranked: dict[Recipe, list[tuple[str, float]]] = {}
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reference is not None:
            self._reference.close()

    @property
    def reference_per_second(self) -> float | None:
        """The exact model's questions a second; None when it was not asked."""
        return self._judge.per_second if self._judge else None

    def trial(self, attempt: Attempt) -> Trial:
        """As `measure`, and a note if it does not pass the gate."""
        trial = self.measure(attempt)
        if not trial.accepted and trial.judgement is not None:
            self._progress.note(
                f"{_described(trial)} does not pass the gate: {trial.judgement.sentence(self._materials.rules)}."
            )
        return trial

    def measure(self, attempt: Attempt) -> Trial:
        """Make the graph, write it, read it back and hold its answers against the exact model's."""
        began = time.monotonic()
        self._number += 1
        excluded = attempt.excluded(self._ranking(attempt.recipe)) if attempt.recipe.excluded_share else ()
        path = self._staging.save_graph(
            self._make(attempt, excluded), f"{self._number}-{attempt.precision}", halve=attempt.precision == "bf16"
        )
        judgement = self._judged(attempt, path)
        no_bf16 = ("Built for bf16 on a CPU without it: judged in fp32.",)
        return Trial(
            attempt,
            path,
            excluded,
            judgement,
            self._materials.rules.gated,
            time.monotonic() - began,
            warnings=() if _precision(attempt) == attempt.precision else no_bf16,
            per_second=judgement.per_second if judgement and _as_others(attempt) else None,
        )

    def narrow(self, trial: Trial) -> Trial:
        """The same, judged also as CPUs with AVX2 alone compute it: the integers are theirs on every CPU."""
        if trial.judgement is None or trial.attempt.exact:
            return trial
        rules = self._materials.rules
        self._progress.stage("Judging it with fewer levels, as CPUs with AVX2 alone have", rules.asked)
        here = avx2_alone()
        # Where the backend narrows by itself, a second time would be once too often.
        source = Artefact.at(trial.graph) if here else _of(narrowed(_read(trial.graph)))
        candidate = self._compile(source, trial.attempt.precision)
        try:
            narrow = self._opened_judge().judge(candidate, rules)
        finally:
            candidate.close()
        return replace(trial, narrow=narrow, per_second=narrow.per_second if here else trial.per_second)

    def race(self, trial: Trial) -> Pace:
        """How fast the graph of a trial is beside the exact model."""
        samples = self._materials.parts.judged[:RACE_QUESTIONS]
        self._progress.stage(f"Timing {trial.attempt.precision} beside fp32", RACE_RUNS * len(samples))
        judge = self._opened_judge()
        candidate = self._compile(Artefact.at(trial.graph), _precision(trial.attempt))
        try:
            return race(self._materials.task, judge.reference, candidate, samples, self._progress.advance)
        finally:
            candidate.close()

    def _make(self, attempt: Attempt, excluded: tuple[str, ...]) -> Any:
        if attempt.exact:
            return self._materials.graph
        what = f"Quantising to {attempt.precision}" + (f", {len(excluded)} operations left out" if excluded else "")
        return self._quantise(what, attempt.recipe, excluded=excluded)

    def _quantise(self, what: str, recipe: Recipe, *, excluded: tuple[str, ...] = (), fold_weights: bool = True) -> Any:
        inputs = self._calibration_inputs()
        self._progress.stage(what, PASSES * len(inputs))
        advance = self._progress.advance
        return quantise(self._materials.graph, inputs, recipe, advance, excluded=excluded, fold_weights=fold_weights)

    def _calibration_inputs(self) -> Sequence[Arrays]:
        if self._inputs is None:
            names = [port.get_any_name() for port in self._materials.graph.inputs]
            self._inputs = windows_as_inputs(self._materials.task, self._materials.parts.calibration, names)
        return self._inputs

    def _ranking(self, recipe: Recipe) -> list[tuple[str, float]]:
        """Operations by the harm each does, worst first; measured once for all shares of a recipe."""
        recipe = replace(recipe, excluded_share=Fraction(0))
        if recipe not in self._ranked:
            visible = self._quantise("Quantising with visible quantisers", recipe, fold_weights=False)
            self._progress.stage("Looking for the operations that do the harm")
            inputs = self._calibration_inputs()[:RANKING_INPUTS]
            self._ranked[recipe] = rank(visible, inputs, self._progress.advance)
        return self._ranked[recipe]

    def _judged(self, attempt: Attempt, path: Path) -> Judgement | None:
        rules = self._materials.rules
        if not self._materials.parts.judged or not rules.gated:
            return None
        # An exact graph is measured, not gated: the first look is enough.
        rules = replace(rules, one_look=rules.one_look or attempt.exact)
        self._progress.stage(f"Judging {attempt.precision} against fp32", 2 * min(rules.asked, self._available))
        if _as_others(attempt):
            candidate = self._compile(Artefact.at(path), _precision(attempt))
        else:
            candidate = self._compile(_of(widened(_read(path))), "fp32")
        try:
            return self._opened_judge().judge(candidate, rules)
        finally:
            candidate.close()

    @property
    def _available(self) -> int:
        return len(self._materials.parts.judged)

    def _opened_judge(self) -> Judge:
        if self._judge is None:
            self._reference = self._compile(_of(self._materials.graph), "fp32")
            materials = self._materials
            metric = TASKS[materials.manifest.task].metric
            self._judge = Judge(materials.task, metric, self._reference, materials.parts.judged, self._progress.advance)
        return self._judge

    def _compile(self, source: GraphSource, precision: str) -> Backend:
        options = BackendOptions(precision, threads=self._threads, streams=1)
        return OPENVINO.open(source, self._materials.manifest.max_positions, options)


def _precision(attempt: Attempt) -> str:
    """To compute it at on this CPU."""
    return "fp32" if attempt.precision == "bf16" and not has_bf16() else attempt.precision


def _as_others(attempt: Attempt) -> bool:
    """Whether this CPU gives the sums that CPUs with int8 dot products do. Without them it would cut some off."""
    return attempt.exact or has_int8()


def _read(path: Path) -> Any:
    return Artefact.at(path).model()


def _of(graph: Any) -> GraphSource:
    return Given(lambda: graph)


def _described(trial: Trial) -> str:
    return f"mixed ({len(trial.excluded)} operations in fp32)" if trial.excluded else trial.attempt.precision
