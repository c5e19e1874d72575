"""Request ids, and what the log says of a request."""

import asyncio
import io
import json
from typing import Any

import pytest

from mooring.observe.metrics import Metrics
from mooring.web.border import Border, request_id_of
from tests.support.asgi import Client
from tests.web.site import PAIR, Site, play


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    """The log's lines about requests."""
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in found if line["event"] == "request"]


@pytest.mark.parametrize("given", ["a", "0f-9_Z/+~!", "x" * 128])
def test_a_callers_request_id_is_kept(given: str) -> None:
    """Up to 128 visible ASCII characters."""
    assert request_id_of([(b"x-request-id", given.encode())]) == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", "é", "\x7f"])
def test_a_request_id_that_is_not_fit_is_replaced(given: str) -> None:
    """It would get into logs and headers."""
    made = request_id_of([(b"x-request-id", given.encode("latin-1"))])
    assert made != given
    assert len(made) == 32


def test_sagemakers_inference_id_is_the_second_choice() -> None:
    """Our own header wins."""
    theirs = (b"x-amzn-sagemaker-inference-id", b"theirs")
    assert request_id_of([theirs]) == "theirs"
    assert request_id_of([theirs, (b"x-request-id", b"ours")]) == "ours"


def test_made_up_ids_differ() -> None:
    """Each request has one of its own."""
    assert len({request_id_of([]) for _ in range(100)}) == 100


def test_the_request_id_is_in_every_response_and_every_error() -> None:
    """Also where no route was found."""

    async def scene(stage: Site) -> None:
        for path in ("/ping", "/metrics", "/nowhere"):
            assert (await stage.get(path, {"X-Request-Id": "mine"})).headers["x-request-id"] == "mine"
        assert (await stage.ask(x_request_id="mine")).headers["x-request-id"] == "mine"
        assert (await stage.ask(b"{", x_request_id="mine")).json["request_id"] == "mine"

    play(scene)


def test_a_request_is_one_line(log: io.StringIO) -> None:
    """Method, route, status, time and id; for answers the windows."""

    async def scene(stage: Site) -> None:
        await stage.ask({"inputs": [PAIR, PAIR]}, x_request_id="mine")
        await stage.ask(b"{")
        first, second = lines(log)
        assert (first["method"], first["route"], first["status"], first["request_id"], first["windows"]) == (
            "POST",
            "/invocations",
            200,
            "mine",
            2,
        )
        assert first["ms"] > 0
        assert (second["status"], "windows" in second) == (400, False)

    play(scene)


def test_probes_are_not_logged(log: io.StringIO) -> None:
    """Machines ask them every few seconds."""

    async def scene(stage: Site) -> None:
        await stage.get("/ping")
        await stage.get("/metrics")
        assert lines(log) == []

    play(scene)


def test_an_unknown_path_or_method_is_not_repeated_in_the_log(log: io.StringIO) -> None:
    """They can hold any text."""

    async def scene(stage: Site) -> None:
        await Client(stage.app).call("SECRET", "/secret")
        assert [(line["method"], line["route"]) for line in lines(log)] == [("other", "other")]
        assert "secret" not in log.getvalue().lower()
        assert b"secret" not in (await stage.get("/metrics")).body.lower()

    play(scene)


def test_a_failure_is_logged_with_its_place_and_without_its_words(log: io.StringIO) -> None:
    """The request id in it is the one that the caller got."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask({"question": "Who?", "context": "crash SECRET"})
        failed = next(line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "failed")
        assert failed["request_id"] == reply.json["request_id"]
        assert failed["error"] == "RuntimeError"
        assert "text_task.py" in failed["where"]
        assert "SECRET" not in log.getvalue()

    play(scene)


def test_a_failed_batch_is_logged_with_the_backends_words(log: io.StringIO) -> None:
    """They say what is wrong with the machine or the model."""

    async def scene(stage: Site) -> None:
        stage.backend.fail_next = 1
        assert (await stage.ask()).status == 500
        assert '"message":"the fake backend was told to fail"' in log.getvalue()

    play(scene)


def test_a_response_that_breaks_off_is_not_patched_up() -> None:
    """Its status is out already; the server must cut the connection for the client to see it."""

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    client = Client(Border(half, metrics=Metrics(), routes={}))
    with pytest.raises(RuntimeError, match="in the middle"):
        asyncio.run(client.call("GET", "/"))
    assert [message["type"] for message in client.sent] == ["http.response.start"]


def test_what_is_not_http_passes() -> None:
    """There is nothing to name or to count."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def scene() -> None:
        border = Border(app, metrics=Metrics(), routes={})
        await border({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    asyncio.run(scene())
    assert seen == ["lifespan"]
