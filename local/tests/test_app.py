"""Which service a request goes to, and who is refused at the door: in process."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from local.tests.support.local_control import Orders
from mooring_local.app import LARGEST_BODY, Doors, LocalApp
from mooring_local.control.parts import Parts
from mooring_local.fleet.logbook import Logbook
from mooring_local.objects.store import ObjectStore
from mooring_local.server import is_loopback, services
from mooring_local.state import State
from tests.support.asgi import Client, Reply

HERE = {"host": "127.0.0.1:4567"}
LIST = {**HERE, "x-amz-target": "SageMaker.ListModels"}
FORM = {**HERE, "content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def door(name: str) -> Any:
    """An application that says its name."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(name)(scope, receive, send)

    return application


@pytest.fixture
def app(tmp_path: Path) -> Iterator[LocalApp]:
    """With doors that say their names."""
    state, orders = State(tmp_path / "state.sqlite"), Orders()
    parts = Parts(state, ObjectStore(tmp_path / "s3"), orders, orders)
    doors = Doors(runtime=door("runtime"), objects=door("s3"), page=door("page"))
    yield LocalApp(services(parts, Logbook(tmp_path / "logs")), doors, frozenset({"127.0.0.1", "localhost"}))
    state.close()


def ask(app: LocalApp, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = HERE) -> Reply:
    """One request."""
    return asyncio.run(Client(app).call(method, path, [body], headers))


@pytest.mark.parametrize(
    ("method", "path", "there"),
    [
        ("POST", "/endpoints/qa/invocations", "runtime"),
        ("POST", "/endpoints/qa/invocations-response-stream", "runtime"),
        ("POST", "/endpoints/qa/async-invocations", "runtime"),
        ("PUT", "/endpoints/qa/invocations", "s3"),
        ("POST", "/endpoints/qa/invocations/more", "s3"),
        ("GET", "/_mooring/", "page"),
        ("GET", "/_mooring", "page"),
        ("GET", "/_mooring-models", "s3"),
        ("GET", "/", "s3"),
        ("POST", "/bucket", "s3"),
        ("DELETE", "/bucket/key", "s3"),
    ],
)
def test_paths_lead_to_their_doors(app: LocalApp, method: str, path: str, there: str) -> None:
    """Buckets may be called nearly anything, so the others have to be exact."""
    assert ask(app, method, path).body.decode() == there


def test_a_browser_is_sent_to_the_page_and_a_signed_request_is_not(app: LocalApp) -> None:
    """Both ask for /."""
    reply = ask(app, "GET", "/", headers={**HERE, "accept": "text/html,*/*"})
    assert (reply.status, reply.headers["location"]) == (307, "/_mooring/")
    assert ask(app, "GET", "/", headers={**HERE, "accept": "text/html", "authorization": "AWS4 any"}).body == b"s3"


def test_a_target_and_a_form_are_answered_with_the_requests_id(app: LocalApp) -> None:
    """AWS JSON and Query; each request has another id."""
    first, second = ask(app, "POST", "/", b"{}", LIST), ask(app, "POST", "/", b"", LIST)
    assert (first.status, first.json) == (200, {"Models": []})
    assert first.headers["content-type"] == "application/x-amz-json-1.1"
    assert len({first.headers["x-amzn-requestid"], second.headers["x-amzn-requestid"]}) == 2
    query = ask(app, "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", FORM)
    assert (query.status, query.headers["content-type"]) == (200, "text/xml")
    assert query.headers["x-amzn-requestid"].encode() in query.body


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("SageMaker.CreateTrainingJob", "UnknownOperationException", "local/docs/reference/operations.md"),
        ("SageMaker.MakeMoney", "UnknownOperationException", "sagemaker has no operation MakeMoney"),
        ("DynamoDB_20120810.ListTables", "UnknownOperationException", "no service for X-Amz-Target DynamoDB"),
        ("", "UnknownOperationException", "no service"),
    ],
)
def test_what_is_not_implemented_says_where_it_is_listed(app: LocalApp, target: str, code: str, said: str) -> None:
    """404, and no 500 that clients would try again."""
    reply = ask(app, "POST", "/", b"{}", {**LIST, "x-amz-target": target})
    assert (reply.status, reply.json["__type"]) == (404, code)
    assert said in reply.json["message"]


def test_other_query_services_are_refused_as_xml(app: LocalApp) -> None:
    """By version, and by operation within one."""
    reply = ask(app, "POST", "/", b"Action=ListTopics&Version=2010-03-31", FORM)
    assert reply.status == 400
    assert b"<Code>InvalidAction</Code>" in reply.body
    reply = ask(app, "POST", "/", b"Action=ListUsers&Version=2010-05-08", FORM)
    assert reply.status == 404
    assert b"does not implement iam's ListUsers" in reply.body


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:4567"},
        {"host": ""},
        {"host": "127.0.0.1:4567", "origin": "http://evil.example"},
        {"host": "127.0.0.1:4567", "origin": "null"},
        {"host": "127.0.0.1:4567", "origin": "http://127.0.0.1:8888"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/bucket/key", "/endpoints/qa/invocations", "/_mooring/"])
def test_pages_of_other_sites_do_not_come_in(app: LocalApp, headers: dict[str, str], path: str) -> None:
    """Neither by Origin nor by a name that was made to point here; whatever they ask for."""
    reply = ask(app, "POST", path, b"{}", headers)
    assert (reply.status, reply.json["__type"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_scripts_and_images_of_other_pages_do_not_come_in(app: LocalApp, site: str) -> None:
    """They have no Origin; the browser says from where they are all the same. A link that somebody follows is one."""
    there = {**HERE, "sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    assert ask(app, "GET", "/bucket/key.js", headers=there).status == 403
    assert ask(app, "GET", "/_mooring/", headers={**there, "sec-fetch-mode": "navigate"}).body == b"page"
    assert ask(app, "POST", "/endpoints/qa/invocations", headers={**there, "sec-fetch-mode": "navigate"}).status == 403
    assert ask(app, "GET", "/_mooring/", headers={**there, "sec-fetch-site": "same-origin"}).body == b"page"


def test_an_object_that_is_a_page_has_no_origin(app: LocalApp) -> None:
    """Else its scripts could create a model with code of theirs and run it."""
    reply = ask(app, "GET", "/bucket/page.html")
    assert reply.headers["content-security-policy"] == "sandbox"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in ask(app, "GET", "/_mooring/").headers


def test_what_reads_much_holds_nobody_up(app: LocalApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop answers, and pings its endpoints, while the logs are read."""
    reading, read_on = threading.Event(), threading.Event()

    def groups(_: Logbook, __: str = "") -> list[str]:
        reading.set()
        assert read_on.wait(10)
        return []

    monkeypatch.setattr(Logbook, "groups", groups)

    async def both() -> tuple[Reply, Reply]:
        target = {**HERE, "x-amz-target": "Logs_20140328.DescribeLogGroups"}
        slow = asyncio.ensure_future(Client(app).call("POST", "/", [b"{}"], target))
        assert await asyncio.to_thread(reading.wait, 10)
        quick = await Client(app).call("POST", "/", [b"{}"], LIST)
        assert not slow.done()
        read_on.set()
        return quick, await slow

    quick, slow = asyncio.run(both())
    assert (quick.status, slow.status, slow.json) == (200, 200, {"logGroups": []})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:4567", "LOCALHOST:1"])
def test_this_machine_and_the_page_itself_come_in(app: LocalApp, host: str) -> None:
    """Its own Origin is the page's."""
    assert ask(app, "POST", "/", b"{}", {**LIST, "host": host}).status == 200
    assert ask(app, "POST", "/", b"{}", {**LIST, "host": host, "origin": f"http://{host}"}).status == 200


def test_a_body_that_is_too_long_is_read_and_refused(app: LocalApp) -> None:
    """A client that sends and does not listen would see a broken connection instead."""
    client = Client(app)
    pieces = [b" " * (1 << 20)] * (LARGEST_BODY // (1 << 20) + 1)
    reply = asyncio.run(client.call("POST", "/", pieces, LIST))
    assert (reply.status, reply.json["__type"]) == (413, "RequestEntityTooLargeException")
    assert client.unread == 0


def state_of(app: LocalApp) -> State:
    """What its control plane remembers in."""
    state: State = app._by_target["SageMaker"].handlers["ListModels"].__self__._parts.state  # type: ignore[attr-defined]
    return state


def test_a_full_disk_is_said(app: LocalApp, capsys: Any) -> None:
    """To the caller and in the log; what was there before can still be read."""
    state_of(app)._db.execute("PRAGMA max_page_count = 1")
    container = {"Image": "mooring", "Environment": {f"HF_{name}": "hf_secret" * 100 for name in "ABCDEFGH"}}
    body = json.dumps({"ModelName": "m", "PrimaryContainer": container}).encode()
    reply = ask(app, "POST", "/", body, {**LIST, "x-amz-target": "SageMaker.CreateModel"})
    assert (reply.status, reply.json["__type"]) == (500, "InternalFailure")
    assert "database or disk is full" in reply.json["message"]
    said = capsys.readouterr().out
    assert "database or disk is full" in said
    assert "hf_secret" not in said
    assert ask(app, "POST", "/", b"{}", LIST).json == {"Models": []}


def test_a_fault_of_ours_is_an_internal_failure_without_its_words(app: LocalApp, capsys: Any) -> None:
    """The state is gone: what that says is for the log."""
    app_state = ask(
        app, "POST", "/", json.dumps({"ModelName": "m"}).encode(), {**LIST, "x-amz-target": "SageMaker.DescribeModel"}
    )
    assert app_state.status == 400
    state_of(app).close()
    reply = ask(app, "POST", "/", b"{}", LIST)
    assert (reply.status, reply.json["__type"]) == (500, "InternalFailure")
    assert "database" not in reply.json["message"]
    assert "a request failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.0.7", False),
        ("localhost.example.com", False),
    ],
)
def test_only_loopback_is_this_machine_alone(host: str, alone: bool) -> None:
    """A name that might mean anything does not count."""
    assert is_loopback(host) is alone
