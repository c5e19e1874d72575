"""The test request of a new endpoint: an example of the model's task."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import MooringError

QUESTION = {
    "inputs": {
        "question": "What holds the ship?",
        "context": "A mooring holds the ship in its place.",
    }
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A request, and the task that it is for."""

    task: str = "question-answering"
    body: Mapping[str, Any] | None = None
    """None stands for a question."""

    @property
    def request(self) -> Mapping[str, Any]:
        """The request."""
        return self.body or QUESTION


def task_in(environment: Mapping[str, str]) -> str | None:
    """The task that a container's variables choose."""
    return environment.get("MOORING_TASK") or environment.get("HF_TASK") or None


def trial_of(folder: Path, task: str | None) -> Trial | None:
    """An example for the model in a folder; None if the engine cannot read it: its own code may."""
    # Imported late: removing a deployment needs no numpy.
    from mooring.model.folder import ModelFolder
    from mooring.tasks.base import ModelParts
    from mooring.tasks.offer import open_offer
    from mooring.tasks.recognise import read_manifest
    from mooring.tokenization.load import load_tokenizer

    try:
        manifest = read_manifest(folder, source=str(folder), task=task)
        tokenizer = load_tokenizer(ModelFolder(folder), embeddings=manifest.vocab_size)
        offer = open_offer(ModelParts(ModelFolder(folder), manifest, tokenizer))
    except MooringError:
        return None
    return Trial() if offer.name == Trial().task else Trial(offer.name, offer.example)


def trial_for(task: str | None) -> Trial:
    """An example for a model that is not here: of the task, if that is known, else a question."""
    from mooring.tasks import TASKS, task_named

    try:
        name = Trial().task if task is None else task_named(task)
    except MooringError:  # the container refuses it with the same message
        name = Trial().task
    return Trial() if name == Trial().task else Trial(name, TASKS[name].example)
