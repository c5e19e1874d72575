"""Record a trial in the manifest, or refuse it. Called by `pipeline.py`."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

import mooring
from mooring.build.compress import nncf_version
from mooring.build.judge import Judgement, Rules
from mooring.build.workshop import Trial
from mooring.errors import BuildError
from mooring.graph.runtime import import_openvino
from mooring.model.manifest import GateRecord, Manifest, NarrowRecord
from mooring.quality.examples import ExampleFile

STORED = {"int8": "I8", "mixed": "I8", "bf16": "F16"}
"""Precision → storage type of most weights; fp32 keeps the source's type."""

Files = tuple[ExampleFile | None, ExampleFile | None]
"""The files for calibration and for the accuracy check."""


def manifest_of(source: Manifest, trial: Trial, rules: Rules, *, files: Files, calibrated: int) -> Manifest:
    """The manifest of the built model. `calibrated` is the number of calibration questions."""
    precision = trial.attempt.precision
    calibration, judged = files
    built_with = {"mooring": mooring.__version__, "openvino": str(import_openvino().__version__)}
    if not trial.attempt.exact and calibration is not None:
        built_with["nncf"] = nncf_version()
        built_with["recipe"] = trial.attempt.recipe.name
        built_with["calibration"] = f"{calibrated} questions of {calibration.name}, seed {rules.seed}"
        built_with["calibration_sha256"] = calibration.sha256
    return msgspec.structs.replace(
        source,
        # A path on the build machine means nothing elsewhere.
        source=source.name,
        format="openvino",
        precision=precision,
        weights_dtype=STORED.get(precision, source.weights_dtype),
        digest="",
        built=datetime.now(UTC).date().isoformat(),
        built_with=built_with,
        gate=gate_record(trial, rules),
        quality=quality_record(trial.judgement, judged),
        warnings=(*source.warnings, *trial.warnings),
    )


def gate_record(trial: Trial, rules: Rules) -> GateRecord | None:
    """The result of the accuracy check; None if it was neither required nor possible."""
    judgement = trial.judgement
    if judgement is None:
        return None if trial.attempt.exact else GateRecord(skipped=True, excluded_ops=trial.excluded)
    return GateRecord(
        metric=judgement.metric,
        questions=judgement.drop.questions,
        reference=round(judgement.drop.reference, 4),
        candidate=round(judgement.drop.candidate, 4),
        drop=round(judgement.drop.mean, 4),
        drop_upper=round(judgement.drop.upper, 4),
        max_drop=rules.max_drop,
        # bf16 needs no check, but its result is recorded like the others.
        passed=judgement.drop.upper <= rules.max_drop,
        excluded_ops=trial.excluded,
        narrow=_narrow_record(trial.narrow, rules),
        seconds=round(trial.seconds, 1),
    )


def _narrow_record(judgement: Judgement | None, rules: Rules) -> NarrowRecord | None:
    if judgement is None:
        return None
    return NarrowRecord(
        questions=judgement.drop.questions,
        reference=round(judgement.drop.reference, 4),
        candidate=round(judgement.drop.candidate, 4),
        drop=round(judgement.drop.mean, 4),
        drop_upper=round(judgement.drop.upper, 4),
        figures=_rounded(judgement.figures[1]) if judgement.figures else None,
        passed=judgement.drop.upper <= rules.max_drop,
    )


def quality_record(judgement: Judgement | None, file: ExampleFile | None) -> dict[str, float | int | str] | None:
    """The metric's figures with the dataset; None without labels."""
    if judgement is None or judgement.figures is None or file is None:
        return None
    exact, built = judgement.figures
    return {
        **_rounded(built),
        **{f"{name}_fp32": value for name, value in _rounded(exact).items()},
        "questions": judgement.drop.questions,
        "dataset": file.name,
        "dataset_sha256": file.sha256,
    }


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in figures.items()}


def refusal(trial: Trial, rules: Rules) -> BuildError:
    """Why an explicitly requested precision is not built."""
    said = trial.judgement.sentence(rules) if trial.judgement else "it was not checked"
    return BuildError(
        f"{trial.attempt.precision} failed the accuracy check: {said}.",
        hint="Use --precision auto to fall back to mixed precision and bf16, raise the limit with --max-drop, use more "
        "questions to narrow the interval, or skip the check with --no-gate (recorded in the manifest).",
    )
