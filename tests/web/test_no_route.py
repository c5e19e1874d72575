"""404 and 405: whoever asks in the wrong place is told the right one."""

import asyncio

import pytest
from starlette.routing import Route

from mooring.multi.ledger import Ledger
from mooring.multi.registry import Registry
from mooring.multi.routes import create_multi_app
from mooring.observe.metrics import Metrics
from mooring.web.app import create_app
from mooring.web.border import shown
from mooring.web.limits import WebLimits
from mooring.web.no_route import ONE_MODEL, PAGE_FILES, SEVERAL_MODELS, RouteTable
from mooring.web.service import Service
from tests.support.asgi import Client, Reply
from tests.web.site import Site, play

ONE = create_app(Service(lambda: pytest.fail("not to be opened")), Metrics())
SEVERAL = create_multi_app(
    Registry(lambda *_: pytest.fail("not to be opened"), Ledger(lambda: None)),
    Metrics(),
    WebLimits(),
    behind=True,
)


def call(several: bool, method: str, path: str) -> Reply:
    """A request to one of the servers."""
    return asyncio.run(Client(SEVERAL if several else ONE).call(method, path))


@pytest.mark.parametrize(("app", "table"), [(ONE, ONE_MODEL), (SEVERAL, SEVERAL_MODELS)])
def test_the_table_has_what_there_is(app: object, table: RouteTable) -> None:
    """Every route with its methods, and nothing else."""
    there: dict[str, set[str]] = {}
    for route in app.routes:  # type: ignore[attr-defined]
        assert isinstance(route, Route)
        there.setdefault(route.path, set()).update((route.methods or {"GET"}) - {"HEAD"})
    assert {path: set(methods) for path, methods in table.methods.items()} == there
    assert table.ask.split()[0] in table.methods[table.ask.split()[1]]


@pytest.mark.parametrize(
    "path",
    [
        "/predictions/model",
        "/v1/chat/completions",
        "/v3/models/qa/infer",
        "/generate",
        "/embed_sparse",
        "/rankings/of",
        "/pipeline/question-answering",
        "/nowhere",
        "/ü",
    ],
)
def test_an_unknown_path_is_404_with_what_there_is(path: str) -> None:
    """By a client of another server, most likely. No redirect: it would lose a body."""

    async def scene(stage: Site) -> None:
        reply = await Client(stage.app).call("POST", path, [b"{}"])
        assert (reply.status, reply.json["code"], reply.json["type"]) == (404, 404, "NotFound")
        assert reply.json["request_id"] == reply.headers["x-request-id"]
        message = reply.json["message"]
        assert message.startswith(f"{path!r} not found. Send inference requests to POST /invocations. Routes: POST ")
        assert reply.json["error"] == message
        for known in ONE_MODEL.methods:
            assert (f" {shown(known)}" in message) == (known != PAGE_FILES)

    play(scene)


@pytest.mark.parametrize(
    ("path", "meant"), [("/invocation", "/invocations"), ("/ping/", "/ping"), ("/Invocations", "/invocations")]
)
def test_a_misspelt_path_gets_the_right_spelling(path: str, meant: str) -> None:
    """A long one is not compared."""
    assert f"Did you mean {meant}?" in call(False, "POST", path).json["message"]
    assert "Did you mean" not in call(False, "POST", path + "x" * 60_000).json["message"]


@pytest.mark.parametrize(
    ("several", "method", "path", "allow"),
    [
        (False, "GET", "/invocations", "POST"),
        (False, "PUT", "/", "POST, GET, HEAD"),
        (False, "POST", "/ping", "GET, HEAD"),
        (False, "POST", "/health", "GET, HEAD"),
        (False, "BREW", "/info", "GET, HEAD"),
        (False, "GET", "/models/BAAI/bge-small-en", "POST"),
        (False, "POST", "/v1/models/BAAI/bge-small-en", "GET, HEAD"),
        (False, "PUT", "/v1/models/BAAI/bge-small-en:predict", "POST"),
        (False, "PUT", "/v2/models/qa/infer", "POST"),
        (False, "POST", "/v2/models/qa/versions/1/ready", "GET, HEAD"),
        (True, "POST", "/", "GET, HEAD"),
        (True, "PUT", "/models", "POST, GET, HEAD"),
        (True, "POST", "/models/qa", "GET, DELETE, HEAD"),
        (True, "GET", "/models/qa/invoke", "POST"),
    ],
)
def test_a_wrong_method_is_405_naming_the_right_ones(several: bool, method: str, path: str, allow: str) -> None:
    """In the header that is for it, too; and whoever sends a body is told where questions go."""
    reply = call(several, method, path)
    assert (reply.status, reply.json["type"], reply.headers["allow"]) == (405, "MethodNotAllowed", allow)
    assert f"{path!r} does not support {method!r}. Supported: {allow}." in reply.json["message"]
    asked = "POST /models/{name}/invoke" if several else "POST /invocations"
    assert (f"Send inference requests to {asked}." in reply.json["message"]) == (method in ("POST", "PUT"))
    assert reply.json["error"] == reply.json["message"]


@pytest.mark.parametrize("path", ["/", "/invocations"])
def test_where_several_models_are_served_a_question_has_to_name_one(path: str) -> None:
    """There is no model to be meant."""
    reply = call(True, "POST", path)
    assert reply.status == (405 if path == "/" else 404)
    assert "Send inference requests to POST /models/{name}/invoke." in reply.json["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/embeddings"),
        ("GET", "/v1/models"),
        ("POST", "/embed"),
        ("POST", "/v2/rerank"),
        ("POST", "/v2/models/qa/infer"),
        ("POST", "/v1/models/qa:predict"),
        ("POST", "/models/qa/pipeline/question-answering"),
        ("POST", "/"),
    ],
)
def test_multi_model_mode_says_why_it_has_no_other_apis(method: str, path: str) -> None:
    """And which server has them. A path that no server has is not explained."""
    why = "In multi-model mode only SageMaker's routes are served, because a request must name its model in the path."
    reply = call(True, method, path)
    assert (reply.status, reply.json["type"]) in ((404, "NotFound"), (405, "MethodNotAllowed"))
    assert f"{why} For the other APIs, start the server with its models" in reply.json["message"]
    assert why not in call(True, method, "/nowhere").json["message"]
    assert why not in call(False, "POST", "/nowhere").json["message"]
