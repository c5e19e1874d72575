"""Split examples into two disjoint sets: one for calibration, one for the accuracy check.

Also converts the first set into arrays for calibration. Called by `pipeline.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mooring.errors import BuildError
from mooring.graph.heads import POSITIONS
from mooring.quality.examples import Example, ExampleFile
from mooring.quality.gate import MINIMUM_QUESTIONS
from mooring.tasks.base import Task

MINIMUM_SAMPLES = 32
"""Fewer calibration questions do not cover the range of the activations."""

Arrays = Mapping[str, npt.NDArray[np.int32]]
"""Input name → [1, length]: the graph's inputs for one window."""


@dataclass(frozen=True, slots=True)
class Split:
    """Two disjoint sets of examples."""

    calibration: tuple[Example, ...]
    judged: tuple[Example, ...]
    """In the order of use: the first n are as random a sample as any n."""


def split(file: ExampleFile | None, judge: ExampleFile | None, samples: int, seed: int) -> Split:
    """Draw up to `samples` calibration questions from `file`; the rest, or `judge`, is for the accuracy check.

    Questions on a passage used for calibration come last in the check. Without `file` nothing is calibrated.
    """
    rng = np.random.default_rng(seed)
    drawn = _shuffled(file.examples, rng) if file else []
    # Without --judge, calibration must not use up a small file.
    room = len(drawn) if judge else max(len(drawn) - MINIMUM_QUESTIONS, len(drawn) // 2)
    calibration = drawn[: min(samples, room)]
    seen, passages = {sample.key for sample in calibration}, {sample.group for sample in calibration}
    rest = _shuffled(judge.examples, rng) if judge else drawn[len(calibration) :]
    fresh = [sample for sample in rest if sample.key not in seen]
    fresh.sort(key=lambda sample: sample.group in passages)
    return Split(tuple(calibration), tuple(fresh))


def _shuffled(samples: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    unique = list({sample.key: sample for sample in samples}.values())
    return [unique[index] for index in rng.permutation(len(unique))]


def check_calibration(parts: Split, file: ExampleFile) -> None:
    """Raise BuildError if there are too few distinct calibration questions."""
    if len(parts.calibration) < MINIMUM_SAMPLES:
        raise BuildError(
            f"{file.name} has {len(parts.calibration)} distinct questions for calibration "
            f"(of {len(file.examples)}); at least {MINIMUM_SAMPLES} are needed.",
            hint="Provide more (300 for calibration and 2,000 to check are usual), or build with --precision bf16.",
        )


def check_judged(parts: Split, asked: int, where: str) -> None:
    """Raise BuildError if fewer questions are held out than --questions asks for."""
    have = len(parts.judged)
    if have < asked:
        raise BuildError(
            f"The accuracy check needs {asked:,} questions not used for calibration; {where} has {have:,}.",
            hint="Provide more with --judge FILE, lower the number with --questions (recorded in the manifest), or "
            "skip the check with --no-gate (also recorded).",
        )


def windows_as_inputs(task: Task, samples: Sequence[Example], names: Sequence[str]) -> list[Arrays]:
    """The first window of every sample, for the graph's inputs `names`, each [1, length] and unpadded."""
    return [_inputs(task.prepare(task.parse(sample.request)).windows[0], names) for sample in samples]


def _inputs(window: Any, names: Sequence[str]) -> Arrays:
    ids = np.asarray(window.input_ids, np.int32)[None]
    positions = np.zeros(1, np.int32) if window.positions is None else window.positions
    table = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.asarray(window.token_type_ids, np.int32)[None],
        POSITIONS: np.asarray(positions, np.int32)[None],
    }
    return {name: table[name] for name in names}
