"""Answer an inference request of the Open Inference Protocol v2. Used by `protocols/open_inference.py`.

The names of tensors are in `tensor_forms.py`, their encoding in `tensors.py`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, NotLoaded, NotOffered, UnsupportedMediaType, echo
from mooring.tasks import TASKS, unaliased
from mooring.web.asking import Answer, Asking
from mooring.web.json_object import read_object, typed
from mooring.web.media import JSON, body_kind
from mooring.web.reply import Reply
from mooring.web.service import ByEngine
from mooring.web.tensor_forms import Batch, Columns, outputs_of, usual, values_of
from mooring.web.tensors import InputTensor, OutputTensor, read_texts, written

BINARY = "application/octet-stream"
JSON_LENGTH = "Inference-Header-Content-Length"
"""Header with the length of the JSON of a body that has tensors as bytes."""
OF_SCHEDULING = ("sequence_id", "sequence_start", "sequence_end", "priority", "timeout")
"""Triton's parameters that do not change an answer: accepted, without effect."""


class WantedOutput(msgspec.Struct):
    """An output to return."""

    name: str
    parameters: dict[str, Any] = {}
    """`binary_data`: whether it comes as bytes after the JSON."""


class InferRequest(msgspec.Struct):
    """Texts as tensors."""

    inputs: Annotated[list[InputTensor], Meta(min_length=1)]
    id: str = ""
    """Repeated in the answer."""
    parameters: dict[str, Any] = {}
    """Parameters of the task; `task`, one of the model's; `binary_data_output`, as `binary_data` of all outputs."""
    outputs: list[WantedOutput] = []
    """All by default."""


class InferResponse(msgspec.Struct, omit_defaults=True):
    """Answers as tensors."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str = ""


def begin(asking: Asking) -> Answer:
    """Check the headers. Raises NotOffered, NotLoaded, UnsupportedMediaType, InvalidRequest."""
    model = asking.model
    if not isinstance(model, ByEngine):
        raise NotOffered("This model has its own code.", hint="Send requests for it to POST /invocations.")
    check_version(asking.path, model.version)
    length = asking.headers.get(JSON_LENGTH.lower(), "")
    if length and not re.fullmatch("[0-9]{1,18}", length):
        raise InvalidRequest(f"The header {JSON_LENGTH} is {echo(length)}.", hint="Send the JSON's length in bytes.")
    sent = asking.headers.get("content-type", "")
    if sent.partition(";")[0].strip().lower() != BINARY and body_kind(sent) != JSON:
        raise UnsupportedMediaType(f"Unsupported Content-Type {echo(sent)}.", hint=f"Send {JSON} or {BINARY}.")
    return _Inference(asking, model, int(length) if length else None).answer


def check_version(path: Mapping[str, str], version: str) -> None:
    """Raise NotLoaded if the path names another version of the model."""
    given = path.get("version", version)
    if given != version:
        hint = f"Its version is {version}." if version else "Leave out the version: a model with its own code has none."
        raise NotLoaded(f"The model has no version {echo(given)}.", hint=hint)


class _Inference:
    """One request."""

    __slots__ = ("_asking", "_binary", "_columns", "_head", "_length", "_model", "_unlisted")

    def __init__(self, asking: Asking, model: ByEngine, length: int | None) -> None:
        """`length` is that of the JSON in bytes, if others follow it."""
        self._asking = asking
        self._model = model
        self._length = length
        self._head: dict[str, object] = {}
        self._columns: Columns = {}
        self._binary: Mapping[str, bool] = {}
        self._unlisted = False
        """Whether the answer to the only request is not in a list."""

    async def answer(self, body: bytes) -> Reply:
        """Decode, compute, encode."""
        return await self._asking.exchange(self._model, body, self._decode, self._encode)

    def _decode(self, body: bytes) -> Any:
        length = len(body) if self._length is None else self._length
        if length > len(body):
            raise InvalidRequest(f"The header {JSON_LENGTH} is {length}, but the body has {len(body)} bytes.")
        wanted = typed(read_object(body[:length]), InferRequest)
        batch = Batch(read_texts(wanted.inputs, body[length:], self._asking.limits.max_records))
        left_out = ("task", "binary_data_output", *OF_SCHEDULING)
        parameters = {name: value for name, value in wanted.parameters.items() if name not in left_out}
        asked = batch.body(parameters)
        task = self._task(wanted.parameters.get("task"), asked)
        batch.check(task, parameters)
        try:
            request = self._model.request(task, asked)
        except InvalidRequest as error:
            raise InvalidRequest(error.reason, pointer=batch.pointer(error.pointer), hint=error.hint) from error
        self._columns = outputs_of(task, asked["parameters"], batch.names)
        every = wanted.parameters.get("binary_data_output") is True
        self._binary = _wanted(wanted.outputs, self._columns, task, every=every)
        self._unlisted = TASKS[task].unlisted and len(asked["inputs"]) == 1
        self._head = {"model_name": self._asking.path["model"], "model_version": self._model.version}
        if wanted.id:
            self._head["id"] = wanted.id
        return request

    def _task(self, named: object, asked: Mapping[str, Any]) -> str:
        """The task by its name, or the one that the tensors are for."""
        if named is None:
            return usual(self._model.meant(asked), self._model.tasks)
        if not isinstance(named, str):
            raise InvalidRequest(f"expected text, found {echo(named)}.", pointer="/parameters/task")
        task = unaliased(named)
        if task not in self._model.tasks:
            raise InvalidRequest(
                f"this model does not offer {echo(named)}.",
                pointer="/parameters/task",
                hint=f"It offers {', '.join(self._model.tasks)}.",
            )
        return task

    def _encode(self, answered: Answered) -> Reply:
        answer: Any = answered.answer
        found = {one.name: one for one in values_of(self._columns, [answer] if self._unlisted else answer)}
        outputs = [(found[name], binary) for name, binary in self._binary.items()]
        body, length = written(self._head, outputs)
        if length is None:
            return Reply(body, JSON)
        return Reply(body, BINARY, headers={JSON_LENGTH: str(length)})


def _wanted(outputs: Sequence[WantedOutput], columns: Columns, task: str, *, every: bool) -> Mapping[str, bool]:
    """Output → whether it is sent as bytes, which is `every` if the request does not say. Raises InvalidRequest."""
    if not outputs:
        return dict.fromkeys(columns, every)
    found = {}
    for place, output in enumerate(outputs):
        if output.name not in columns:
            raise InvalidRequest(
                f"unknown output {echo(output.name)}.",
                pointer=f"/outputs/{place}/name",
                hint=f"The outputs of this request for {task} are {', '.join(columns)}.",
            )
        for name, instead in (("classification", "Send top_k."), ("shared_memory_region", "Leave it out.")):
            if name in output.parameters:
                raise InvalidRequest("not supported.", pointer=f"/outputs/{place}/parameters/{name}", hint=instead)
        binary = output.parameters.get("binary_data", every)
        if not isinstance(binary, bool):
            at = f"/outputs/{place}/parameters/binary_data"
            raise InvalidRequest(f"it must be true or false, not {echo(binary)}.", pointer=at)
        found[output.name] = binary
    return found
