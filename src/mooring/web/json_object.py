"""Answer requests whose body and answer are JSON objects of a protocol's own. Used by `protocols/`.

A protocol reads its object and states a request in the format of Hugging Face's pipelines for one of the model's tasks;
errors of the task then point to the protocol's own fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, NotOffered, UnsupportedMediaType, echo
from mooring.tasks.body import kind
from mooring.web.asking import Answer, Asking
from mooring.web.encode import encode
from mooring.web.media import JSON, body_kind
from mooring.web.reply import Reply
from mooring.web.service import ByEngine
from mooring.web.text import read_json, unmarked
from mooring.web.wire import Asks

HINT = "Send a JSON object."

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Question:
    """A request for one task, in the format of Hugging Face's pipelines, and how its answer is written."""

    task: str
    inputs: object
    write: Callable[[Answered], object]
    """The answer → the body of the response, which may contain `msgspec.Raw`."""
    parameters: Mapping[str, object]
    names: Mapping[str, str]
    """JSON pointer of the pipelines' format → pointer of the protocol's. Others lose the prefix /inputs or
    /parameters."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Last part of such a pointer → the protocol's."""


Read = Callable[[Asking, Any], Question]
"""(request, decoded JSON) → the question. Raises InvalidRequest."""


def asks(read: Read) -> Asks:
    """The answer of an endpoint for models without own code."""

    def begin(asking: Asking) -> Answer:
        return _Exchange(asking, engine_of(asking), read).answer

    return Asks(begin)


def engine_of(asking: Asking) -> ByEngine:
    """The model of a request with a JSON body. Raises NotOffered for a model with its own code."""
    if not isinstance(asking.model, ByEngine):
        raise NotOffered("This model has its own code.", hint="Send requests for it to POST /invocations.")
    sent = asking.headers.get("content-type", "")
    if body_kind(sent) != JSON:
        raise UnsupportedMediaType(f"Unsupported Content-Type {echo(sent)}.", hint=f"Send {JSON}.")
    return asking.model


class _Exchange:
    """One request."""

    __slots__ = ("_asking", "_model", "_question", "_read")

    def __init__(self, asking: Asking, model: ByEngine, read: Read) -> None:
        self._asking = asking
        self._model = model
        self._read = read
        self._question: Question | None = None

    async def answer(self, body: bytes) -> Reply:
        """Decode, compute, encode."""
        return await self._asking.exchange(self._model, body, self._decode, self._encode)

    def _decode(self, body: bytes) -> Any:
        question = self._question = self._read(self._asking, read_object(body))
        asked = {"inputs": question.inputs, "parameters": question.parameters}
        try:
            return self._model.request(question.task, asked)
        except InvalidRequest as error:
            raise InvalidRequest(error.reason, pointer=_renamed(error.pointer, question), hint=error.hint) from error

    def _encode(self, answered: Answered) -> Reply:
        assert self._question is not None  # noqa: S101 - encoded after it was decoded
        return Reply(encode(JSON, self._question.write(answered)), JSON)


def _renamed(pointer: str, question: Question) -> str:
    for ours, theirs in question.names.items():
        if pointer == ours:
            return theirs
        if pointer.startswith(f"{ours}/"):
            rest, _, last = pointer.removeprefix(ours).rpartition("/")
            return f"{theirs}{rest}/{question.parts.get(last, last)}"
    for prefix in ("/inputs", "/parameters"):
        if pointer.startswith(f"{prefix}/"):
            return pointer.removeprefix(prefix)
    return pointer


def given(**parameters: object) -> dict[str, object]:
    """The parameters that are not None."""
    return {name: value for name, value in parameters.items() if value is not None}


def read_object(body: bytes) -> dict[str, Any]:
    """Decode a body that must be an object. Raises InvalidRequest."""
    data = unmarked(body)
    if not data or data.isspace():
        raise InvalidRequest("The body is empty.", hint=HINT)
    value = read_json(data, HINT)
    if not isinstance(value, dict):
        raise InvalidRequest(f"expected an object, found {kind(value)}: {echo(value)}.", hint=HINT)
    return value


def typed(value: Mapping[str, Any], form: type[T]) -> T:
    """The object as a struct; unknown fields are ignored, null is the default. Raises InvalidRequest."""
    try:
        return msgspec.convert(given(**value), form)
    except msgspec.ValidationError as error:
        reason, _, at = str(error).partition(" - at `$")
        pointer = at.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "")
        reason = reason.replace("Object missing required field", "missing")
        raise InvalidRequest(f"{reason[:1].lower()}{reason[1:]}.", pointer=pointer) from error


def texts(value: object, at: str, *, hint: str = "") -> object:
    """Check that a value is a text or a list of texts, and not token ids. Raises InvalidRequest."""
    items = value if isinstance(value, list) else [value]
    for place, item in enumerate(items):
        if not isinstance(item, str):
            pointer = f"{at}/{place}" if isinstance(value, list) else at
            raise InvalidRequest(f"expected text, found {kind(item)}: {echo(item)}.", pointer=pointer, hint=hint)
    return value
