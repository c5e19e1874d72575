"""Determine the task and the other facts of the model in a folder, as a `Manifest`."""

from pathlib import Path

from mooring.errors import ModelInvalid, ModelNotFound, ModelUnsupported, echo
from mooring.model.config import Facts, read_facts
from mooring.model.folder import CONFIG_FILE, MANIFEST_FILE, TOKENIZER_CONFIG_FILE, ModelFolder
from mooring.model.manifest import Manifest, missing_from_hub_folder, name_of, read_built, require
from mooring.model.weights import Weights, open_weights
from mooring.tasks import TASKS
from mooring.tasks.base import TaskSpec

NOT_SERVED = {
    "TapasForQuestionAnswering": "table-question-answering",
    "ForTokenClassification": "token-classification",
    "ForMultipleChoice": "multiple-choice",
    "ForMaskedLM": "fill-mask",
    "ForPreTraining": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "Model": "feature-extraction",
}
"""Architecture suffix → a task that Mooring does not support. The longest match wins."""


def read_manifest(
    folder: ModelFolder | Path, *, source: str, revision: str | None = None, task: str | None = None
) -> Manifest:
    """The facts of the model in `folder`; `source` is the user's name for it, `revision` overrides the stored one.

    `task` is the requested task; None means the folder's. Raises ModelNotFound, ModelIncomplete (naming
    the missing files), ModelUnsupported, ModelInvalid or UnsafeWeights.
    """
    folder = ModelFolder.of(folder)
    if not folder.path.is_dir():
        raise ModelNotFound(f"Folder {folder} does not exist.")
    if folder.has(MANIFEST_FILE):
        built = read_built(folder)
        if built.task not in TASKS:
            raise ModelUnsupported(
                f"{MANIFEST_FILE}: task is {echo(built.task)}, which is not supported.", hint=f"Supported: {_served()}."
            )
        return built.replaced(source=source, revision=revision or built.revision)
    require(folder, source, missing_from_hub_folder(folder))
    facts = read_facts(folder)
    spec, architecture = _task_of(facts, task)
    with open_weights(folder) as weights:
        _check_weights(weights, facts, spec, architecture)
        dtype = weights.main_dtype
    optional = () if folder.has(TOKENIZER_CONFIG_FILE) else (TOKENIZER_CONFIG_FILE,)
    return Manifest(
        name=name_of(source, folder.path),
        source=source,
        task=spec.name,
        family=facts.family.name,
        architecture=architecture,
        format="safetensors",
        precision="fp32",
        weights_dtype=dtype,
        labels=facts.labels,
        max_positions=facts.sizes.positions,
        vocab_size=facts.sizes.vocabulary,
        hidden_size=facts.sizes.hidden,
        layers=facts.sizes.layers,
        max_seq_len=min(facts.max_length, spec.default_window or facts.max_length),
        revision=revision,
        warnings=tuple(f"{name} is missing; using default values." for name in optional),
        missing=optional,
    )


def _task_of(facts: Facts, asked: str | None) -> tuple[TaskSpec, str]:
    """The task, and the architecture that determines it; "" if the task was requested and the folder names none.

    Raises ModelUnsupported for an unsupported task, with what to do about it.
    """
    listed = facts.architectures
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], str):
        if asked is not None and asked in TASKS:
            return TASKS[asked], ""  # the weights show whether they have that task's head
        raise ModelUnsupported(
            f"{CONFIG_FILE}: architectures is {echo(listed)}, so the model's task is unknown.",
            hint=f"Set the task with --task (or HF_TASK): {_served()}.",
        )
    architecture = listed[0]
    ends = {end: spec.name for spec in TASKS.values() for end in spec.architectures} | NOT_SERVED
    matches = [end for end in ends if architecture.endswith(end)]
    name = ends[max(matches, key=len)] if matches else "unknown"
    if name in TASKS:
        return TASKS[name], architecture
    wanted = ", ".join(f"…{end}" for spec in TASKS.values() for end in spec.architectures)
    if name in ("feature-extraction", "fill-mask"):
        raise ModelUnsupported(
            f"{CONFIG_FILE}: the architecture is {echo(architecture)}, an encoder without a task head.",
            hint=f"Fine-tune it first, or choose a model whose architecture is {wanted}. Supported tasks: {_served()}.",
        )
    raise ModelUnsupported(
        f"{CONFIG_FILE}: the architecture is {echo(architecture)}, whose task, {name}, is not supported.",
        hint=f"Choose a model whose architecture is {wanted}. Supported tasks: {_served()}.",
    )


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
