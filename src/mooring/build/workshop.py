"""Build one attempt and check its accuracy, with state shared by all attempts of a build.

Called by `pipeline.py` and `ladder.py`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mooring.backends.base import Backend, BackendOptions
from mooring.backends.cpu import avx2_alone, has_bf16, has_int8
from mooring.backends.openvino import OPENVINO
from mooring.build.artefact import Staging
from mooring.build.calibration import Arrays, Split, windows_as_inputs
from mooring.build.compress import passes, quantise
from mooring.build.judge import Begin, Judge, Judgement, Rules
from mooring.build.ladder import Attempt
from mooring.build.noise import rank
from mooring.build.race import RACE_QUESTIONS, RACE_RUNS, Pace, race
from mooring.build.recipe import Recipe
from mooring.graph.dequantise import widened
from mooring.graph.narrow import narrowed
from mooring.graph.source import Artefact, Given, GraphSource
from mooring.model.manifest import Manifest
from mooring.progress import Progress, stage
from mooring.quality.gate import Verdict
from mooring.tasks import TASKS
from mooring.tasks.base import Task
from mooring.tasks.recognise import as_judged

RANKING_INPUTS = 12
"""Calibration inputs for measuring each operation's error; more do not change the order of the worst."""


@dataclass(frozen=True, slots=True)
class Materials:
    """The inputs of a build."""

    manifest: Manifest
    task: Task
    graph: Any
    """The exact `openvino.Model`."""
    parts: Split
    rules: Rules


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt, built and checked."""

    attempt: Attempt
    graph: Path
    excluded: tuple[str, ...]
    judgement: Judgement | None
    """None without questions, or if the check was skipped."""
    gated: bool
    seconds: float
    warnings: tuple[str, ...] = ()
    narrow: Judgement | None = None
    """The result as CPUs with AVX2 only compute it; None if not checked."""
    per_second: float | None = None
    """Questions per second on this CPU; None if it only simulated other CPUs."""

    @property
    def accepted(self) -> bool:
        """Exact graphs are always accepted; a quantized one only if its whole interval is within the limit."""
        if self.attempt.exact or not self.gated:
            return True
        return self.judgement is not None and self.judgement.verdict is Verdict.PASSED


class Workshop:
    """Builds attempts. A context manager that keeps the exact model compiled for comparisons."""

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
        self.about = ""
        """Begins the title of every step: what is being built, and how far that is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reference is not None:
            self._reference.close()

    @property
    def reference_per_second(self) -> float | None:
        """The exact model's questions per second; None if it was not used."""
        return self._judge.per_second if self._judge else None

    def trial(self, attempt: Attempt) -> Trial:
        """As `measure`, plus a note if it fails the accuracy check."""
        trial = self.measure(attempt)
        if not trial.accepted and trial.judgement is not None:
            self._progress.note(
                f"{_described(trial)} failed the accuracy check: {trial.judgement.sentence(self._materials.rules)}."
            )
        return trial

    def measure(self, attempt: Attempt) -> Trial:
        """Make the graph, write it, read it back and compare its answers with the exact model's."""
        began = time.monotonic()
        self._number += 1
        excluded = attempt.excluded(self._ranking(attempt.recipe)) if attempt.recipe.excluded_share else ()
        path = self._staging.save_graph(
            self._make(attempt, excluded), f"{self._number}-{attempt.precision}", halve=attempt.precision == "bf16"
        )
        judgement = self._judged(attempt, path)
        no_bf16 = ("This CPU does not support bf16: the bf16 model was checked in fp32.",)
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
        """The trial, also checked as CPUs with AVX2 only compute it: the integers are the same on every CPU."""
        if trial.judgement is None or trial.attempt.exact:
            return trial
        rules = self._materials.rules
        here = avx2_alone()
        # If the backend already narrows, do not narrow twice.
        source = Artefact.at(trial.graph) if here else _of(narrowed(_read(trial.graph)))
        candidate = self._compile(source, trial.attempt.precision)
        try:
            begin = self._rounds("Checking accuracy with fewer int8 levels, as on CPUs with AVX2 only")
            narrow = self._opened_judge().judge(candidate, rules, begin)
        finally:
            candidate.close()
        return replace(trial, narrow=narrow, per_second=narrow.per_second if here else trial.per_second)

    def race(self, trial: Trial) -> Pace:
        """The speed of a trial's graph relative to the exact model."""
        samples = self._materials.parts.judged[:RACE_QUESTIONS]
        self._stage(f"Timing {trial.attempt.precision} against fp32", RACE_RUNS * len(samples))
        judge = self._opened_judge()
        candidate = self._compile(Artefact.at(trial.graph), _precision(trial.attempt))
        try:
            return race(self._materials.task, judge.reference, candidate, samples, self._progress.advance)
        finally:
            candidate.close()

    def _make(self, attempt: Attempt, excluded: tuple[str, ...]) -> Any:
        if attempt.exact:
            return self._materials.graph
        what = f"Quantizing to {attempt.precision}" + (f", {len(excluded)} operations left out" if excluded else "")
        return self._quantise(what, attempt.recipe, excluded=excluded)

    def _quantise(self, what: str, recipe: Recipe, *, excluded: tuple[str, ...] = (), fold_weights: bool = True) -> Any:
        inputs = self._calibration_inputs()
        self._stage(what, passes(recipe) * len(inputs))
        advance = self._progress.advance
        return quantise(self._materials.graph, inputs, recipe, advance, excluded=excluded, fold_weights=fold_weights)

    def _calibration_inputs(self) -> Sequence[Arrays]:
        if self._inputs is None:
            names = [port.get_any_name() for port in self._materials.graph.inputs]
            self._inputs = windows_as_inputs(self._materials.task, self._materials.parts.calibration, names)
        return self._inputs

    def _ranking(self, recipe: Recipe) -> list[tuple[str, float]]:
        """Operations by the error each causes, worst first; measured once for all shares of a recipe."""
        recipe = replace(recipe, excluded_share=Fraction(0))
        if recipe not in self._ranked:
            visible = self._quantise("Quantizing for the error analysis", recipe, fold_weights=False)
            inputs = self._calibration_inputs()[:RANKING_INPUTS]
            begin = partial(self._stage, "Finding the operations that lose most accuracy")
            self._ranked[recipe] = rank(visible, inputs, self._progress.advance, begin)
        return self._ranked[recipe]

    def _judged(self, attempt: Attempt, path: Path) -> Judgement | None:
        rules = self._materials.rules
        if not self._materials.parts.judged or not rules.gated:
            return None
        # An exact graph is measured, not checked: the first round suffices.
        rules = replace(rules, one_look=rules.one_look or attempt.exact)
        if _as_others(attempt):
            candidate = self._compile(Artefact.at(path), _precision(attempt))
        else:
            candidate = self._compile(_of(widened(_read(path))), "fp32")
        try:
            return self._opened_judge().judge(
                candidate, rules, self._rounds(f"Checking {attempt.precision} against fp32")
            )
        finally:
            candidate.close()

    def _stage(self, title: str, total: int | None = None) -> None:
        stage(self._progress, f"{self.about}{title}", total)

    def _rounds(self, title: str) -> Begin:
        """Each round of a check is a step, since nobody knows how many there will be."""

        def begin(before: int, answers: int) -> None:
            self._stage(f"{title}, undecided after {before:,} questions" if before else title, answers)

        return begin

    def _opened_judge(self) -> Judge:
        if self._judge is None:
            self._reference = self._compile(_of(self._materials.graph), "fp32")
            materials = self._materials
            metric = TASKS[as_judged(materials.manifest).task].metric
            self._judge = Judge(materials.task, metric, self._reference, materials.parts.judged, self._progress.advance)
        return self._judge

    def _compile(self, source: GraphSource, precision: str) -> Backend:
        options = BackendOptions(precision, threads=self._threads, streams=1)
        return OPENVINO.open(source, self._materials.manifest.max_positions, options)


def _precision(attempt: Attempt) -> str:
    """The precision for computing it on this CPU."""
    return "fp32" if attempt.precision == "bf16" and not has_bf16() else attempt.precision


def _as_others(attempt: Attempt) -> bool:
    """Whether this CPU computes the same sums as CPUs with int8 dot products. Without them some would saturate."""
    return attempt.exact or has_int8()


def _read(path: Path) -> Any:
    return Artefact.at(path).model()


def _of(graph: Any) -> GraphSource:
    return Given(lambda: graph)


def _described(trial: Trial) -> str:
    return f"mixed ({len(trial.excluded)} operations in fp32)" if trial.excluded else trial.attempt.precision
