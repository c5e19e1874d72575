"""Serve the API of Hugging Face's text-embeddings-inference: /embed, /embed_all, /rerank, /predict, /similarity.

/tokenize and /decode are in `web/tokens.py`; /rerank with `documents` is `rerank.py`'s. Unknown fields are ignored.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, echo
from mooring.tasks.base import TaskSpec
from mooring.tasks.body import kind
from mooring.web.asking import Asking
from mooring.web.json_object import Question, asks, given, texts, typed
from mooring.web.media import JSON
from mooring.web.protocols import rerank
from mooring.web.reply import Reply
from mooring.web.status import describe, headers_of
from mooring.web.tokens import DecodeRequest, TokenizeRequest, Tokens, decoding, tokenizing
from mooring.web.wire import Asks, Bodies, Endpoint, WireProtocol

VECTORS = "sentence-embeddings"
PREDICT = 'Send {"inputs": "…"}, ["…", "…"] for a pair, or [["…"], ["…"]] for several texts.'
SIMILARITY = 'Send {"inputs": {"source_sentence": "…", "sentences": ["…"]}}.'

Texts = str | Annotated[list[str], Meta(min_length=1)]


class EmbedRequest(msgspec.Struct):
    """Texts to embed."""

    inputs: Texts
    normalize: bool = True
    truncate: bool | None = None
    """The server's --too-long by default."""
    truncation_direction: str | None = None
    """Which end is cut: Left or Right."""
    prompt_name: str | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None


class EmbedAllRequest(msgspec.Struct):
    """Texts whose tokens are embedded."""

    inputs: Texts
    truncate: bool | None = None
    truncation_direction: str | None = None


class PredictRequest(msgspec.Struct):
    """A text, a pair of texts, or a list of both, each as a list."""

    inputs: str | Annotated[list[str | list[str]], Meta(min_length=1)]
    truncate: bool | None = None
    truncation_direction: str | None = None
    raw_scores: bool = False


class Prediction(msgspec.Struct):
    """A label and its score."""

    score: float
    label: str


class RerankRequest(msgspec.Struct):
    """Texts to sort by their relevance to the query."""

    query: str
    texts: list[str]
    truncate: bool | None = None
    truncation_direction: str | None = None
    raw_scores: bool = False
    return_text: bool = False


class Rank(msgspec.Struct, omit_defaults=True):
    """A text's place in the request, and its score."""

    index: int
    score: float
    text: str | None = None


class Sentences(msgspec.Struct):
    """A sentence, and those that it is compared with."""

    source_sentence: str
    sentences: list[str]


class SimilarityParameters(msgspec.Struct):
    """How the sentences are embedded."""

    truncate: bool | None = None
    truncation_direction: str | None = None
    prompt_name: str | None = None


class SimilarityRequest(msgspec.Struct):
    """Sentences to compare."""

    inputs: Sentences
    parameters: SimilarityParameters = msgspec.field(default_factory=SimilarityParameters)


class TeiError(msgspec.Struct):
    """The body of an error response."""

    error: str
    error_type: Literal["Unhealthy", "Backend", "Overloaded", "Validation"]


def read_embed(_: Asking, body: Any) -> Question:
    """A request for a vector per text. Raises InvalidRequest."""
    wanted = typed(_checked(body), EmbedRequest)
    parameters = given(
        normalize=wanted.normalize,
        truncate=wanted.truncate,
        truncation_direction=wanted.truncation_direction,
        prompt_name=wanted.prompt_name,
        dimensions=wanted.dimensions,
    )
    return Question(VECTORS, _listed(wanted.inputs), _answer, parameters, _pointers(wanted.inputs))


def read_embed_all(_: Asking, body: Any) -> Question:
    """A request for a vector per token. Raises InvalidRequest."""
    if body.get("prompt_name") is not None:  # ignored like other unknown fields, it would change the vectors
        raise InvalidRequest(
            "not supported for vectors of tokens.", pointer="/prompt_name", hint="Put the prompt in front of each text."
        )
    wanted = typed(_checked(body), EmbedAllRequest)
    parameters = given(truncate=wanted.truncate, truncation_direction=wanted.truncation_direction)

    def write(answered: Answered) -> object:
        found: Any = answered.answer
        return [one[0] for one in found]

    return Question("feature-extraction", _listed(wanted.inputs), write, parameters, _pointers(wanted.inputs))


def read_predict(_: Asking, body: Any) -> Question:
    """A request for all labels, best first. Raises InvalidRequest."""
    if (sent := body.get("inputs")) is None:
        raise InvalidRequest("missing `inputs`.", hint=PREDICT)
    batch = isinstance(sent, list) and any(isinstance(one, list) for one in sent)
    if batch:
        inputs = [_pair(one, f"/inputs/{place}") for place, one in enumerate(sent)]
    else:
        inputs = [_pair(sent if isinstance(sent, list) else [sent], "/inputs")]
    wanted = typed({**body, "inputs": ""}, PredictRequest)

    def write(answered: Answered) -> object:
        found: Any = answered.answer
        return found if batch else found[0]

    function = "none" if wanted.raw_scores else None
    cut = given(truncate=wanted.truncate, truncation_direction=wanted.truncation_direction)
    parameters = {"top_k": None, **cut, **given(function_to_apply=function)}
    single = {"/inputs/0/text": "/inputs"} if isinstance(sent, str) else {"/inputs/0": "/inputs"}
    names = {"/inputs": "/inputs"} if batch else single
    return Question("text-classification", inputs, write, parameters, names, {"text": "0", "text_pair": "1"})


def _pair(value: object, at: str) -> Mapping[str, str]:
    """A list of a text or two, as the task wants it."""
    if not isinstance(value, list) or len(value) not in (1, 2):
        raise InvalidRequest(f"expected one or two texts, found {echo(value)}.", pointer=at, hint=PREDICT)
    for one in value:
        if not isinstance(one, str):
            raise InvalidRequest(f"expected text, found {kind(one)}: {echo(one)}.", pointer=at, hint=PREDICT)
    return dict(zip(("text", "text_pair"), value, strict=False))


def read_rerank(asking: Asking, body: Any) -> Question:
    """A request to sort texts; with `documents` it is another protocol's. Raises InvalidRequest."""
    if "documents" in body and "texts" not in body:
        return rerank.read(asking, body)
    if "texts" not in body:
        raise InvalidRequest("missing `texts`.", hint='Send {"query": "…", "texts": ["…"]}.')
    wanted = typed(body, RerankRequest)
    parameters = given(
        raw_scores=wanted.raw_scores,
        return_text=wanted.return_text,
        truncate=wanted.truncate,
        truncation_direction=wanted.truncation_direction,
    )
    return Question("text-ranking", {"query": wanted.query, "texts": wanted.texts}, _answer, parameters, {})


def read_similarity(_: Asking, body: Any) -> Question:
    """A request to compare a sentence with others. Raises InvalidRequest."""
    if not isinstance(body.get("inputs"), dict):
        raise InvalidRequest("expected an object.", pointer="/inputs", hint=SIMILARITY)
    wanted = typed(body, SimilarityRequest)
    same = {"/inputs": "/inputs", "/parameters": "/parameters"}
    inputs = msgspec.structs.asdict(wanted.inputs)
    return Question("sentence-similarity", inputs, _answer, given(**msgspec.structs.asdict(wanted.parameters)), same)


def _checked(body: Any) -> Any:
    """The body, if its inputs are texts."""
    if body.get("inputs") is None:
        raise InvalidRequest("missing `inputs`.", hint='Send {"inputs": "…"}.')
    texts(body["inputs"], "/inputs", hint="Token ids are not supported.")
    return body


def _listed(inputs: str | list[str]) -> list[str]:
    return [inputs] if isinstance(inputs, str) else inputs


def _pointers(inputs: str | list[str]) -> Mapping[str, str]:
    return {"/inputs/0": "/inputs"} if isinstance(inputs, str) else {"/inputs": "/inputs"}


def _answer(answered: Answered) -> object:
    return answered.answer


def refuse(error: BaseException, request_id: str) -> Reply:
    """The error body and the statuses of text-embeddings-inference: an invalid value is a 422, a failed batch a 424."""
    body = describe(error, request_id)
    status = {400: 422, 500: 424}.get(body.code, body.code)
    kinds = {424: "Backend", 429: "Overloaded", 503: "Unhealthy", 504: "Unhealthy"}
    fault = {"error": body.message, "error_type": kinds.get(status, "Validation")}
    return Reply(msgspec.json.encode(fault), JSON, status, headers_of(error))


def _post(path: str, summary: str, answer: Asks, bodies: tuple[Any, ...], task: str, example: Any) -> Endpoint:
    """An endpoint; `bodies` are the type of the request, or a tuple of types, and those of the answer."""
    request, *answers = bodies

    def requests(_: TaskSpec | None) -> Bodies:
        return {JSON: request if isinstance(request, tuple) else (request,)}

    def responses(_: TaskSpec | None) -> Bodies:
        return {JSON: answers}

    tasks = (task,) if task else ()
    return Endpoint("POST", path, summary, answer, responses, requests, tasks=tasks, examples={path[1:]: example})


RANKED = {"query": "Where is it?", "texts": ["It is on the table.", "Nobody knows."]}
TEI = WireProtocol(
    "text-embeddings-inference",
    (
        _post("/embed", "Embed texts", asks(read_embed), (EmbedRequest, list[list[float]]), VECTORS, {"inputs": "It."}),
        _post(
            "/embed_all",
            "Embed each token of texts",
            asks(read_embed_all),
            (EmbedAllRequest, list[list[list[float]]]),
            "feature-extraction",
            {"inputs": "It."},
        ),
        _post(
            "/predict",
            "Classify a text or a pair of texts",
            asks(read_predict),
            (PredictRequest, list[Prediction], list[list[Prediction]]),
            "text-classification",
            {"inputs": "I like it."},
        ),
        _post(
            "/rerank",
            "Sort texts by relevance: `texts` as text-embeddings-inference, `documents` as /v1/rerank",
            asks(read_rerank),
            ((RerankRequest, rerank.Request), list[Rank], rerank.Ranking),
            "text-ranking",
            RANKED,
        ),
        _post(
            "/similarity",
            "Compare a sentence with others",
            asks(read_similarity),
            (SimilarityRequest, list[float]),
            "sentence-similarity",
            {"inputs": {"source_sentence": "It is here.", "sentences": ["It is there."]}},
        ),
        _post("/tokenize", "Tokens of texts", tokenizing, (TokenizeRequest, Tokens), "", {"inputs": "It."}),
        _post("/decode", "Texts of token ids", decoding, (DecodeRequest, list[str]), "", {"ids": [1, 2]}),
    ),
    refuse,
    TeiError,
)
