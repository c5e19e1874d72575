"""Serve OpenAI's embeddings API: POST /v1/embeddings, GET /v1/models, GET /v1/models/{id}.

The last two also have the keys of KServe's protocol v1 (`kserve.py`).

Vectors are always normalized, as OpenAI's are. The official Python client asks for base64 (little-endian float32)
unless its caller says otherwise.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, NotLoaded, echo
from mooring.tasks.base import TaskSpec
from mooring.web.asking import Asking
from mooring.web.json_object import Question, asks, given, texts, typed
from mooring.web.media import JSON
from mooring.web.pages import json_response
from mooring.web.reply import Reply
from mooring.web.service import Service
from mooring.web.status import describe, headers_of
from mooring.web.wire import Bodies, Endpoint, Site, WireProtocol

TASK = "sentence-embeddings"
TOKENS_HINT = (
    "Send texts: token ids belong to another model's tokenizer. With LangChain's OpenAIEmbeddings, set "
    "check_embedding_ctx_length=False."
)


class EmbeddingsRequest(msgspec.Struct):
    """Texts to embed. Other fields are ignored."""

    input: str | Annotated[list[str], Meta(min_length=1)]
    model: str = ""
    """Any name; repeated in the answer."""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    truncate: bool | None = None
    """Whether to cut texts that are too long; the server's --too-long by default."""


class Embedding(msgspec.Struct):
    """The vector of one text: numbers, or base64 of little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(msgspec.Struct):
    """Tokens, including special tokens."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(msgspec.Struct):
    """Vectors, in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class ModelCard(msgspec.Struct):
    """A served model."""

    id: str
    object: Literal["model"]
    created: int
    """When it was built, in seconds since 1970; 0 if unknown."""
    owned_by: str
    name: str
    """The id again, for KServe's protocol v1."""
    ready: bool
    """For KServe's protocol v1."""


class ModelList(msgspec.Struct):
    """The served models."""

    object: Literal["list"]
    data: list[ModelCard]
    models: list[str]
    """The ids, for KServe's protocol v1."""


class OpenAIFault(msgspec.Struct):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    """The field at fault."""
    code: str | None
    """The error's class, e.g. "InvalidRequest"."""


class OpenAIError(msgspec.Struct):
    """The body of an error response."""

    error: OpenAIFault


def read(_: Asking, body: Any) -> Question:
    """A request for normalized vectors. Raises InvalidRequest."""
    if body.get("input") is None:
        raise InvalidRequest("missing `input`.", hint='Send {"input": "…", "model": "…"}.')
    texts(body["input"], "/input", hint=TOKENS_HINT)
    wanted = typed(body, EmbeddingsRequest)
    form = wanted.encoding_format

    def write(answered: Answered) -> object:
        rows: Any = answered.answer
        data = [
            {"object": "embedding", "index": index, "embedding": packed(row) if form == "base64" else row}
            for index, row in enumerate([rows] if isinstance(wanted.input, str) else rows)
        ]
        usage = {"prompt_tokens": answered.tokens, "total_tokens": answered.tokens}
        return {"object": "list", "data": data, "model": wanted.model, "usage": usage}

    parameters = given(normalize=True, dimensions=wanted.dimensions, truncate=wanted.truncate)
    return Question(TASK, wanted.input, write, parameters, {"/inputs": "/input"})


def packed(row: Iterable[float]) -> str:
    """Base64 of little-endian float32."""
    return base64.b64encode(np.asarray(row, "<f4").tobytes()).decode()


async def models(site: Site[Service], _: Request) -> Response:
    """List the models. Raises NotReady."""
    cards = _cards(site)
    return json_response(ModelList("list", cards, [card.id for card in cards]))


async def model(site: Site[Service], request: Request) -> Response:
    """Describe the model of that name. Raises NotLoaded, NotReady."""
    cards, name = {card.id: card for card in _cards(site)}, request.path_params["id"]
    if name not in cards:
        raise NotLoaded(f"There is no model {echo(name)}.", hint=f"This server has {', '.join(cards)}.")
    return json_response(cards[name])


def _cards(site: Site[Any]) -> list[ModelCard]:
    site.specs()  # raises NotReady
    facts = site.life.facts
    ready = site.life.health().ready
    if "models" in facts:
        return [_card(name, one.get("model", {}), ready=ready) for name, one in facts["models"].items()]
    model = facts.get("model", {})
    return [_card(str(model.get("name", "model")), model, ready=ready)]


def _card(name: str, model: Mapping[str, Any], *, ready: bool) -> ModelCard:
    built = model.get("built")
    created = int(datetime.fromisoformat(built).replace(tzinfo=UTC).timestamp()) if built else 0
    return ModelCard(name, "model", created, "mooring", name, ready)


def refuse(error: BaseException, request_id: str) -> Reply:
    """OpenAI's error body. Clients retry on 429 and 5xx."""
    body = describe(error, request_id)
    kind = "invalid_request_error" if body.code < 429 else "rate_limit_error" if body.code == 429 else "server_error"
    field = error.pointer.split("/")[1] if isinstance(error, InvalidRequest) and error.pointer else None
    fault = OpenAIError(OpenAIFault(body.message, kind, field, body.type))
    return Reply(msgspec.json.encode(fault), JSON, body.code, headers_of(error))


def _answer(form: Any) -> Any:
    def bodies(_: TaskSpec | None) -> Bodies:
        return {JSON: (form,)}

    return bodies


OPENAI = WireProtocol(
    "OpenAI",
    (
        Endpoint(
            "POST",
            "/v1/embeddings",
            "Embed texts",
            asks(read),
            _answer(Embeddings),
            _answer(EmbeddingsRequest),
            tasks=(TASK,),
            examples={TASK: {"input": ["It is a fine day.", "The sun is out."], "model": "any"}},
        ),
        Endpoint("GET", "/v1/models", "List the model", models, _answer(ModelList)),
        Endpoint("GET", "/v1/models/{id:path}", "Describe the model", model, _answer(ModelCard)),
    ),
    refuse,
    OpenAIError,
)
