"""Samples in, two disjoint parts out: what the compressor sees, and what judges it afterwards.

Also turns the first part into the arrays that the compressor runs. Called by `pipeline.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mooring.errors import BuildError
from mooring.quality.examples import Example, ExampleFile
from mooring.quality.gate import MINIMUM_QUESTIONS
from mooring.tasks.base import Task

MINIMUM_SAMPLES = 32
"""Fewer calibration questions do not show the range of the activations."""

Arrays = Mapping[str, npt.NDArray[np.int32]]
"""Input name → [1, length]: one window as the graph takes it."""


@dataclass(frozen=True, slots=True)
class Split:
    """No sample is in both."""

    calibration: tuple[Example, ...]
    judged: tuple[Example, ...]
    """In the order in which they are to be asked: the first n are as good a draw as any n."""


def split(file: ExampleFile | None, judge: ExampleFile | None, samples: int, seed: int) -> Split:
    """Draw up to `samples` calibration questions from `file`; all others, or those of `judge`, are there to judge.

    Questions on a passage that calibration saw come last among the judged. Without `file` nothing is calibrated.
    """
    rng = np.random.default_rng(seed)
    drawn = _shuffled(file.examples, rng) if file else []
    # Without --judge a small file must not be used up by calibration alone.
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
    """Raises BuildError when there are too few different questions to calibrate on."""
    if len(parts.calibration) < MINIMUM_SAMPLES:
        raise BuildError(
            f"{file.name} gives {len(parts.calibration)} different questions to calibrate on "
            f"(of {len(file.examples)}); at least {MINIMUM_SAMPLES} are needed.",
            hint="Give more; 300 for calibration and 2,000 to judge are usual. Or build with --precision bf16.",
        )


def check_judged(parts: Split, asked: int, where: str) -> None:
    """Raises BuildError when fewer questions are held back than the gate was asked to use."""
    have = len(parts.judged)
    if have < asked:
        raise BuildError(
            f"The gate needs {asked:,} questions that calibration has not seen; {where} has {have:,}.",
            hint="Give more with --judge FILE, or lower the number with --questions (the manifest records it), or "
            "leave the gate out with --no-gate (recorded too).",
        )


def windows_as_inputs(task: Task, samples: Sequence[Example], names: Sequence[str]) -> list[Arrays]:
    """The first window of every sample, for the graph's inputs `names`, each [1, length] and unpadded."""
    return [_inputs(task.prepare(task.parse(sample.body)).windows[0], names) for sample in samples]


def _inputs(window: Any, names: Sequence[str]) -> Arrays:
    ids = np.asarray(window.input_ids, np.int32)[None]
    table = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.asarray(window.token_type_ids, np.int32)[None],
    }
    return {name: table[name] for name in names}
