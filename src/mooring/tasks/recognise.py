"""Determine the task and the other facts of the model in a folder, as a `Manifest`."""

import re
from collections.abc import Iterable
from pathlib import Path

from mooring.errors import ModelInvalid, ModelNotFound, ModelUnsupported, UsageError, echo
from mooring.model.config import Facts, read_facts
from mooring.model.folder import CONFIG_FILE, MANIFEST_FILE, TOKENIZER_CONFIG_FILE, ModelFolder
from mooring.model.manifest import Manifest, missing_from_hub_folder, name_of, read_built, require
from mooring.model.sentence_transformers import SentenceRecord, read_sentence
from mooring.model.unsupported import refuse_folder
from mooring.model.weights import Weights, open_weights
from mooring.tasks import TASKS, task_named
from mooring.tasks.base import TaskSpec

NOT_SERVED = {
    "TapasForQuestionAnswering": "table-question-answering",
    "ForMultipleChoice": "multiple-choice",
    "ForPreTraining": "pre-training",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
}
"""Architecture suffix → a task that Mooring does not support. The longest match wins."""
SENTENCE_TASK = "feature-extraction"
"""The task of a folder with the files of sentence-transformers, as on the Hub."""


def read_manifest(
    folder: ModelFolder | Path, *, source: str, revision: str | None = None, task: str | None = None
) -> Manifest:
    """The facts of the model in `folder`; `source` is the user's name for it, `revision` overrides the stored one.

    `task` is the requested task or an alias; None means the folder's. Raises ModelNotFound, ModelIncomplete (naming
    the missing files), ModelUnsupported, ModelInvalid, UnsafeWeights, or UsageError for an unknown task.
    """
    folder = ModelFolder.of(folder)
    asked = None if task is None else task_named(task)
    if not folder.path.is_dir():
        raise ModelNotFound(f"Folder {folder} does not exist.")
    if folder.has(MANIFEST_FILE):
        return _built(read_built(folder), asked).replaced(source=source, **({"revision": revision} if revision else {}))
    refuse_folder(folder)
    require(folder, source, missing_from_hub_folder(folder))
    facts = read_facts(folder)
    sentence = read_sentence(folder, facts.sizes.hidden)
    spec, architecture = _task_of(facts, sentence, asked)
    with open_weights(folder) as weights:
        _check_weights(weights, facts, spec, architecture)
        dtype = weights.main_dtype
    optional = () if folder.has(TOKENIZER_CONFIG_FILE) else (TOKENIZER_CONFIG_FILE,)
    manifest = Manifest(
        name=name_of(source, folder.outer.path),
        source=source,
        task=spec.name,
        family=facts.family.name,
        architecture=architecture,
        format="safetensors",
        precision="fp32",
        weights_dtype=dtype,
        labels=facts.labels,
        no_answer=_trained_without_answers(folder, source) if spec.head == "span" else None,
        sentence=sentence if spec.head == "hidden" else None,
        max_positions=facts.sizes.positions,
        vocab_size=facts.sizes.vocabulary,
        hidden_size=facts.sizes.hidden,
        layers=facts.sizes.layers,
        max_seq_len=min(_longest(facts, sentence), spec.default_window or facts.max_length),
        revision=revision,
        warnings=tuple(f"{name} is missing; using default values." for name in optional),
        missing=optional,
    )
    return manifest.replaced(tasks=_offered(manifest))


def _trained_without_answers(folder: ModelFolder, source: str) -> bool | None:
    """See `Manifest.no_answer`: as `moor distil` writes it into config.json, else True for a name with SQuAD 2."""
    record = folder.json(CONFIG_FILE).get("mooring")
    said = record.get("no_answer") if isinstance(record, dict) else None
    if isinstance(said, bool):
        return said
    return True if _SQUAD_2.search(name_of(source, folder.outer.path)) else None


_SQUAD_2 = re.compile(r"squad[-_]?v?2(?!\d)", re.IGNORECASE)


def as_judged(manifest: Manifest) -> Manifest:
    """The manifest with the task first whose metric judges the model: vectors of whole texts rather than of tokens."""
    judge = TASKS[manifest.task].judged_as
    return manifest.replaced(task=judge, tasks=_first(judge, manifest.tasks)) if judge in manifest.tasks else manifest


def _first(name: str, names: Iterable[str]) -> tuple[str, ...]:
    return (name, *(other for other in names if other != name))


def _longest(facts: Facts, sentence: SentenceRecord | None) -> int:
    """In tokens; sentence-transformers has its own limit."""
    stated = None if sentence is None else sentence.max_tokens
    return facts.max_length if stated is None else min(stated, facts.sizes.positions)


def _offered(manifest: Manifest) -> tuple[str, ...]:
    """The tasks that the model's head can do, its own first."""
    head = TASKS[manifest.task].head
    found = [spec.name for spec in TASKS.values() if spec.head == head and spec.offered(manifest)]
    return _first(manifest.task, found)


def _built(manifest: Manifest, asked: str | None) -> Manifest:
    """The manifest of a built model for the requested task. Raises ModelUnsupported, or UsageError for another task."""
    if manifest.task not in TASKS:
        raise ModelUnsupported(
            f"{MANIFEST_FILE}: task is {echo(manifest.task)}, which is not supported.", hint=f"Supported: {_served()}."
        )
    offered = _offered(manifest)
    if asked is not None and asked not in offered:
        raise UsageError(
            f"The requested task is {echo(asked)}, but this model was built for {', '.join(offered)}.",
            hint="Remove --task and HF_TASK, or build the model again with --task.",
        )
    manifest = manifest.replaced(task=asked or manifest.task)
    return manifest.replaced(tasks=_offered(manifest))


def _task_of(facts: Facts, sentence: SentenceRecord | None, asked: str | None) -> tuple[TaskSpec, str]:
    """The model's own task, and its architecture; "" if config.json names none.

    A requested task decides, unless the architecture has another head; any encoder has token vectors. Otherwise the
    files of sentence-transformers decide, then the architecture. Raises ModelUnsupported for an unsupported task, with
    what to do about it, or UsageError.
    """
    listed = facts.architectures
    named = isinstance(listed, list) and listed and isinstance(listed[0], str)
    architecture = str(listed[0]) if named else ""
    name = _named_by(architecture)
    if asked is not None:
        if name in TASKS and TASKS[asked].head not in (TASKS[name].head, "hidden"):
            raise UsageError(
                f"The requested task is {echo(asked)}, but {CONFIG_FILE} says {architecture}, a model for {name}.",
                hint="Remove --task and HF_TASK, or use a model for the requested task.",
            )
        return TASKS[asked], architecture
    if sentence is not None:
        return TASKS[SENTENCE_TASK], architecture
    if not named:
        raise ModelUnsupported(
            f"{CONFIG_FILE}: architectures is {echo(listed)}, so the model's task is unknown.",
            hint=f"Set the task with --task (or HF_TASK): {_served()}.",
        )
    if name in TASKS:
        return TASKS[name], architecture
    wanted = ", ".join(f"…{end}" for spec in TASKS.values() for end in spec.architectures)
    raise ModelUnsupported(
        f"{CONFIG_FILE}: the architecture is {echo(architecture)}, whose task, {name}, is not supported.",
        hint=f"Choose a model whose architecture is {wanted}. Supported tasks: {_served()}.",
    )


def _named_by(architecture: str) -> str:
    """The task of an architecture, supported or not; "unknown" if there is none."""
    ends = {end: spec.name for spec in TASKS.values() for end in spec.architectures} | NOT_SERVED
    matches = [end for end in ends if architecture.endswith(end)]
    return ends[max(matches, key=len)] if matches else "unknown"


def _check_weights(weights: Weights, facts: Facts, spec: TaskSpec, architecture: str) -> None:
    """Raise ModelInvalid unless the weights have the task's head and the number of layers in config.json."""
    names = weights.names()
    head = facts.family.weights.get(spec.head)
    if head is not None and head not in names and facts.family.prefix + head not in names:
        raise ModelInvalid(
            f"{CONFIG_FILE} says {architecture or spec.name}, but the weights have no tensor {head!r}: "
            "the head was never trained or is in another file.",
            hint="Use the weights from the fine-tuned model's repository.",
        )
    stored, said = facts.family.layers_in(names), facts.sizes.layers
    if stored != said:
        raise ModelInvalid(
            f"{CONFIG_FILE} says {said} layers, but the weights have {stored}.",
            hint="Use config.json and weights of the same model.",
        )


def _served() -> str:
    return ", ".join(TASKS)
