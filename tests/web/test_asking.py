"""POST /invocations: every status that it has, and what goes on behind it."""

import asyncio
import json
import re

import pytest

from mooring.engine.limits import Limits
from mooring.web.limits import WebLimits
from tests.engine.running import until
from tests.support.asgi import Client, Reply
from tests.web.site import JSON, PAIR, Site, ask, play

SEA = {"question": "What?", "context": "Sea."}
CSV = b"question,context\r\nWho?,Ada wrote it.\r\nWhat?,Sea.\r\n"
LINES = json.dumps(PAIR).encode() + b"\n" + json.dumps(SEA).encode() + b"\n"


def refused(reply: Reply, status: int, kind: str, said: str) -> None:
    """The reply is an error in our shape."""
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json) == {"code", "type", "message", "request_id", "error"}
    assert reply.json["error"] == reply.json["message"]
    assert (reply.json["code"], reply.json["type"]) == (status, kind)
    assert said in reply.json["message"]
    assert reply.json["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize("body", [PAIR, {"inputs": PAIR}, {"inputs": PAIR, "parameters": {"top_k": 1}}])
@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON; charset=UTF-8", None])
def test_json_is_answered_wrapped_or_not(body: object, content_type: str | None) -> None:
    """Whatever its case and parameters, and without a content type."""
    reply = ask(body, **({"content_type": content_type} if content_type else {}))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["answer"] == "Ada"
    assert list(reply.json) == ["score", "start", "end", "answer"]


def test_the_bare_address_answers_as_well() -> None:
    """Hugging Face's clients post to the address that they are given."""

    async def scene(stage: Site) -> None:
        data = json.dumps({"inputs": PAIR, "parameters": {}}).encode()
        reply = await Client(stage.app).call("POST", "/", [data], JSON)
        assert (reply.status, reply.json["answer"]) == (200, "Ada")
        reply = await Client(stage.app).call("POST", "/", [b"{"], JSON)
        refused(reply, 400, "InvalidRequest", "Invalid JSON")
        assert stage.sample("mooring_requests_total", route="/", status="200") == 1

    play(scene)


def test_a_list_is_answered_by_a_list() -> None:
    """In one go through the engine."""
    assert [answer["answer"] for answer in ask({"inputs": [PAIR, SEA]}).json] == ["Ada", "Sea."]


@pytest.mark.parametrize(("kind", "body"), [("text/csv", CSV), ("application/jsonlines", LINES)])
def test_rows_and_lines_are_answered(kind: str, body: bytes) -> None:
    """As JSON if nothing else is asked for."""
    reply = ask(body, content_type=kind)
    assert (reply.status, [answer["answer"] for answer in reply.json]) == (200, ["Ada", "Sea."])


def test_answers_come_as_csv_if_asked_for() -> None:
    """With a header, CRLF and one row an answer."""
    reply = ask(CSV, content_type="text/csv", accept="text/csv")
    assert reply.headers["content-type"] == "text/csv"
    header, first, second, end = reply.body.split(b"\r\n")
    assert (header, end) == (b"score,start,end,answer", b"")
    assert (first.split(b",")[3], second.split(b",")[3]) == (b"Ada", b"Sea.")


def test_answers_come_as_lines_if_asked_for() -> None:
    """One for each line that came in."""
    reply = ask(LINES, content_type="application/x-ndjson", accept="application/jsonlines")
    assert reply.headers["content-type"] == "application/jsonlines"
    assert [json.loads(line)["answer"] for line in reply.body.splitlines()] == ["Ada", "Sea."]


def test_one_line_with_several_answers_stays_one_line() -> None:
    """Batch transform counts them."""
    line = json.dumps({"inputs": PAIR, "parameters": {"top_k": 3}}).encode()
    reply = ask(line, content_type="application/jsonlines", accept="application/jsonlines")
    assert [len(json.loads(answers)) for answers in reply.body.splitlines()] == [3]


def test_letters_beyond_ascii_come_back_as_they_are() -> None:
    """UTF-8, not \\u escapes."""
    reply = ask({"question": "Wo?", "context": "Köln🌊海 liegt."})
    assert "Köln🌊海".encode() in reply.body


def test_timings_and_windows_are_in_the_headers() -> None:
    """The four stages in milliseconds."""
    headers = ask({"inputs": [PAIR, SEA]}).headers
    stages = re.findall(r"(\w+);dur=(\d+\.\d+)", headers["server-timing"])
    assert [name for name, _ in stages] == ["queue", "tokenise", "compute", "decode"]
    assert headers["x-mooring-windows"] == "2"


def test_custom_attributes_and_unknown_headers_are_ignored() -> None:
    """The platform may add what it likes."""
    headers = {"X_Amzn_SageMaker_Custom_Attributes": "a=b", "X_Amzn_SageMaker_Target_Model": "m", "X_Else": "1"}
    reply = ask(PAIR, **headers)
    assert reply.status == 200
    assert "x-amzn-sagemaker-custom-attributes" not in reply.headers


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The body is empty."),
        (b"{", "Invalid JSON: it ends too early."),
        (b'{"question": NaN}', "invalid character (byte 13)"),
        (b'{"question": "\xff"}', "byte 14 is 0xff"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "an object is needed"),
        ({"question": "Who?"}, "/inputs/context: a text is needed, not None"),
        ({"question": "Who?", "context": ""}, "/inputs/context: a text is needed, not ''"),
        ({"question": 7, "context": "c"}, "/inputs/question: a text is needed, not 7"),
        ({"inputs": [PAIR, {"question": "q"}]}, "/inputs/1/context"),
        ({"inputs": PAIR, "parameters": {"top_k": 0}}, "/parameters/top_k: must be at least 1, is 0"),
    ],
)
def test_a_wrong_body_is_400_with_the_place(body: object, said: str) -> None:
    """Bytes, or a pointer to the field."""
    refused(ask(body), 400, "InvalidRequest", said)


def test_a_wrong_content_type_is_415() -> None:
    """Naming it and those there are."""
    refused(ask(PAIR, content_type="text/plain"), 415, "UnsupportedMediaType", "'text/plain'")
    refused(ask(PAIR, content_type="application/json; charset=utf-16"), 415, "UnsupportedMediaType", "utf-16")
    refused(ask(PAIR, content_encoding="gzip"), 415, "UnsupportedMediaType", "'gzip'")


def test_an_accept_that_cannot_be_met_is_406_and_costs_nothing() -> None:
    """It is known before the body is read."""

    async def scene(stage: Site) -> None:
        refused(await stage.ask(accept="text/html"), 406, "NotAcceptable", "text/csv")
        assert stage.computed == 0

    play(scene)


def test_csv_of_several_answers_to_several_questions_has_a_column_for_the_question() -> None:
    """Its number."""
    body = {"inputs": [PAIR, SEA], "parameters": {"top_k": 2}}
    reply = ask(body, accept="text/csv")
    assert reply.status == 200
    assert [line.split(b",")[0] for line in reply.body.splitlines()] == [b"row", b"1", b"1", b"2", b"2"]


def test_a_body_announced_too_large_is_413_unread() -> None:
    """The message names both sizes."""

    async def scene(stage: Site) -> None:
        client = Client(stage.app)
        client.left.set()
        reply = await client.call("POST", "/invocations", [], {"Content-Length": "2000"})
        refused(reply, 413, "PayloadTooLarge", "The body has 2000 bytes; the limit is 1000.")
        assert reply.headers["connection"] == "close"

    play(scene, WebLimits(max_body_bytes=1000))


def test_a_body_that_grows_too_large_is_413() -> None:
    """Without a length in advance."""

    async def scene(stage: Site) -> None:
        client = Client(stage.app)
        reply = await client.call("POST", "/invocations", [b"x" * 400] * 6, JSON)
        refused(reply, 413, "PayloadTooLarge", "more than 1000 bytes; the limit is 1000.")
        assert reply.headers["connection"] == "close"

    play(scene, WebLimits(max_body_bytes=1000))


def test_a_body_at_the_limit_is_read() -> None:
    """The limit is a size that is allowed."""
    data = json.dumps(PAIR).encode()
    play(_answered(data), WebLimits(max_body_bytes=len(data)))


def test_a_large_body_is_read_in_a_thread() -> None:
    """With the same answer."""
    play(_answered(json.dumps(PAIR).encode()), WebLimits(thread_bytes=1))


def _answered(data: bytes):  # type: ignore[no-untyped-def]
    async def scene(stage: Site) -> None:
        assert (await stage.ask(data)).status == 200

    return scene


def test_too_many_windows_are_413_naming_both_numbers() -> None:
    """The engine's refusal passes as it is."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask({"inputs": [PAIR] * 3})
        refused(reply, 413, "PayloadTooLarge", "The request makes 3 windows; the limit is 2.")
        assert "connection" not in reply.headers

    play(scene, engine_limits=Limits(max_windows=2))


def test_a_body_that_trickles_is_408() -> None:
    """It holds a connection and nothing else, and not for ever."""

    async def scene(stage: Site) -> None:
        client = Client(stage.app)
        calling = asyncio.ensure_future(client.call("POST", "/invocations", [b'{"inputs":'], JSON, whole=False))
        await until(lambda: bool(client.sent))
        client.left.set()
        reply = await calling
        refused(reply, 408, "BodyTooSlow", "It may take 0.01 s")
        assert reply.headers["connection"] == "close"

    play(scene, WebLimits(body_s=0.01))


def test_a_body_cut_off_is_not_computed() -> None:
    """And nobody is answered; metrics know it as 499."""

    async def scene(stage: Site) -> None:
        client = Client(stage.app)
        client.left.set()
        reply = await client.call("POST", "/invocations", [b'{"inputs":'], JSON, whole=False)
        assert (reply.status, stage.computed) == (0, 0)
        assert stage.sample("mooring_requests_total", route="/invocations", status="499") == 1

    play(scene)


def test_a_client_that_leaves_spares_the_computing() -> None:
    """Its windows are dropped before they cost anything, and those of others are not."""

    async def scene(stage: Site) -> None:
        stage.backend.gate.close()
        first = asyncio.ensure_future(stage.ask())
        await asyncio.to_thread(stage.backend.gate.wait_held)
        leaving = Client(stage.app)
        second = asyncio.ensure_future(
            leaving.call("POST", "/invocations", [json.dumps({"inputs": [SEA] * 5}).encode()], JSON)
        )
        await until(lambda: stage.engine.snapshot()["queued_windows"] == 5)
        leaving.left.set()
        assert (await second).status == 0
        assert stage.sample("mooring_dropped_windows_total", reason="cancelled") == 5
        stage.backend.gate.open()
        assert (await first).status == 200
        assert stage.computed == 1

    play(scene)


def test_a_server_that_cancels_is_not_a_client_that_left() -> None:
    """The cancellation goes on to whoever asked for it."""

    async def scene(stage: Site) -> None:
        stage.backend.gate.close()
        asking = asyncio.ensure_future(stage.ask())
        await asyncio.to_thread(stage.backend.gate.wait_held)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    play(scene)


def test_a_full_queue_is_429_with_retry_after() -> None:
    """A request that finds it empty again is answered."""

    async def scene(stage: Site) -> None:
        stage.backend.gate.close()
        first = asyncio.ensure_future(stage.ask())
        await asyncio.to_thread(stage.backend.gate.wait_held)
        reply = await stage.ask({"inputs": [SEA] * 20})
        refused(reply, 429, "QueueFull", "The queue is full")
        assert int(reply.headers["retry-after"]) >= 1
        assert stage.sample("mooring_refused_total", reason="queue_full") == 1
        stage.backend.gate.open()
        assert (await first).status == 200
        assert (await stage.ask()).status == 200

    play(scene, engine_limits=Limits(max_queue_s=0))


def test_a_full_queue_refuses_a_large_body_unread() -> None:
    """It would be decoded only to be refused; a small one is, because its answer may be cached."""

    async def scene(stage: Site) -> None:
        stage.backend.gate.close()
        first = asyncio.ensure_future(stage.ask())
        await asyncio.to_thread(stage.backend.gate.wait_held)
        large, small = b"x" * 70_000, b"x" * 60_000
        refused(await stage.ask(large, content_length="70000"), 429, "QueueFull", "The queue is full")
        refused(await stage.ask(small, content_length="60000"), 400, "InvalidRequest", "")
        stage.backend.gate.open()
        assert (await first).status == 200
        refused(await stage.ask(large, content_length="70000"), 400, "InvalidRequest", "")

    play(scene, engine_limits=Limits(max_queue_s=0))


def test_a_passed_deadline_is_504() -> None:
    """Named in the message."""

    async def scene(stage: Site) -> None:
        stage.backend.gate.close()
        refused(await stage.ask(), 504, "DeadlineExceeded", "0.01 s")

    play(scene, WebLimits(deadline_s=0.01))


def test_a_failed_batch_is_500_and_the_next_one_is_answered() -> None:
    """The backend's own words, under the error's name."""

    async def scene(stage: Site) -> None:
        stage.backend.fail_next = 1
        refused(await stage.ask(), 500, "BackendError", "told to fail")
        assert (await stage.ask()).status == 200

    play(scene)


def test_an_unexpected_failure_is_500_without_its_words() -> None:
    """Which would repeat the text."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask({"question": "Who?", "context": "crash secretly"})
        refused(reply, 500, "InternalError", "not caused by the request")
        assert b"secret" not in reply.body
        assert b"Traceback" not in reply.body
        assert (await stage.ask()).status == 200

    play(scene)


def test_a_draining_server_is_503() -> None:
    """And closes the connection, for the next request to go elsewhere."""

    async def scene(stage: Site) -> None:
        assert await stage.service.drain(0)
        reply = await stage.ask()
        refused(reply, 503, "Draining", "shutting down")
        assert reply.headers["connection"] == "close"

    play(scene)
