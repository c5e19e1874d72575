"""The default model of user code: called as transformers' question-answering pipeline is.

    model = load_model("/opt/ml/model")
    model({"question": "Who wrote it?", "context": "Ada wrote it."}, top_k=2)

One call at a time; the server itself batches over requests where predict_fn is not the user's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mooring.backends.base import Backend
from mooring.engine.offline import answer_all
from mooring.tasks.base import Task


class Pipeline:
    """A task and its backend, callable."""

    def __init__(self, task: Task, backend: Backend) -> None:
        self.task = task
        self.backend = backend

    def __call__(self, inputs: Any = None, **parameters: Any) -> Any:
        """The answer to one input or a list of them. `question=…, context=…` may be given by name.

        Raises InvalidRequest.
        """
        if inputs is None:
            inputs = {key: parameters.pop(key) for key in ("question", "context") if key in parameters}
        request = self.task.parse({"inputs": inputs, "parameters": parameters})
        return next(answer_all(self.task, self.backend, [request]))


_openers: list[Callable[[str], Pipeline]] = []


def provide(opener: Callable[[str], Pipeline]) -> None:
    """From now on `load_model` opens models with this: called by `wiring/`, which knows how."""
    _openers[:] = [opener]


def load_model(model_dir: str | Path) -> Pipeline:
    """The model of a folder, opened with the server's settings. Raises a ModelError that says what is wrong with it."""
    return _openers[0](str(model_dir))
