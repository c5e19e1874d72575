"""Serve Hugging Face's inference clients: POST /, POST /models/{id}, GET /health.

Answers have the shapes of the Inference API, which differ from those of the pipelines (/invocations): all labels in a
list of lists, words grouped into entities, zero-shot labels with their scores, one vector per text. Bodies and answers
of rows or lines, and those of a model's own code, are as at /invocations.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, echo
from mooring.tasks import unaliased
from mooring.tasks.base import TaskSpec
from mooring.web.asking import Answer, Asking
from mooring.web.decode import decode
from mooring.web.encode import encode
from mooring.web.form import form_of
from mooring.web.media import JSON, answer_kind, body_kind, strict_body_kind
from mooring.web.protocols.sagemaker import INVOCATIONS, PING, begin, request_bodies, response_bodies
from mooring.web.reply import Reply
from mooring.web.service import ByEngine
from mooring.web.status import ErrorBody
from mooring.web.status import refuse as refuse_plainly
from mooring.web.wire import Asks, Bodies, WireProtocol

VECTORS = "feature-extraction"
POOLED = "sentence-embeddings"
LABELS = "text-classification"
ZERO_SHOT = "zero-shot-classification"
ENTITIES = "token-classification"

AT_ROOT = ("normalize", "prompt_name", "truncate", "truncation_direction", "dimensions")
"""Parameters of feature extraction that the clients send beside `inputs`."""
MESSAGE_BYTES = 1024
"""Most bytes of a message in a header."""


def begin_inference(asking: Asking) -> Answer:
    """As `sagemaker.begin`, with the Inference API's shapes if both the body and the answer are JSON."""
    model = asking.model
    if not isinstance(model, ByEngine):
        return begin(asking)
    kind_of = strict_body_kind if asking.limits.strict_content_types else body_kind
    if kind_of(asking.headers.get("content-type", "")) != JSON or answer_kind(asking.accept) != JSON:
        return begin(asking)
    return _Inference(asking, model).answer


class _Inference:
    """One request."""

    __slots__ = ("_asking", "_model", "_one", "_task")

    def __init__(self, asking: Asking, model: ByEngine) -> None:
        self._asking = asking
        self._model = model
        self._task = ""
        self._one = False

    async def answer(self, body: bytes) -> Reply:
        """Decode, compute, encode."""
        return await self._asking.exchange(self._model, body, self._decode, self._encode)

    def _decode(self, data: bytes) -> Any:
        model = self._model
        body: Any = decode(JSON, data, form_of(model.tasks)).body
        task = unaliased(self._asking.path.get("task") or model.meant(body))
        if task in (VECTORS, POOLED):
            body = _with_parameters(body)
            task = POOLED if POOLED in model.tasks else VECTORS
        self._task = task
        self._one = not isinstance(body["inputs"] if _wrapped(body) else body, list)
        return model.request(task, _with_defaults(task, body))

    def _encode(self, answered: Answered) -> Reply:
        shape = SHAPES.get(self._task)
        answer = answered.answer if shape is None else shape(answered.answer, self._one)
        return Reply(encode(JSON, answer), JSON)


def _wrapped(body: object) -> bool:
    return isinstance(body, dict) and "inputs" in body


def _with_parameters(body: Any) -> Any:
    """The body with the parameters that are beside `inputs` in `parameters`."""
    if not _wrapped(body):
        return body
    if body.get("encoding_format", "float") not in ("float", None):
        raise InvalidRequest(
            f"{echo(body['encoding_format'])} is not supported.",
            pointer="/encoding_format",
            hint="Send float, or use POST /v1/embeddings.",
        )
    found = {name: body[name] for name in AT_ROOT if name in body}
    rest = {name: value for name, value in body.items() if name not in AT_ROOT}
    given = rest.get("parameters") or {}
    return {**rest, "parameters": {**found, **given} if isinstance(given, dict) else given}


def _with_defaults(task: str, body: Any) -> Any:
    """The body with the Inference API's defaults where they differ from the pipeline's."""
    defaults = DEFAULTS.get(task)
    if defaults is None:
        return body
    wrapped = body if _wrapped(body) else _parted(body)
    given = wrapped.get("parameters") or {}
    if not isinstance(given, dict):
        return body
    return {**wrapped, "parameters": {**defaults(given), **given}}


def _parted(body: Any) -> dict[str, Any]:
    """A body without the key `inputs`, with it."""
    if not isinstance(body, dict):
        return {"inputs": body}
    inputs = {name: value for name, value in body.items() if name != "parameters"}
    return {"inputs": inputs, "parameters": body.get("parameters")}


def _all_labels(given: Mapping[str, object]) -> Mapping[str, object]:
    return {"top_k": 1 if given.get("return_all_scores") is False else None}


DEFAULTS: Mapping[str, Callable[[Mapping[str, object]], Mapping[str, object]]] = {
    LABELS: _all_labels,
    ENTITIES: lambda _: {"aggregation_strategy": "simple"},
}
"""Task → the defaults, given the parameters."""


def _labels(answer: object, one: bool) -> object:
    """The labels of each text with their scores."""
    return [answer] if one else answer


def _scored(answer: Any, one: bool) -> object:
    """The labels of one text with their scores; of several, a list of these."""
    if not one:
        return [_scored(entry, True) for entry in answer]
    pairs = zip(answer["labels"], answer["scores"], strict=True)
    return [{"label": label, "score": score} for label, score in pairs]


SHAPES: Mapping[str, Callable[[Any, bool], object]] = {
    LABELS: _labels,
    ZERO_SHOT: _scored,
}
"""Task → the Inference API's shape of a pipeline's answer; the flag says that `inputs` was no list."""


class ScoredLabel(msgspec.Struct):
    """A label and its score."""

    label: str
    score: float


ANSWERS: Mapping[str, tuple[Any, ...]] = {
    LABELS: (list[list[ScoredLabel]],),
    ZERO_SHOT: (list[ScoredLabel], list[list[ScoredLabel]]),
}
"""Task → types of its answer, where they are not the pipeline's."""


def inference_response(spec: TaskSpec | None) -> Bodies:
    """As /invocations, except for the tasks in `ANSWERS`."""
    bodies = response_bodies(spec)
    return bodies if spec is None or spec.name not in ANSWERS else {**bodies, JSON: ANSWERS[spec.name]}


def refuse(error: BaseException, request_id: str) -> Reply:
    """The default refusal, with the message also in the header that Hugging Face's clients read."""
    reply = refuse_plainly(error, request_id)
    message = msgspec.json.decode(reply.body, type=ErrorBody).message
    plain = message.encode("ascii", "backslashreplace")[:MESSAGE_BYTES].decode()
    header = "".join(character if character.isprintable() else " " for character in plain)
    return msgspec.structs.replace(reply, headers={**reply.headers, "X-Error-Message": header})


BARE = dataclasses.replace(
    INVOCATIONS,
    path="/",
    summary="Run the model, for Hugging Face clients",
    answer=Asks(begin_inference),
    response=inference_response,
    request=request_bodies,
)
BY_TASK = dataclasses.replace(
    BARE, path="/models/{id:path}/pipeline/{task}", summary="As POST /, for one of the model's tasks; the id is ignored"
)
BY_ID = dataclasses.replace(BARE, path="/models/{id:path}", summary="As POST /; the id is ignored")
HEALTH = dataclasses.replace(PING, path="/health", summary="Same as GET /ping")
INFERENCE = (BARE, BY_TASK, BY_ID)

HF_INFERENCE = WireProtocol("Hugging Face", (*INFERENCE, HEALTH), refuse, ErrorBody)
