"""Serve the reranking APIs of Cohere and Jina: POST /v1/rerank, POST /v2/rerank. Unknown fields are ignored."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, echo
from mooring.tasks.base import TaskSpec
from mooring.tasks.body import kind
from mooring.web.asking import Asking
from mooring.web.json_object import Question, asks, given, typed
from mooring.web.media import JSON
from mooring.web.status import ErrorBody, refuse
from mooring.web.wire import Bodies, Endpoint, WireProtocol

TASK = "text-ranking"
HINT = 'Send {"query": "…", "documents": ["…"]}.'


class Document(msgspec.Struct):
    """A document."""

    text: str


class Request(msgspec.Struct):
    """Documents to sort by their relevance to the query."""

    query: str
    documents: Annotated[list[str | Document], Meta(min_length=1)]
    model: str = ""
    """Any name; repeated in the answer."""
    top_n: Annotated[int, Meta(ge=1)] | None = None
    """How many documents the answer has at most; all by default."""
    return_documents: bool = False
    truncate: bool | None = None
    """Whether to cut documents that are too long; the server's --too-long by default."""


class Ranked(msgspec.Struct, omit_defaults=True):
    """A document's place in the request, and its score."""

    index: int
    relevance_score: float
    document: Document | None = None


class RankingUsage(msgspec.Struct):
    """Tokens of all pairs of query and document, including special tokens."""

    prompt_tokens: int
    total_tokens: int


class Ranking(msgspec.Struct):
    """Documents, most relevant first."""

    id: str
    """The request id."""
    model: str
    results: list[Ranked]
    usage: RankingUsage


def read(asking: Asking, body: Any) -> Question:
    """A request to sort documents. Raises InvalidRequest."""
    for name in ("query", "documents"):
        if body.get(name) is None:
            raise InvalidRequest(f"missing `{name}`.", hint=HINT)
    wanted = typed({**body, "documents": _texts(body["documents"])}, Request)
    documents = wanted.documents

    def write(answered: Answered) -> object:
        found: Any = answered.answer
        results = []
        for one in found:
            result = {"index": one["index"], "relevance_score": one["score"]}
            if wanted.return_documents:
                result["document"] = {"text": documents[one["index"]]}
            results.append(result)
        usage = {"prompt_tokens": answered.tokens, "total_tokens": answered.tokens}
        return {"id": asking.request_id, "model": wanted.model, "results": results, "usage": usage}

    most = wanted.top_n if wanted.top_n is None else min(wanted.top_n, len(documents))
    parameters = given(top_n=most, truncate=wanted.truncate)
    inputs = {"query": wanted.query, "texts": documents}
    return Question(TASK, inputs, write, parameters, {"/inputs/texts": "/documents"})


def _texts(documents: object) -> list[str]:
    """The documents' texts. Raises InvalidRequest."""
    if not isinstance(documents, list) or not documents:
        raise InvalidRequest(f"expected a list of texts, found {echo(documents)}.", pointer="/documents", hint=HINT)
    found = []
    for place, one in enumerate(documents):
        text = one.get("text") if isinstance(one, dict) else one
        if not isinstance(text, str):
            raise InvalidRequest(
                f"expected text, found {kind(one)}: {echo(one)}.", pointer=f"/documents/{place}", hint=HINT
            )
        found.append(text)
    return found


def _requests(_: TaskSpec | None) -> Bodies:
    return {JSON: (Request,)}


def _answers(_: TaskSpec | None) -> Bodies:
    return {JSON: (Ranking,)}


EXAMPLE = {"query": "Where is it?", "documents": ["It is on the table.", "Nobody knows."], "top_n": 1, "model": "any"}
RERANK = WireProtocol(
    "Cohere and Jina",
    tuple(
        Endpoint(
            "POST",
            path,
            "Sort documents by relevance",
            asks(read),
            _answers,
            _requests,
            tasks=(TASK,),
            examples={"rerank": EXAMPLE},
        )
        for path in ("/v1/rerank", "/v2/rerank")
    ),
    refuse,
    ErrorBody,
)
