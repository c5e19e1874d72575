"""Serve SageMaker's single-model protocol: POST /invocations, GET /ping, GET /execution-parameters.

Requests have the format of Hugging Face's pipelines, as JSON, JSON Lines or CSV. User code gets them unchanged.
"""

import functools
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest
from mooring.tasks import TASKS
from mooring.tasks.base import TaskSpec
from mooring.web import pages
from mooring.web.asking import Answer, Asking
from mooring.web.batch import Job, answer_records
from mooring.web.decode import decode
from mooring.web.encode import encode
from mooring.web.form import INPUTS, form_of
from mooring.web.media import CSV, JSON, LINES, answer_kind, body_kind, strict_body_kind
from mooring.web.reply import Call, Reply, UserCode, counts
from mooring.web.service import ByEngine
from mooring.web.status import ErrorBody, refuse
from mooring.web.wire import Asks, Bodies, Endpoint, WireProtocol


def begin(asking: Asking) -> Answer:
    """Choose the types of the body and of the answer. Raises UnsupportedMediaType, NotAcceptable."""
    model = asking.model
    if not isinstance(model, ByEngine):
        return functools.partial(_by_code, asking, model)
    kind_of = strict_body_kind if asking.limits.strict_content_types else body_kind
    sent = kind_of(asking.headers.get("content-type", ""))
    return _Invocation(asking, model, sent, answer_kind(asking.accept)).answer


class _Invocation:
    """A request for the engine."""

    __slots__ = ("_asking", "_listed", "_model", "_rows", "_sent", "_wanted")

    def __init__(self, asking: Asking, model: ByEngine, sent: str, wanted: str) -> None:
        """`sent` and `wanted` are from `media.KINDS`."""
        self._asking = asking
        self._model = model
        self._sent = sent
        self._wanted = wanted
        self._rows: int | None = None
        self._listed = False
        """Whether the answer to a single row or line comes in a list."""

    async def answer(self, body: bytes) -> Reply:
        """Answer one request; in a batch transform request each record is answered separately."""
        limits = self._asking.limits
        if not limits.batch or self._sent == JSON:
            return await self._asking.exchange(self._model, body, self._decode, self._encode)
        job = Job(
            self._sent,
            self._wanted,
            limits.max_records,
            limits.thread_bytes,
            limits.deadline_s,
            self._asking.request_id,
        )
        batch = await answer_records(self._model, body, job)
        headers = counts(batch.windows, batch.tokens, batch.truncated)
        headers["X-Mooring-Failed-Records"] = str(batch.failed)
        return Reply(batch.content, self._wanted, headers=headers, windows=batch.windows)

    def _decode(self, body: bytes) -> Any:
        task = self._model.task
        decoded = decode(self._sent, body, form_of(self._model.tasks), self._asking.limits.max_records)
        self._rows = decoded.rows
        self._listed = decoded.rows == 1 and self._model.lists(decoded.body)
        try:
            return task.parse(decoded.body)
        except InvalidRequest as error:
            raise decoded.located(error) from error

    def _encode(self, answered: Answered) -> Reply:
        answer: Any = answered.answer
        return Reply(encode(self._wanted, answer[0] if self._listed else answer, self._rows), self._wanted)


async def _by_code(asking: Asking, code: UserCode, body: bytes) -> Reply:
    """User code reads the body and writes the answer."""
    content_type = asking.headers.get("content-type", "")
    call = Call(body, content_type, asking.accept, asking.headers_as_sent(), asking.request_id)
    return await code.handle(call, asking.limits.deadline_s)


def request_bodies(spec: TaskSpec | None) -> Bodies:
    """One request or a list, with or without the key `inputs`, with parameters."""
    if spec is None:
        return {"*/*": (Any,)}
    lines = Annotated[str, Meta(description="One JSON object per line, as for application/json.")]
    kinds: Bodies = {JSON: (*_wrapped(spec.name), spec.inputs, list[spec.inputs]), LINES: (lines,)}  # type: ignore[name-defined]
    form = form_of((spec.name,))
    if form.not_csv:
        return kinds
    columns = f"A header row with the columns {', '.join(form.columns)}, or {INPUTS}, then one request per row."
    return {**kinds, CSV: (Annotated[str, Meta(description=columns)],)}


@functools.cache
def _wrapped(task: str) -> Sequence[Any]:
    """Types of the whole body, for one request and for several."""
    spec = TASKS[task]
    name = task.title().replace("-", "")
    parameters = ("parameters", spec.parameters | None, None)
    return [
        msgspec.defstruct(name + kind, [(INPUTS, inputs), parameters])
        for kind, inputs in (("Request", spec.inputs), ("Requests", list[spec.inputs]))  # type: ignore[name-defined]
    ]


def response_bodies(spec: TaskSpec | None) -> Bodies:
    """An answer, or a list with one answer per request."""
    if spec is None:
        return {"*/*": (Any,)}
    lines = Annotated[str, Meta(description="The answer to each request as JSON, one per line.")]
    rows = Annotated[str, Meta(description="A header row, then one row per answer.")]
    return {JSON: (spec.answer, list[spec.answer]), LINES: (lines,), CSV: (rows,)}  # type: ignore[name-defined]


def status_body(_: TaskSpec | None) -> Bodies:
    """The body of /ping and similar endpoints."""
    return {JSON: (pages.Status,)}


INVOCATIONS = Endpoint("POST", "/invocations", "Run the model", Asks(begin), response_bodies, request_bodies)
PING = Endpoint(
    "GET", "/ping", "200 if the model answers, else 503 with the reason", pages.ping, status_body, logged=False
)
SAGEMAKER = WireProtocol(
    "SageMaker",
    (
        INVOCATIONS,
        PING,
        Endpoint(
            "GET",
            "/execution-parameters",
            "Request sizes for SageMaker batch transform",
            pages.execution_parameters,
            lambda _: {JSON: (pages.ExecutionParameters,)},
        ),
    ),
    refuse,
    ErrorBody,
)
