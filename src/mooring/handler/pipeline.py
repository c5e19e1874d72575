"""Provide the default model of user code, called like a pipeline of transformers.

    model = load_model("/opt/ml/model")
    model({"question": "Who wrote it?", "context": "Ada wrote it."}, top_k=2)

One call at a time; without a user's predict_fn the server itself batches requests.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from mooring.backends.base import Backend
from mooring.engine.offline import answer_all
from mooring.tasks.arrays import plain
from mooring.tasks.base import Task
from mooring.tasks.offer import columns_of, names_of


class Device(str):
    """The engine's device: "cpu", with the `type` of a torch.device."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """Always "cpu"."""
        return str(self)


class Pipeline:
    """A callable task with its backend."""

    device = Device("cpu")

    def __init__(self, task: Task, backend: Backend) -> None:
        self.task = task.name
        """The name in transformers."""
        self._task = task
        self._backend = backend

    def __call__(self, inputs: Any = None, **parameters: Any) -> Any:
        """The answer to one input or a list; parts of an input (`question=…`) may be given by name.

        Raises InvalidRequest.
        """
        if inputs is None:
            inputs = {key: parameters.pop(key) for key in columns_of(names_of(self._task)) if key in parameters}
        request = self._task.parse({"inputs": inputs, "parameters": parameters})
        return plain(next(answer_all(self._task, self._backend, [request])))

    def __getattr__(self, name: str) -> NoReturn:
        """Called for missing attributes: mostly those of transformers' own pipeline."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"Mooring's pipeline has no {name}: it computes without transformers, and has only task, device and "
            "__call__. To use transformers' own pipeline, create it in model_fn: transformers is in the larger image "
            "(moor image --target full), or add it to requirements.txt.",
            name=name,
            obj=self,
        )


_openers: list[Callable[[str], Pipeline]] = []


def provide(opener: Callable[[str], Pipeline]) -> None:
    """Set the function that `load_model` uses. Called by `wiring/`."""
    _openers[:] = [opener]


def load_model(model_dir: str | Path) -> Pipeline:
    """Open the model of a folder with the server's settings. Raises a ModelError."""
    if not _openers:
        raise RuntimeError("load_model works only inside a server. Run this file with moor serve --run-code.")
    return _openers[0](str(model_dir))
