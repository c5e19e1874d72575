"""The default model of user code: called as a pipeline of transformers is.

    model = load_model("/opt/ml/model")
    model({"question": "Who wrote it?", "context": "Ada wrote it."}, top_k=2)

One call at a time; the server itself batches over requests where predict_fn is not the user's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from mooring.backends.base import Backend
from mooring.engine.offline import answer_all
from mooring.tasks import TASKS
from mooring.tasks.base import Task


class Device(str):
    """Where the engine computes: "cpu", with a torch.device's `type`."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """Always "cpu"."""
        return str(self)


class Pipeline:
    """A task and its backend, callable."""

    device = Device("cpu")

    def __init__(self, task: Task, backend: Backend) -> None:
        self.task = task.name
        """As transformers calls it."""
        self._task = task
        self._backend = backend

    def __call__(self, inputs: Any = None, **parameters: Any) -> Any:
        """The answer to one input or a list of them; what an input is made of (`question=…`) may be given by name.

        Raises InvalidRequest.
        """
        if inputs is None:
            inputs = {key: parameters.pop(key) for key in TASKS[self.task].columns if key in parameters}
        request = self._task.parse({"inputs": inputs, "parameters": parameters})
        return next(answer_all(self._task, self._backend, [request]))

    def __getattr__(self, name: str) -> NoReturn:
        """Called for what is not there: most often an attribute of transformers' own pipeline."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"Mooring's pipeline has no {name}: it computes without transformers, and has only task and device and can "
            "be called. For transformers' own pipeline, make one in model_fn: transformers is in the larger image "
            "(moor image --target full), or goes into requirements.txt.",
            name=name,
            obj=self,
        )


_openers: list[Callable[[str], Pipeline]] = []


def provide(opener: Callable[[str], Pipeline]) -> None:
    """From now on `load_model` opens models with this: called by `wiring/`, which knows how."""
    _openers[:] = [opener]


def load_model(model_dir: str | Path) -> Pipeline:
    """The model of a folder, opened with the server's settings. Raises a ModelError that says what is wrong with it."""
    if not _openers:
        raise RuntimeError("load_model works in a server's process only: start the file with moor serve --run-code.")
    return _openers[0](str(model_dir))
