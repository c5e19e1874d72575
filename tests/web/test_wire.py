"""A wire protocol of another kind fits: other paths, types, media types, headers and errors, in one piece."""

import asyncio
import base64
import io
import json
import struct
from dataclasses import dataclass
from typing import Any

import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.requests import Request
from starlette.responses import Response

from mooring.engine.engine import Engine
from mooring.engine.job import Answered
from mooring.engine.limits import Limits
from mooring.errors import InvalidRequest
from mooring.observe.metrics import Metrics
from mooring.tasks import TASKS
from mooring.testing import FakeBackend
from mooring.web.app import app_of
from mooring.web.asking import Answer, Asking
from mooring.web.limits import WebLimits
from mooring.web.no_route import ONE_MODEL
from mooring.web.pages import json_response
from mooring.web.protocols import PROTOCOLS
from mooring.web.reply import Reply
from mooring.web.room import Room
from mooring.web.service import ByEngine, Served, Service
from mooring.web.status import status_of
from mooring.web.wire import Asks, Endpoint, Site, WireProtocol
from tests.support.asgi import Client
from tests.support.text_task import TextTask

JSON = "application/json"


class ScoreRequest(msgspec.Struct):
    """Texts and how their scores are written."""

    query: str
    texts: list[str]
    encoding: str = "float"


class ScoreAnswer(msgspec.Struct):
    """Scores as numbers, or as little-endian floats in base64."""

    model: str
    scores: list[float] | str
    used_tokens: int


class Fault(msgspec.Struct):
    """An error, by other names."""

    reason: str
    of: str


@dataclass
class Scoring:
    """One request."""

    asking: Asking
    model: ByEngine
    wanted: ScoreRequest | None = None

    async def answer(self, body: bytes) -> Reply:
        """In the usual way."""
        return await self.asking.exchange(self.model, body, self.decode, self.encode)

    def decode(self, body: bytes) -> Any:
        """By its own type."""
        try:
            self.wanted = msgspec.json.decode(body, type=ScoreRequest)
        except msgspec.ValidationError as error:
            raise InvalidRequest(str(error)) from error
        pairs = [{"question": self.wanted.query, "context": text} for text in self.wanted.texts]
        return self.model.task.parse({"inputs": pairs})

    def encode(self, answered: Answered) -> Reply:
        """With the tokens, and a header of its own; as bytes if those are wanted."""
        assert self.wanted is not None
        assert isinstance(answered.answer, list)
        scores = [answer["score"] for answer in answered.answer]
        packed = struct.pack(f"<{len(scores)}f", *scores)
        if self.wanted.encoding == "raw":
            return Reply(packed, "application/octet-stream", headers={"X-Header-Length": "0"})
        written = base64.b64encode(packed).decode() if self.wanted.encoding == "base64" else scores
        answer = ScoreAnswer(self.asking.path["name"], written, answered.tokens)
        return Reply(msgspec.json.encode(answer), JSON)


def begin(asking: Asking) -> Answer:
    """For the engine alone."""
    assert isinstance(asking.model, ByEngine)
    return Scoring(asking, asking.model).answer


async def models(site: Site[Any], _: Request) -> Response:
    """A report."""
    return json_response([site.life.snapshot()["phase"]])


def refuse(error: BaseException, request_id: str) -> Reply:
    """Every error of a request is a 422."""
    status = 422 if status_of(error) == 400 else status_of(error)
    return Reply(msgspec.json.encode(Fault(str(error), request_id)), JSON, status)


SCORES = WireProtocol(
    "Scores",
    (
        Endpoint(
            "POST",
            "/v9/models/{name}:score",
            "Score texts",
            Asks(begin),
            lambda _: {JSON: (ScoreAnswer,), "application/octet-stream": (bytes,)},
            lambda _: {JSON: (ScoreRequest,)},
        ),
        Endpoint("GET", "/v9/models", "List", models, lambda _: {JSON: (list[str],)}, logged=False),
    ),
    refuse,
    Fault,
)


def test_a_protocol_of_another_kind(log: io.StringIO) -> None:
    """Asked, refused, logged, counted and described; the others answer as before."""

    async def scene() -> None:
        engine = Engine(TextTask(), FakeBackend(), Limits())
        service = Service(lambda: Served(ByEngine(TextTask(), engine), engine))
        metrics = Metrics()
        await service.start()
        specs = [TASKS["question-answering"]]
        room = Room(10, 1000)
        site = Site(service, lambda _: service, lambda: specs, metrics, WebLimits(), room, (*PROTOCOLS, SCORES))
        app = app_of(site, ONE_MODEL, behind=False)

        async def ask(body: object, path: str = "/v9/models/m:score") -> Any:
            return await Client(app).call("POST", path, [json.dumps(body).encode()], {"X-Request-Id": "mine"})

        body = {"query": "Who?", "texts": ["Ada did.", "Sea."]}
        plain = (await ask(body)).json
        assert (plain["model"], len(plain["scores"]), plain["used_tokens"]) == ("m", 2, 4 + 8 + 4 + 4)
        packed = base64.b64decode((await ask({**body, "encoding": "base64"})).json["scores"])
        assert [round(score, 6) for score in struct.unpack("<2f", packed)] == [round(s, 6) for s in plain["scores"]]
        raw = await ask({**body, "encoding": "raw"})
        assert (raw.body, raw.headers["content-type"], raw.headers["x-header-length"]) == (
            packed,
            "application/octet-stream",
            "0",
        )
        assert raw.headers["x-mooring-windows"] == "2"
        refused = await ask({"query": 7})
        assert (refused.status, refused.json) == (
            422,
            {"reason": "Expected `str`, got `int` - at `$.query`", "of": "mine"},
        )
        assert (await ask({"inputs": 7}, "/invocations")).json["code"] == 400
        assert (await Client(app).call("GET", "/v9/models")).json == ["serving"]
        assert '"route":"/v9/models/{name}:score","status":422' in log.getvalue()
        assert '"route":"/v9/models"' not in log.getvalue()
        counted = {"route": "/v9/models/{name}:score", "status": "200"}
        assert metrics.registry.get_sample_value("mooring_requests_total", counted) == 3
        document = (await Client(app).call("GET", "/openapi.json")).json
        OpenAPIV31SpecValidator(document).validate()
        described = document["paths"]["/v9/models/{name}:score"]["post"]
        assert described["parameters"][0]["name"] == "name"
        assert described["responses"]["default"]["content"][JSON]["schema"] == {"$ref": "#/components/schemas/Fault"}
        assert {"ScoreRequest", "ScoreAnswer", "Fault", "ErrorBody"} <= set(document["components"]["schemas"])
        await service.stop()

    asyncio.run(scene())
