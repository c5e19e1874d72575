"""Batch transform: many records in a body, one bad one among them, and a queue that is full."""

import json

import pytest

from mooring.engine.limits import Limits
from mooring.web.limits import WebLimits
from tests.web.site import PAIR, Site, play

BATCH = WebLimits(batch=True)
GOOD = json.dumps(PAIR)
LINES = "application/jsonlines"


def lines(*records: str) -> bytes:
    """A body."""
    return "\n".join(records).encode()


def test_one_bad_line_is_an_error_line_and_the_others_are_answered() -> None:
    """In order: not JSON, a missing field, a wrong type."""

    async def scene(stage: Site) -> None:
        body = lines(GOOD, "{", GOOD, '{"question": "q"}', "[]", GOOD)
        reply = await stage.ask(body, content_type=LINES, accept=LINES)
        assert reply.status == 200
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert [entry.get("answer") for entry in found] == ["Ada", None, "Ada", None, None, "Ada"]
        errors = [entry["error"] for entry in found if "error" in entry]
        assert [error["code"] for error in errors] == [400, 400, 400]
        assert errors[0]["message"].startswith("Line 2: ")
        assert reply.headers["x-mooring-failed-records"] == "3"
        assert int(reply.headers["content-length"]) == len(reply.body)

    play(scene, BATCH)


def test_a_bad_row_of_csv_is_an_error_row() -> None:
    """With a column for errors after those of answers."""

    async def scene(stage: Site) -> None:
        body = b"question,context\r\nWho?,Ada wrote it.\r\nWho?\r\nWho?,\r\n"
        reply = await stage.ask(body, content_type="text/csv", accept="text/csv")
        rows = reply.body.decode().splitlines()
        assert rows[0] == "score,start,end,answer,error"
        assert rows[1].endswith("Ada,")
        assert [row.startswith(",,,,") for row in rows[1:]] == [False, True, True]
        assert "has 1 fields" in rows[2]

    play(scene, BATCH)


def test_lines_may_have_parameters_of_their_own() -> None:
    """Each is a request."""

    async def scene(stage: Site) -> None:
        two = json.dumps({"inputs": PAIR, "parameters": {"top_k": 2}})
        reply = await stage.ask(lines(two, GOOD), content_type=LINES, accept=LINES)
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert [len(found[0]), found[1]["answer"]] == [2, "Ada"]

    play(scene, BATCH)


@pytest.mark.parametrize("count", [1, 2])
def test_as_many_lines_come_back_as_went_in(count: int) -> None:
    """One as well."""

    async def scene(stage: Site) -> None:
        two = json.dumps({"inputs": PAIR, "parameters": {"top_k": 2}})
        reply = await stage.ask(lines(*[two] * count), content_type=LINES, accept=LINES)
        assert len(reply.body.splitlines()) == count

    play(scene, BATCH)


def test_a_full_queue_is_waited_for() -> None:
    """Never a 429: a job would fail of it."""

    async def scene(stage: Site) -> None:
        body = lines(*[GOOD] * 60)
        reply = await stage.ask(body, content_type=LINES, accept=LINES)
        assert reply.status == 200
        assert {json.loads(line)["answer"] for line in reply.body.splitlines()} == {"Ada"}
        assert stage.sample("mooring_refused_total", reason="queue_full") > 0

    play(scene, BATCH, Limits(queue_tokens=64))


def test_a_bad_record_fails_the_body_outside_of_batch_jobs() -> None:
    """The strict switch, and real-time endpoints: nothing of it is answered."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(lines(GOOD, "{"), content_type=LINES)
        assert (reply.status, reply.json["type"]) == (400, "InvalidRequest")

    play(scene, WebLimits())


def test_a_failed_batch_of_the_engine_is_that_records_error() -> None:
    """500 in its own line."""

    async def scene(stage: Site) -> None:
        stage.backend.poison = lambda window: len(window) > 40
        long = json.dumps({"question": "Who?", "context": "Ada wrote it. " * 10})
        reply = await stage.ask(lines(GOOD, long), content_type=LINES, accept=LINES)
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert found[0]["answer"] == "Ada"
        assert (found[1]["error"]["code"], found[1]["error"]["type"]) == (500, "BackendError")

    play(scene, BATCH)


def test_a_header_that_names_no_column_fails_the_body() -> None:
    """Then no record can be told apart."""

    async def scene(stage: Site) -> None:
        assert (await stage.ask(b"a,b\r\n1,2\r\n", content_type="text/csv")).status == 400

    play(scene, BATCH)
