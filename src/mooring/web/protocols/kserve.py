"""Serve KServe's protocol v1: POST /v1/models/{model}:predict. GET /v1/models and /v1/models/{model}: `openai.py`.

Instances have the format of Hugging Face's pipelines, and so have predictions.
"""

import functools
from typing import Any

import msgspec

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, echo
from mooring.tasks import TASKS
from mooring.tasks.base import TaskSpec
from mooring.tasks.body import kind
from mooring.web.asking import Asking
from mooring.web.form import form_of
from mooring.web.json_object import Question, asks, engine_of
from mooring.web.media import JSON
from mooring.web.protocols.open_inference import InferError, refuse
from mooring.web.wire import Bodies, Endpoint, WireProtocol

HINT = 'Send {"instances": […]}, each as `inputs` of POST /invocations.'


def read(asking: Asking, body: Any) -> Question:
    """A request with a prediction for each instance. Raises InvalidRequest."""
    model = engine_of(asking)
    instances = body.get("instances")
    if instances is None:
        raise InvalidRequest("missing `instances`.", hint=HINT)
    if not isinstance(instances, list):
        said = f"expected a list, found {kind(instances)}: {echo(instances)}."
        raise InvalidRequest(said, pointer="/instances", hint=HINT)
    if not instances:
        raise InvalidRequest("the list is empty.", pointer="/instances", hint=HINT)
    form = form_of(model.tasks)
    for place, instance in enumerate(instances):
        if form.several(instance):
            raise InvalidRequest(
                f"expected one request, found several: {echo(instance)}.",
                pointer=f"/instances/{place}",
                hint="Put each request in an instance of its own.",
            )
    parameters = body.get("parameters")
    task = model.meant({"inputs": instances, "parameters": parameters})
    alone = len(instances) == 1 and task in TASKS and TASKS[task].unlisted

    def write(answered: Answered) -> object:
        return {"predictions": [answered.answer] if alone else answered.answer}

    names = {"/inputs": "/instances", "/parameters": "/parameters"}
    return Question(task, instances, write, parameters, names)


def _requests(spec: TaskSpec | None) -> Bodies:
    return {JSON: (Any if spec is None else _types(spec.name)[0],)}


def _predictions(spec: TaskSpec | None) -> Bodies:
    return {JSON: (Any if spec is None else _types(spec.name)[1],)}


@functools.cache
def _types(task: str) -> tuple[Any, Any]:
    """Types of the body and of the answer."""
    spec, name = TASKS[task], task.title().replace("-", "")
    parameters = ("parameters", spec.parameters | None, None)
    request = msgspec.defstruct(f"{name}Instances", [("instances", list[spec.inputs]), parameters])  # type: ignore[name-defined]
    return request, msgspec.defstruct(f"{name}Predictions", [("predictions", list[spec.answer])])  # type: ignore[name-defined]


def example_of(spec: TaskSpec) -> dict[str, Any]:
    """The task's example as an instance."""
    inputs, *rest = spec.example.items()
    return {"instances": [inputs[1]], **dict(rest)}


KSERVE = WireProtocol(
    "KServe v1",
    (
        Endpoint(
            "POST",
            "/v1/models/{model:path}:predict",
            "Run the model on instances",
            asks(read),
            _predictions,
            _requests,
            example=example_of,
        ),
    ),
    refuse,
    InferError,
)
