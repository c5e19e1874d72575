"""Run the stages of `moor build`.

Called by `cli/build.py`, and in part by `explore.py`. The accuracy check uses the written file, read back from disk,
not the graph in memory.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mooring.backends.cpu import INT8_GAIN
from mooring.build.artefact import check_target, copy_code, copy_companions, size_of, staged
from mooring.build.calibration import Split, check_calibration, check_judged, split
from mooring.build.compress import import_nncf
from mooring.build.judge import Rules
from mooring.build.ladder import BF16, LADDERS, Attempt, climb, ladder_of
from mooring.build.recipe import USUAL, Recipe
from mooring.build.record import manifest_of, refusal
from mooring.build.workshop import Materials, Trial, Workshop
from mooring.errors import BuildError, UsageError, echo
from mooring.graph.source import Checkpoint
from mooring.model.folder import ModelFolder
from mooring.model.manifest import Manifest, write_manifest
from mooring.model.source import ResolvedModel
from mooring.observe.memory import peak_bytes
from mooring.progress import Progress, Silent, stage
from mooring.quality.examples import ExampleFile, read_examples
from mooring.quality.gate import MINIMUM_QUESTIONS, MOST_QUESTIONS, RULE_OF_THREE, fewest_questions
from mooring.tasks import TASKS
from mooring.tasks.base import Task, TaskSpec
from mooring.tasks.recognise import as_judged, read_manifest

MakeTask = Callable[[Path, Manifest], Task]


@dataclass(frozen=True, slots=True)
class Order:
    """A build as requested by the user."""

    model: ResolvedModel
    out: Path | None
    """The output folder; None only to explore."""
    precision: str = "auto"
    """A key of `LADDERS`."""
    recipe: Recipe | None = None
    """How to quantize; None means the default."""
    calibration: Path | None = None
    samples: int = 300
    """Calibration questions."""
    judge: Path | None = None
    """Questions for the accuracy check; without it some are held out from `calibration`."""
    questions: int | None = MINIMUM_QUESTIONS
    """Questions of the first round of the check; None means all."""
    most_questions: int = MOST_QUESTIONS
    """Most questions while the check is undecided; at least `questions`."""
    max_drop: float | None = None
    """Largest drop in points; None means the metric's default."""
    gate: bool = True
    seed: int = 0
    force: bool = False
    task: str | None = None
    """Name or alias of the task; None for the model's own."""
    threads: int = 0
    code: Mapping[str, Path] = field(default_factory=dict)
    """Name → file of user code to copy."""


@dataclass(frozen=True, slots=True)
class Built:
    """What came of it."""

    folder: Path
    manifest: Manifest
    tried: tuple[Trial, ...]
    """In order; the last one was written."""
    reference_per_second: float | None
    """Questions per second of the exact model; None if nothing was checked."""
    size: int
    """Size of the folder in bytes."""
    seconds: float
    peak: int | None
    """Peak memory of this process in bytes; None if unknown."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The example files, and how they are split."""

    calibration: ExampleFile | None
    judge: ExampleFile | None
    parts: Split

    @property
    def judged_from(self) -> ExampleFile | None:
        return self.judge or self.calibration


@dataclass(frozen=True, slots=True)
class Prepared:
    """All inputs, read before anything is computed."""

    manifest: Manifest
    task: Task
    questions: Questions
    rules: Rules


def build(order: Order, make_task: MakeTask, progress: Progress | None = None) -> Built:
    """Run the build. Raises BuildError or a ModelError, and then leaves `order.out` unchanged."""
    began = time.monotonic()
    progress = progress or Silent()
    if order.out is None:
        raise UsageError("Missing output folder.", hint="Choose one with -o.")
    check_target(order.out, force=order.force)
    ladder = _ladder(order, progress)
    prepared = prepare(order, ladder, make_task, progress)
    questions, rules = prepared.questions, prepared.rules
    _check_decidable(ladder, rules)
    materials = materials_of(order, prepared, rules)
    with staged(order.out, force=order.force) as staging:
        with Workshop(materials, staging, order.threads, progress) as workshop:
            tried = climb(ladder, workshop.trial)
            if tried[-1].accepted:
                tried[-1] = workshop.narrow(tried[-1])
            reference_speed = workshop.reference_per_second
        if not tried[-1].accepted:
            raise refusal(tried[-1], rules)
        stage(progress, "Writing the model folder")
        staging.keep(tried[-1].graph)
        copy_companions(order.model.folder, staging.artefact)
        copy_code(order.code, staging.artefact)
        files = (questions.calibration, questions.judged_from)
        calibrated = len(questions.parts.calibration)
        written = manifest_of(prepared.manifest, tried[-1], rules, files=files, calibrated=calibrated)
        written = write_manifest(staging.artefact, written)
    size = size_of(order.out)
    return Built(order.out, written, tuple(tried), reference_speed, size, time.monotonic() - began, peak_bytes())


def prepare(order: Order, ladder: tuple[Attempt, ...], make_task: MakeTask, progress: Progress) -> Prepared:
    """Read the model's facts and the questions. Raises BuildError if they do not suffice for the attempts."""
    stage(progress, "Reading the model")
    model = order.model
    manifest = read_manifest(model.folder, source=model.source, revision=model.revision, task=order.task)
    if manifest.format == "openvino":
        raise BuildError(
            f"{echo(order.model.source)} was already built by `moor build` ({manifest.precision}).",
            hint="Build from the original model folder.",
        )
    judged = as_judged(manifest)
    task = make_task(order.model.folder, judged)
    stage(progress, "Reading the questions")
    spec = TASKS[judged.task]
    questions = _questions(order, spec, task)
    rules = _rules(order, spec, questions)
    _check_enough(ladder, questions, rules)
    return Prepared(manifest, task, questions, rules)


def materials_of(order: Order, prepared: Prepared, rules: Rules) -> Materials:
    """The exact graph with the means to check candidates."""
    manifest = prepared.manifest
    source = Checkpoint(ModelFolder(order.model.folder), TASKS[manifest.task].head, manifest.sentence)
    try:
        graph = source.model()
    finally:
        source.close()
    return Materials(prepared.manifest, prepared.task, graph, prepared.questions.parts, rules)


def _ladder(order: Order, progress: Progress) -> tuple[Attempt, ...]:
    """The attempts. Raises BuildError or UsageError early for settings that cannot work."""
    if order.precision not in LADDERS:
        raise UsageError(f"Unknown precision {echo(order.precision)}. Choose from {', '.join(LADDERS)}.")
    ladder = ladder_of(order.precision, order.recipe or USUAL)
    if order.recipe is not None and all(attempt.exact for attempt in ladder):
        raise UsageError(
            f"--recipe has no effect with --precision {order.precision}, which does not quantize.",
            hint="Remove --recipe, or build with --precision int8.",
        )
    if order.precision != "auto" or order.recipe is not None or order.calibration is not None:
        check_order(order, ladder)
        return ladder
    progress.note(
        f"No --calibration FILE given: building bf16. {INT8_GAIN}, but needs real questions for calibration: made-up "
        "ones would reduce its accuracy."
    )
    return (BF16,)


def check_order(order: Order, ladder: tuple[Attempt, ...]) -> None:
    """Raise BuildError if quantizing lacks nncf or calibration questions."""
    if all(attempt.exact for attempt in ladder):
        return
    if order.calibration is None:
        raise BuildError(
            "int8 needs real questions for calibration, but none were given.",
            hint="Add --calibration FILE (labeled examples, or one request per line), or build with --precision bf16.",
        )
    import_nncf()


def _questions(order: Order, spec: TaskSpec, task: Task) -> Questions:
    calibration, judge = (
        read_examples(path, spec.labelled, task.parse) if path else None for path in (order.calibration, order.judge)
    )
    return Questions(calibration, judge, split(calibration, judge, order.samples, order.seed))


def _rules(order: Order, spec: TaskSpec, questions: Questions) -> Rules:
    judged = questions.parts.judged
    labelled = all(example.label is not None for example in judged)
    usual = spec.metric.max_drop if labelled else spec.metric.max_disagreement
    asked = len(judged) if order.questions is None else order.questions
    return Rules(
        asked=asked,
        most=max(asked, order.most_questions),
        max_drop=usual if order.max_drop is None else order.max_drop,
        gated=order.gate,
        seed=order.seed,
    )


def _check_enough(ladder: tuple[Attempt, ...], questions: Questions, rules: Rules) -> None:
    if all(attempt.exact for attempt in ladder) or questions.calibration is None:
        return
    check_calibration(questions.parts, questions.calibration)
    if rules.gated:
        source = questions.judge or questions.calibration
        check_judged(questions.parts, max(rules.asked, 1), source.name)


def _check_decidable(ladder: tuple[Attempt, ...], rules: Rules) -> None:
    """Raise BuildError early if there are too few questions for any candidate to pass."""
    if all(attempt.exact for attempt in ladder) or not rules.gated or rules.max_drop <= 0:
        return
    fewest = fewest_questions(rules.max_drop)
    if rules.most < fewest:
        raise BuildError(
            f"{rules.most:,} questions are too few to show a drop of at most {rules.max_drop:g} points, even if every "
            f"answer is right; at least {fewest:,} are needed.",
            hint=f"Use more with --questions, allow more with --max-drop {100 * RULE_OF_THREE / rules.most:.1f}, or "
            "skip the check with --no-gate (recorded in the manifest).",
        )
