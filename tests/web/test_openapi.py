"""GET /openapi.json: valid, whole, and true of what is really answered."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.multi.ledger import Ledger
from mooring.multi.registry import Registry
from mooring.multi.routes import create_multi_app
from mooring.observe.metrics import Metrics
from mooring.tasks import TASKS
from mooring.testing import FakeBackend
from mooring.web.app import create_app
from mooring.web.asking import HEADERS
from mooring.web.border import shown
from mooring.web.limits import WebLimits
from mooring.web.no_route import ONE_MODEL, PAGE_FILES, SEVERAL_MODELS, RouteTable
from mooring.web.reply import Call, Reply
from mooring.web.service import ByEngine, Served, Service
from tests.support.asgi import Client
from tests.support.asgi import Reply as Response
from tests.support.text_task import LONGEST, TextTask
from tests.web.site import JSON, PAIR, Site, play

OTHERS = ("/v1/embeddings", "/embed", "/embed_all", "/predict", "/rerank", "/v1/rerank", "/v2/rerank", "/similarity")
"""Routes for tasks that a model for question answering does not offer."""


def check(document: dict[str, Any], table: RouteTable, *, whole: bool = False) -> None:
    """It is an OpenAPI 3.1 document, with every route of a model for question answering, or with all."""
    OpenAPIV31SpecValidator(document).validate()
    there = {path: {method.upper() for method in methods} for path, methods in document["paths"].items()}
    left_out = (PAGE_FILES, *(() if whole else OTHERS))
    assert there == {shown(path): set(methods) for path, methods in table.methods.items() if path not in left_out}
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def fits(document: dict[str, Any], schema: dict[str, Any], value: object) -> bool:
    """Whether a value is what a schema of the document says."""
    return not list(OAS31Validator({**schema, "components": document["components"]}).iter_errors(value))


def answered(document: dict[str, Any], method: str, route: str, reply: Response) -> None:
    """A reply is what the document says of it."""
    operation = document["paths"][route][method.lower()]
    described = operation["responses"]["200" if reply.status == 200 else "default"]
    content = {kind.lower(): media for kind, media in described["content"].items()}[reply.headers["content-type"]]
    value = reply.json if reply.headers["content-type"] == "application/json" else reply.body.decode()
    assert fits(document, content["schema"], value), (route, value)
    if reply.status == 200:
        sent = {name for name in reply.headers if name.startswith("x-mooring") or name == "server-timing"}
        assert sent <= {name.lower() for name in described.get("headers", {})}


@pytest.mark.parametrize("hft_errors", [False, True])
def test_it_is_valid_and_real_answers_are_what_it_says(hft_errors: bool) -> None:
    """Every GET, every way to ask, and errors."""
    bodies: list[object] = [
        PAIR,
        {"inputs": PAIR},
        {"inputs": PAIR, "parameters": {"top_k": 3}},
        {"inputs": [PAIR, PAIR]},
        {"inputs": [PAIR, PAIR], "parameters": {"top_k": 2}},
    ]

    async def scene(stage: Site) -> None:
        document = (await stage.get("/openapi.json")).json
        check(document, ONE_MODEL)
        for path, methods in document["paths"].items():
            named = (
                path.replace("{id}", "model")
                .replace("{model}", "model")
                .replace("{version}", "1")
                .replace("{task}", "question-answering")
            )
            if "get" in methods:
                reply = await stage.get(named)
                assert reply.status == 200
                answered(document, "GET", path, reply)
            else:
                assert list(methods) == ["post"]
            if "post" not in methods or path in ("/tokenize", "/decode") or "{model}" in path:
                continue
            media = methods["post"]["requestBody"]["content"]["application/json"]
            for body in (*bodies, TASKS["question-answering"].example):
                assert fits(document, media["schema"], body)
                reply = await Client(stage.app).call("POST", named, [json.dumps(body).encode()], JSON)
                assert reply.status == 200
                answered(document, "POST", path, reply)
            assert not fits(document, media["schema"], {"inputs": {"question": 7}})
            assert [example["value"] for example in media["examples"].values()] == [TASKS["question-answering"].example]
            reply = await Client(stage.app).call("POST", named, [b"{"], JSON)
            assert reply.status == 400
            answered(document, "POST", path, reply)

    play(scene, WebLimits(hft_errors=hft_errors))


@pytest.mark.parametrize(("accept", "kind"), [("text/csv", "text/csv"), ("application/jsonlines",) * 2])
def test_other_types_are_text(accept: str, kind: str) -> None:
    """OpenAPI 3.1 cannot say more of lines and rows."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(accept=accept)
        assert reply.headers["content-type"] == kind
        answered((await stage.get("/openapi.json")).json, "POST", "/invocations", reply)

    play(scene)


def test_the_headers_of_an_answer_are_described() -> None:
    """All that there are, on a text that is truncated and then asked again."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask({"question": "Who?", "context": "Ada wrote it. " * LONGEST})
        assert (reply.headers["x-mooring-tokens"], reply.headers["x-truncated"]) == (str(LONGEST), "1")
        missing = {name.lower() for name in HEADERS} - set(reply.headers)
        assert missing == {"x-mooring-cache", "x-mooring-failed-records"}
        whole = await stage.ask({"inputs": [PAIR, PAIR]})
        assert whole.headers["x-mooring-tokens"] == str(2 * len(PAIR["question"] + PAIR["context"]))
        assert "x-truncated" not in whole.headers

    play(scene)


def test_it_is_not_there_before_the_model() -> None:
    """The task is not known."""
    app = create_app(Service(lambda: pytest.fail("not to be opened")), Metrics())
    reply = asyncio.run(Client(app).call("GET", "/openapi.json"))
    assert (reply.status, reply.json["type"]) == (503, "NotReady")


def test_a_models_own_code_takes_and_gives_anything() -> None:
    """Nobody knows its types."""

    class Code:
        async def handle(self, call: Call, deadline_s: float) -> Reply:
            return Reply(call.body, "text/plain")

    async def scene() -> None:
        engine = Engine(TextTask(), FakeBackend(), Limits())
        service = Service(lambda: Served(Code(), engine))
        await service.start()
        app = create_app(service, Metrics())
        document = (await Client(app).call("GET", "/openapi.json")).json
        check(document, ONE_MODEL)
        operation = document["paths"]["/invocations"]["post"]
        assert operation["requestBody"]["content"] == {"*/*": {"schema": {}}}
        assert operation["responses"]["200"]["content"] == {"*/*": {"schema": {}}}
        await service.stop()

    asyncio.run(scene())


def test_several_models_have_all_tasks(tmp_path: Path) -> None:
    """For any may be loaded; the management routes are true, too."""

    def opened(*_: object) -> Served[ByEngine]:
        backend = FakeBackend()
        engine = Engine(TextTask(), backend, Limits())
        return Served(ByEngine(TextTask(), engine), engine, {"model": {"name": "one"}}, backend.close)

    async def scene() -> None:
        registry = Registry(opened, Ledger(lambda: None))
        app = create_multi_app(registry, Metrics(), WebLimits(), behind=True)
        document = (await Client(app).call("GET", "/openapi.json")).json
        check(document, SEVERAL_MODELS, whole=True)
        content = document["paths"]["/models/{name}/invoke"]["post"]["requestBody"]["content"]
        assert set(content["application/json"]["examples"]) == set(TASKS)
        body = {"model_name": "one", "url": str(tmp_path)}
        for method, path, sent in (
            ("POST", "/models", body),
            ("POST", "/models", body),  # again: an error
            ("GET", "/models", None),
            ("GET", "/models/one", None),
            ("POST", "/models/one/invoke", PAIR),
            ("GET", "/info", None),
            ("GET", "/metrics", None),
            ("GET", "/ping", None),
            ("GET", "/health/live", None),
            ("DELETE", "/models/one", None),
            ("GET", "/models/one", None),
        ):
            data = b"" if sent is None else json.dumps(sent).encode()
            reply = await Client(app).call(method, path, [data], JSON)
            route = path.replace("/models/one", "/models/{name}")
            answered(document, method, route, reply)
        await registry.stop()

    asyncio.run(scene())
